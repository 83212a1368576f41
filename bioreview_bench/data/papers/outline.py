"""From blocks of text, some of them headings, to a Paper: title, abstract, sections, references.

Whatever the file, its parts are told apart by the same rules here. What stands before the first section and is
neither title nor abstract (authors, affiliations, dates) is left out, and a note says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bioreview_bench.data.papers.paper import Form, Paper

MAIN = "Main text"  # the section of what stands under no heading
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>{}|\\^`]{1,200}")
_NUMBER = re.compile(r"(?:\d{1,2}(?:\.\d{1,2}){0,3}|[IVX]{1,5})(?:[.)]\s*|\s+)(?=\D)")
_ABSTRACT = re.compile(r"(?:abstract|summary|synopsis)")
_REFERENCES = re.compile(r"(?:list of )?(?:references|bibliography|literature cited|works cited)(?: (?:and|&) notes)?")
_KNOWN = re.compile(
    r"introduction|background|(?:(?:materials?|patients?|subjects?|participants?|data|online|star|methods) ?(?:and|&)?"
    r" ?)?methods?(?: details)?|methodology|materials? (?:and|&) methods?|methods? (?:and|&) materials?"
    r"|experimental (?:procedures?|section|methods?)|results?|findings|results? (?:and|&) discussions?|discussions?"
    r"|(?:discussions? (?:and|&) )?conclusions?|conclusions? (?:and|&) .{1,30}|related work"
    r"|limitations?(?: of .{1,30})?"
    r"|acknowledge?ments?|funding(?: .{1,30})?|author contributions?|authors.? contributions?"
    r"|(?:declaration of )?(?:competing|conflicts? of|declaration of) interests?(?: statement)?"
    r"|(?:data|code|data and code|materials?) availability(?: statement)?|ethics(?: .{1,40})?|abbreviations"
    r"|(?:figure|table) (?:legends?|captions?)|supplementary (?:materials?|information|data)|supporting information"
    r"|appendix(?: \w)?|author summary|significance(?: statement)?|data and methods"
)
# Parts of a structured abstract, which may carry the names of sections.
_ABSTRACT_PARTS = re.compile(
    r"background|objectives?|aims?|purpose|rationale|(?:materials? and )?methods?|design|setting|results?|findings"
    r"|principal findings|methodology(?:/principal findings)?|conclusions?(?:/significance)?|interpretation"
    r"|significance|introduction|importance|main outcome measures?|participants|interventions?"
)
_RUN_IN = re.compile(r"(?:abstract|summary)\s*(?:[.:\u2013\u2014-]+\s*|\n)(?=\S)", re.IGNORECASE)
_KEYWORDS = re.compile(r"(?:key ?words?|index terms)\b", re.IGNORECASE)
_DIVIDED = re.compile(r"([^\W_]{1,40})([-\u00ad\u2010\u2013])[ \t]*\n[ \t]*([^\W_]{1,40})")
_WORD = re.compile(r"[^\W\d_]?[^\W\d_A-Z]+")
_HYPHENATED = re.compile(r"(?<![^\W\d_])[^\W\d_]{1,40}-[^\W\d_]{1,40}(?![^\W\d_])")  # bounded, as _DIVIDED is
_UNWANTED = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufffe\\uffff]")
_LONGEST, _MOST_WORDS = 120, 14  # characters and words of a heading
_TITLE_WORDS = 40
_ABSTRACT_WORDS = 60  # of a paragraph before the first section that is taken for the abstract
_ENTRY = re.compile(r"\s*(?:\[(\d{1,3})\]|(\d{1,3})[.)])\s+\S")


@dataclass(frozen=True)
class Block:
    """A heading (`level` from 1, the outermost), the title (level 0) or a paragraph (None), which may have lines."""

    text: str
    level: int | None = None


def bare(heading: str) -> str:
    """A heading without its number and the colon or stop behind it.

    >>> bare("2.1. Study area:"), bare("IV. RESULTS"), bare("3D printing")
    ('Study area', 'RESULTS', '3D printing')
    """
    return _NUMBER.sub("", heading.strip(), count=1).strip().rstrip(":. ") or heading.strip()


def known_heading(text: str) -> bool:
    """True for the names that sections of papers have, whatever their number and case."""
    name = bare(text).casefold()
    return len(name) <= _LONGEST and any(pattern.fullmatch(name) for pattern in (_KNOWN, _ABSTRACT, _REFERENCES))


def heading_level(text: str) -> int | None:
    """The level of a line that is a heading by its words alone; None for any other.

    Known names, numbered lines, and lines of capitals.

    >>> [heading_level(line) for line in ("Methods", "2.1 Study area", "TERNS ON THE LEDGE", "We counted terns.")]
    [1, 2, 1, None]
    """
    text = text.strip()
    if not text or len(text) > _LONGEST or len(text.split()) > _MOST_WORDS or "\n" in text:
        return None
    number = _NUMBER.match(text)
    depth = number[0].strip().rstrip(".)").count(".") + 1 if number else 1
    if known_heading(text):
        return depth
    words = text[number.end() :] if number else text
    if number and words[:1].isupper() and words[-1] not in ".;,:" and re.search(r"[a-z]{3}", words):
        return depth
    letters = re.sub(r"[\W\d_]", "", words)
    shouts = letters.isupper() and re.search(r"[^\W\d_]{4}", words) and not re.fullmatch(r"[ACGTUN\s]+", words)
    return depth if shouts and words[-1] not in ".;," else None


def flow(text: str, words: frozenset[str] = frozenset()) -> str:
    """The lines of a paragraph as one; a word divided at the end of a line is joined.

    The hyphen stays where the word is written with it elsewhere (`words`, in lower case).

    >>> flow("a fluo-\\nrescent pro-\\ntein", frozenset()), flow("a well-\\nknown bird", frozenset(["well-known"]))
    ('a fluorescent protein', 'a well-known bird')
    """

    def join(match: re.Match[str]) -> str:
        before, mark, behind = match.groups()
        whole = f"{before}-{behind}"
        if behind in ("and", "or", "to"):  # "pre- and post-treatment"
            return f"{before}- {behind}"
        if whole.lower() in words:
            return whole
        divided = mark != "\u2013" and _WORD.fullmatch(before) and _WORD.fullmatch(behind)
        return before + behind if divided else before + mark + behind

    text = _DIVIDED.sub(join, text)
    return " ".join(text.replace("\u00ad", "").split())


def assemble(
    blocks: Iterable[Block],
    form: Form,
    *,
    title: str = "",
    abstract: str = "",
    doi: str | None = None,
    notes: Sequence[str] = (),
) -> Paper:
    """The paper that the blocks make. `title`, `abstract` and `doi` are what the file states of itself, if it does."""
    listed = [Block(text, block.level) for block in blocks if (text := _clean(block.text)).strip()]
    words = frozenset(word.lower() for block in listed for word in _HYPHENATED.findall(block.text))
    listed, named = _titled(listed)
    level = _section_level(listed)
    last = {bare(block.text).casefold(): place for place, block in enumerate(listed) if block.level is not None}
    parts = _Parts(words)
    for place, block in enumerate(listed):
        opens = block.level is not None and block.level <= level
        if parts.kind == "references" and form in ("pdf", "text"):
            opens = opens and known_heading(block.text)  # an entry may look like any other heading
        if opens and not (parts.kind == "abstract" and _within_abstract(block, place, last)):
            parts.open(block.text)
        else:
            parts.add(block)
    front = parts.front
    found = _clean(abstract) or "\n\n".join(parts.abstract)
    if not found and (parts.sections or parts.references):
        found = "\n\n".join(text for text in front if len(text.split()) >= _ABSTRACT_WORDS)
        front = [text for text in front if len(text.split()) < _ABSTRACT_WORDS]
    if not parts.sections and not parts.references and front:
        parts.sections[MAIN] = front
        front = []
    left_out = sum(len(text.split()) for text in front)
    told = list(notes)
    if left_out:
        told.append(f"{left_out:,} words before the first section (authors, affiliations) are left out")
    if list(parts.sections) == [MAIN]:
        told.append("no headings were recognised, so the text is one section")
    if doi is None:
        stated = _DOI.search(" ".join(parts.front))
        doi = stated[0].rstrip(".,;)") if stated else None
    return Paper(
        title=flow(_clean(title) or named, words),
        abstract=found.strip(),
        sections={name: "\n\n".join(texts) for name, texts in parts.sections.items() if texts},
        references=tuple(references(parts.references, words)),
        doi=doi,
        form=form,
        notes=tuple(told),
    )


def _clean(text: str) -> str:
    """Text without control characters and half characters, which no row may hold."""
    return _UNWANTED.sub(" ", text)


class _Parts:
    """What has been read, and the part that is being read."""

    def __init__(self, words: frozenset[str]) -> None:
        self._words = words
        self.kind = "front"
        self.front: list[str] = []
        self.abstract: list[str] = []
        self.sections: dict[str, list[str]] = {}
        self.references: list[str] = []
        self._section = MAIN

    def open(self, heading: str) -> None:
        """Begin the part of this heading."""
        name = bare(flow(heading, self._words))
        lowered = name.casefold()
        if _REFERENCES.fullmatch(lowered):
            self.kind = "references"
        elif _ABSTRACT.fullmatch(lowered) and not self.abstract:
            self.kind = "abstract"
        else:
            self.kind = "section"
            self._section = _cased(name)
            self.sections.setdefault(self._section, [])

    def add(self, block: Block) -> None:
        """Put a paragraph, or a heading further in, where it belongs."""
        if self.kind == "references":
            self.references.append(block.text)
            return
        run_in = _RUN_IN.match(block.text) if self.kind == "front" and not self.abstract else None
        if run_in:
            self.abstract.append(flow(block.text[run_in.end() :], self._words))
            return
        text = flow(block.text, self._words)
        if self.kind in ("front", "abstract") and _KEYWORDS.match(text):
            if self.kind == "abstract":  # what follows without a heading is the paper
                self.kind, self._section = "section", MAIN
            return
        if self.kind == "front":
            self.front.append(text)
        elif self.kind == "abstract":
            self.abstract.append(text)
        else:
            self.sections.setdefault(self._section, []).append(text)


def _titled(blocks: list[Block]) -> tuple[list[Block], str]:
    """The blocks without the title, and the title."""
    place = next((number for number, block in enumerate(blocks) if block.level == 0), None)
    if place is None:
        levels = [block.level for block in blocks if block.level is not None]
        first = next((number for number, block in enumerate(blocks) if block.level is not None), None)
        if first is not None and len(levels) > 1 and levels[0] == min(levels) and levels.count(levels[0]) == 1:
            place = None if known_heading(blocks[first].text) else first
    if place is None and blocks and blocks[0].level is None and not _RUN_IN.match(blocks[0].text):
        short = len(blocks[0].text.split()) <= _TITLE_WORDS
        place = 0 if short and len(blocks) > 1 else None
    if place is None and blocks and blocks[0].level is not None and not known_heading(blocks[0].text):
        follows = next((block for block in blocks[1:] if block.level is not None), None)
        place = 0 if follows is not None and known_heading(follows.text) else None
    if place is None:
        return blocks, ""
    rest = [block for number, block in enumerate(blocks) if number != place and block.level != 0]
    return rest, blocks[place].text


def _section_level(blocks: Sequence[Block]) -> int:
    """The level at which sections begin: that of the names that sections have, else the outermost."""
    known = [block.level for block in blocks if block.level is not None and known_heading(block.text)]
    levels = known or [block.level for block in blocks if block.level is not None]
    return min(levels, default=1)


def _within_abstract(block: Block, place: int, last: Mapping[str, int]) -> bool:
    """True for a heading of a structured abstract: the name comes again as a section's, or the introduction does.

    `last` is the last place of every heading.
    """
    name = bare(block.text).casefold()
    if not _ABSTRACT_PARTS.fullmatch(name) or name == "introduction":
        return False
    return last[name] > place or last.get("introduction", -1) > place


def _cased(name: str) -> str:
    """A heading of capitals as a sentence would have it."""
    return name.capitalize() if name.isupper() and known_heading(name) else name


def references(paragraphs: Sequence[str], words: frozenset[str] = frozenset()) -> list[str]:
    """The entries of a list of references: by their numbers where lines begin with them, else by paragraph."""
    lines = [line for paragraph in paragraphs for line in paragraph.split("\n") if line.strip()]
    numbered: list[int] = []
    for place, line in enumerate(lines):
        entry = _ENTRY.match(line)
        if entry and (int(entry[1] or entry[2]) == len(numbered) + 1):
            numbered.append(place)
    if len(numbered) >= 2 and numbered[0] == 0:
        bounds = zip(numbered, [*numbered[1:], len(lines)], strict=True)
        return [flow("\n".join(lines[start:end]), words) for start, end in bounds]
    return [text for paragraph in paragraphs if (text := flow(paragraph, words))]
