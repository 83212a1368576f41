"""Reviews in prose: headings, numbered and bulleted lists, tables, keys with values. Only criticism is read.

A heading that is no section of a review form inherits what holds around it. Texts are the words of the answer, in
order; white space and the marks of bold print are folded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .items import LABEL_KEYS, TEXT_KEYS, Item
from .sections import Kind, kind_of

_NOUN = (
    r"(?:weakness|strength|concern|issue|comment|point|question|criticism|problem|limitation|suggestion|remark|pro|con)"
)
_MARKER = re.compile(
    rf"""\s*(?:>\s*)*(?P<bold>\*\*|__)?(?:
        \\?\(?\d{{1,3}}(?:\.\d{{1,2}}){{0,2}}\\?[.):](?=[\s*_]|$)     # 1.  1)  (1)  1.2.
      | \d{{1,3}}\s*[、．）](?!\d) | （\d{{1,3}}） | [①-⑳] | [０-９]{{1,3}}[．.、）)]
      | [一二三四五六七八九十]{{1,3}}、
      | [-*+•–—·▪◦●○‣▸➢✗✘](?=\s) | ・
      | \(?[a-z]\)(?=\s) | \(?[ivx]{{1,5}}\)(?=\s) | (?-i:i{{1,3}}|iv|vi{{0,3}}|ix|x)\.(?=\s)
      | (?P<letter>[WSCQRLPM])\d{{1,2}}(?:[.:)]|\s[–—-])(?=[\s*_])
      | \#?(?P<noun>{_NOUN})\s*(?:\#\s*)?\d{{1,3}}\s*(?:[.:)–—-]+|(?=\*\*))(?=[\s*_])
    )\s*(?:\[[ xX]\]\s+)?""",
    re.VERBOSE | re.IGNORECASE,
)
_MARKDOWN = re.compile(r"\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*")
_BOLD_LINE = re.compile(r"\s*(?:>\s*)?(?:\*\*|__)(.{1,200}?)(?:\*\*|__)\s*:?\s*")
_UNDERLINE = re.compile(r"\s{0,3}(?:={3,}|-{3,})\s*")
_RULE = re.compile(r"\s*(?:[-*_=~]\s*){3,}")
_BOX = re.compile(r"\\boxed\w*\s*\{")
_TAG_LINE = re.compile(r"\s*<(/?)([A-Za-z][\w .-]{0,60})>\s*")
_FENCE = re.compile(r"\s*(?:```|~~~)[\w-]*\s*")
_NAME = re.compile(
    r"\s*(?:\*\*|__)?([^\W\d_][^:：\n*]{0,78}?)(?:\*\*|__)?\s*[:：]\s*(?:\*\*|__)?(?=\s|\*|$)\s*(.*)", re.DOTALL
)
_TEXT_LABEL = re.compile(
    rf"(?:\*\*|__)?\"?({'|'.join(TEXT_KEYS)})\"?(?:\*\*|__)?\s*[:=]\s*(?:\*\*|__)?\s*", re.IGNORECASE
)
_LABEL = re.compile(
    rf"\W{{0,4}}({'|'.join(LABEL_KEYS)})\W{{0,3}}?\s*[:=]\s*(?:\*\*|__)?\s*(\S.{{0,80}}?)\s*(?:\*\*|__)?\W?",
    re.IGNORECASE,
)
_EMPHASIS = re.compile(r"\*\*|__(?=\S)|(?<=\S)__")
_BLOCK_SCALAR = re.compile(r"[|>][-+]?")
_ENDED = re.compile(r"[.!?。！？…][\"'”’)\]*_]*\s*$")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_BOLD_LEVEL, _PLAIN_LEVEL, _LIST_LEVEL = 7, 8, 10


@dataclass
class _Node:
    """An item of a list with its own paragraphs and the items below it."""

    text: str
    indent: int
    bold: bool = False
    labels: dict[str, Any] = field(default_factory=dict)
    paragraphs: list[str] = field(default_factory=list)
    below: list[_Node] = field(default_factory=list)

    def is_title(self) -> bool:
        """A few words that name a topic, rather than a sentence."""
        bare = _EMPHASIS.sub("", self.text).strip()
        if self.bold:
            return True
        if _CJK.search(bare):
            return len(bare) <= 8 and not _ENDED.search(bare)
        return len(bare.split()) <= (3 if _ENDED.search(bare) else 6)


@dataclass
class _Section:
    kind: Kind | None
    title: str = ""  # of a heading that names no section of a form
    level: int = 0
    nodes: list[_Node] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)


def read(text: str, *, ended: bool = True) -> list[Item]:
    """The concerns of a review in prose, in order; of an output that was cut, only items that end as sentences do."""
    reader = _Reader()
    for line in _lines(text):
        reader.line(line)
    taken: set[Kind | None] = {None, Kind.CRITICISM}
    if not {section.kind for section in reader.sections} & {Kind.CRITICISM, Kind.PRAISE, Kind.MIXED}:
        taken.add(Kind.TOPIC)
    items = [item for section in reader.sections if section.kind in taken for item in _concerns(section)]
    if not ended and items and not _ENDED.search(items[-1]["text"]):
        items.pop()
    return items


def _lines(text: str) -> Iterator[str]:
    """Lines without boxes, fences and rules; a heading that is underlined is marked as Markdown does it."""
    text, boxes = _BOX.subn("\n", text)
    lines = text.replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if _FENCE.fullmatch(line) or _RULE.fullmatch(line):
            continue
        if boxes and line.strip() == "}":
            boxes -= 1
            continue
        if boxes and number == len(lines) - 1 and line.rstrip().endswith("}") and line.count("{") < line.count("}"):
            line = line.rstrip()[:-1]
        if line.strip() and _UNDERLINE.fullmatch(below) and len(line) < 100 and not _MARKER.match(line):
            line = f"# {line.strip()}"
        yield line


class _Reader:
    """Takes lines one by one; `sections` grow as they come."""

    def __init__(self) -> None:
        self.sections = [_Section(None)]
        self._open: list[_Section] = []  # the headings that hold here, outermost first
        self._chain: list[_Node] = []  # the items that hold here, outermost first
        self._writing: _Node | None = None  # the item that a next line goes on with
        self._paragraph = False
        self._table: list[str] | None = None

    def line(self, line: str) -> None:
        """Read one line."""
        if not line.strip():
            self._writing, self._paragraph, self._table = None, False, None
        elif line.lstrip().startswith("|") and line.count("|") >= 2:
            self._row([cell.strip() for cell in line.strip().strip("|").split("|")])
        elif not (self._heading(line) or self._item(line)):
            self._text(line)

    # Headings

    def _heading(self, line: str) -> bool:
        marked = _MARKDOWN.fullmatch(line)
        if marked:
            return self._titled(marked.group(2), len(marked.group(1)))
        tag = _TAG_LINE.fullmatch(line)
        if tag and kind_of(tag.group(2)) is not None:
            self._enter(0, None if tag.group(1) else kind_of(tag.group(2)))
            return True
        bold = _BOLD_LINE.fullmatch(line)
        if bold:
            return self._titled(bold.group(1), _BOLD_LEVEL)
        marker = _MARKER.match(line)
        rest = line[marker.end() :] if marker else line
        name = _EMPHASIS.sub("", rest).strip()
        indent = len(line) - len(line.lstrip())
        ends_so = name.endswith((":", "：")) or (len(name.split()) <= 6 and not _ENDED.search(name))
        bare = name.rstrip(":： ")
        kind = kind_of(bare) if ends_so and not _is_single(bare) and not re.search("[:：]", bare) else None
        if kind is not None and (marker is None or len(name) > 2) and not _is_label(marker):
            self._enter(_LIST_LEVEL + indent if marker else _PLAIN_LEVEL, kind)
            return True
        named = _NAME.fullmatch(rest) if marker is None else None
        if (
            named
            and named.group(2)
            and (kind := kind_of(named.group(1))) is not None
            and not _is_single(named.group(1))
        ):
            self._enter(_PLAIN_LEVEL, kind)
            self._text(named.group(2))
            return True
        return False

    def _titled(self, title: str, level: int) -> bool:
        """A heading in Markdown or bold: a section, or an item when it is numbered and names no section."""
        bare = _EMPHASIS.sub("", title).strip()
        marker = _MARKER.match(bare)
        rest = bare[marker.end() :] if marker else bare
        kind = kind_of(rest, marked_up=True)
        named = _NAME.fullmatch(rest)
        inline, following = None, ""
        if named is not None and named.group(2):
            inline, following = kind_of(named.group(1), marked_up=True), named.group(2)
        if marker and kind is None and rest and inline is None:
            self._add(_Node(rest, -1, bold=True), marker)
        elif inline is not None and kind is None:
            self._enter(level, inline)
            self._text(following)
        else:
            self._enter(level, kind, rest)
        return True

    def _enter(self, level: int, kind: Kind | None, title: str = "") -> None:
        around = self._open[-1].kind if self._open else None
        # A heading ends a section of its own depth where Markdown counts depth; bold titles may stand below each other.
        while self._open and (
            self._open[-1].level > level
            or (self._open[-1].level == level and (kind is not None or level < _BOLD_LEVEL or self._open[-1].title))
        ):
            closed = self._open.pop()
            around = self._open[-1].kind if self._open else (closed.kind if closed.title and kind is None else None)
        section = _Section(kind if kind is not None else around, title if kind is None else "", level)
        self._open.append(section)
        self.sections.append(section)
        self._chain, self._writing, self._paragraph = [], None, False

    # Items

    def _item(self, line: str) -> bool:
        marker = _MARKER.match(line)
        label = _TEXT_LABEL.match(line.lstrip()) if marker is None else None
        if marker is None and (
            label is None or len(line) - len(line.lstrip()) > 3 or not line.lstrip()[label.end() :].strip()
        ):
            return False
        text = line[marker.end() :] if marker else line.lstrip()
        indent = len(line) - len(line.lstrip())
        if marker and not text.strip():
            return True
        if self._open and self._open[-1].level >= _LIST_LEVEL and indent <= self._open[-1].level - _LIST_LEVEL:
            self._open.pop()
            self.sections.append(_Section(self._open[-1].kind if self._open else None))
            self._chain = []
        bold = bool(_BOLD_LINE.fullmatch(text)) or bool(
            marker and marker.group("bold") and text.rstrip().endswith("**")
        )
        self._add(_Node("", indent, bold), marker)
        self._extend(text)
        return True

    def _add(self, node: _Node, marker: re.Match[str] | None) -> None:
        section = self.sections[-1]
        if marker is not None and _praises(marker):
            section = _Section(Kind.PRAISE)  # read, and left out
        while self._chain and self._chain[-1].indent >= node.indent:
            self._chain.pop()
        (self._chain[-1].below if self._chain else section.nodes).append(node)
        self._chain.append(node)
        self._writing = node

    def _extend(self, text: str) -> None:
        """Go on with the item that is open: its text, or a label of it."""
        node = self._writing
        assert node is not None
        labelled = _LABEL.fullmatch(text.strip())
        if labelled and (node.text or not _TEXT_LABEL.match(text.strip())):
            node.labels[labelled.group(1).casefold()] = _plain(labelled.group(2))
            return
        said = text.strip()
        named = _TEXT_LABEL.match(said)
        if named and not node.text:
            said = said[named.end() :].strip()
            said = "" if _BLOCK_SCALAR.fullmatch(said) else _unquoted(said)
        node.text = f"{node.text} {said}".strip()

    # Paragraphs and tables

    def _text(self, line: str) -> None:
        if self._writing is not None:
            self._extend(line)
        elif self._chain and line[0] in " \t":
            self._writing = self._chain[-1]
            self._extend(line)
        else:
            titled = self._chain and self._chain[-1].is_title() and not _is_short(self._chain[-1])
            paragraphs = self._chain[-1].paragraphs if titled else self.sections[-1].paragraphs
            if self._paragraph and paragraphs:
                paragraphs[-1] += f" {line.strip()}"
            else:
                paragraphs.append(line.strip())
            self._paragraph = True

    def _row(self, cells: list[str]) -> None:
        if self._table is None:
            self._table = cells
            return
        if all(re.fullmatch(r":?-+:?", cell) for cell in cells if cell):
            return
        kinds = [kind_of(_EMPHASIS.sub("", name)) for name in self._table]
        row = dict(zip(self._table, cells, strict=False))
        critical = [cell for kind, cell in zip(kinds, cells, strict=False) if kind is Kind.CRITICISM and _says(cell)]
        texts = critical or ([] if Kind.PRAISE in kinds else [max(cells, key=len)])
        labels = {name.casefold(): cell for name, cell in row.items() if name.casefold() in LABEL_KEYS and cell}
        for text in texts:
            if _says(text):
                self._add(_Node(text, 0, labels=dict(labels)), None)
        self._writing = None


def _concerns(section: _Section) -> Iterator[Item]:
    """The concerns of one section: its items, else the paragraphs of a section of criticism."""
    most = max((len(node.paragraphs) for node in section.nodes[:-1]), default=1)
    for node in section.nodes[:-1]:
        yield from _of_node(node, len(node.paragraphs))
    # What follows the last title may be a closing remark: it gets no more paragraphs than the others have.
    for node in section.nodes[-1:]:
        yield from _of_node(node, max(1, most))
    if section.kind in (Kind.CRITICISM, Kind.TOPIC) and not section.nodes:
        paragraphs = [paragraph for paragraph in section.paragraphs if not paragraph.endswith((":", "："))]
        if section.title and paragraphs:
            paragraphs = [" ".join([section.title, *paragraphs])]
        yield from (_item(paragraph, {}) for paragraph in paragraphs if _says(paragraph))


def _of_node(node: _Node, n_paragraphs: int) -> Iterator[Item]:
    named = _NAME.fullmatch(node.text)
    if named and named.group(2) and kind_of(named.group(1)) in (Kind.PRAISE, Kind.OTHER):
        return
    if node.below and node.is_title() and not node.paragraphs:
        for below in node.below:
            yield from _of_node(below, len(below.paragraphs))
        return
    text = " ".join([node.text, *node.paragraphs[:n_paragraphs], *(_whole(below) for below in node.below)])
    if _says(text):
        yield _item(text, node.labels)


def _whole(node: _Node) -> str:
    return " ".join([node.text, *node.paragraphs, *(_whole(below) for below in node.below)])


def _item(text: str, labels: dict[str, Any]) -> Item:
    return {"text": " ".join(_EMPHASIS.sub("", text).split()), **labels}


def _says(text: str) -> bool:
    """False for a single word, which is a heading, and for what has no letter."""
    bare = text.strip()
    return bool(re.search(r"[^\W\d_]", bare)) and (" " in bare or bool(_CJK.search(bare) and len(bare) > 3))


def _is_short(node: _Node) -> bool:
    """A sentence of few words: a paragraph after it is a remark, not its substance."""
    return not node.bold and bool(_ENDED.search(node.text))


def _is_label(marker: re.Match[str] | None) -> bool:
    return marker is not None and (marker.group("letter") is not None or marker.group("noun") is not None)


def _is_single(name: str) -> bool:
    """*Concern: ...* is an item, *Concerns: ...* a section."""
    return name.strip().casefold() in TEXT_KEYS


def _praises(marker: re.Match[str]) -> bool:
    noun = marker.group("noun")
    return marker.group("letter") == "S" or (noun is not None and kind_of(noun) is Kind.PRAISE)


def _plain(value: str) -> Any:
    value = _unquoted(value.strip().strip("*_,"))
    try:
        return float(value)
    except ValueError:
        return value


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def sentences_or_items(text: str) -> Sequence[Item]:
    """The items of a text that stands where a list was wanted; the text itself when it has none."""
    return read(text) or ([{"text": text}] if text.strip() else [])
