"""Rules that find the concerns in a letter: verbatim spans, with the reviewer and the heading that they stand under.

A paragraph is a concern when it is numbered or asks for something; introductions, summaries, praise and signatures are
not. A paragraph with an enumeration in it ((i), (ii) or a), b)) is several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from bioreview_bench.curation.extraction.words import pattern, words

_MOST, _FEWEST = 2000, 10  # characters of a concern
_FEW_WORDS = 5

_REVIEWER = re.compile(
    r"^\W*(?:from\s+)?(?:reviewer|referee|expert)\s*#?\s*(\d{1,2})\b[^.:\n]{0,80}?(?:[.:)]|\(.{0,80}?\):?|$)", re.I
)
_LEAD_IN = re.compile(r"^\W*(?:reviewer|referee|expert)\s*#?\s*\d{1,2}\s*(?:\(([^)]{1,80})\))?\s*[:.]\s*", re.I)
_NUMBER = re.compile(
    r"^\s*(?:[*•·▪–—-]\s*|\(?\d{1,2}[.)]\)?\s+|\(?[a-hA-H][.)]\s+|\((?:i{1,3}|iv|v|vi{0,3})\)\s+)(?=\S)"
)
_INSIDE = re.compile(r"(?:(?<=[.:;?!] )|(?<=^))(?=\((?:i{1,3}|iv|v|vi{1,3})\) |\((?:[a-h])\) |\(\d\) )")
_ENDED = re.compile(r"(?<!\bfig)(?<!\bfigs)(?<!\beq)(?<!\bref)(?<!\bal)(?<!\bno)[.?!:;)”\"]\s*$", re.I)
_WORDS = words()
_ANOTHER = pattern(_WORDS["another"], r"[.?!][”\"’')]*\s+(?=(?:{})\b)()", re.NOFLAG)
_NOT_A_CONCERN = pattern(_WORDS["not_a_concern"], r"^\W*(?:{})")
_ASKS = pattern(_WORDS["asks"], r"\?|\b(?:{})\b")
_NO_REQUEST = pattern(_WORDS["no_request"], r"\b(?:{})")
_HEADINGS = {level: pattern(begins, r"^\W*(?:{})\b[^.?!]{0,60}$") for level, begins in _WORDS["headings"].items()}


@dataclass(frozen=True)
class Segment:
    """`letter[start:end]` is the concern. `section` is the level that its heading says: major, minor or none."""

    start: int
    end: int
    text: str
    reviewer: int
    section: str


def segments(letter: str) -> list[Segment]:
    """The concerns of a letter in order.

    >>> [s.text for s in segments("Essential revisions:\\n\\n1) Please add a control for the drug.\\n\\nA fine paper.")]
    ['Please add a control for the drug.']
    """
    found: list[Segment] = []
    reviewer, section = 1, "none"
    for start, paragraph in _paragraphs(letter):
        named = reviewer_of(paragraph)
        if named is not None:
            reviewer, section = named, "none"
        level = _heading(paragraph)
        if level is not None:
            section = level
            continue
        lead = _LEAD_IN.match(paragraph)
        offset = lead.end() if lead else 0
        if lead and lead.group(1):
            section = _level_of(lead.group(1))
        numbered = _NUMBER.match(paragraph[offset:]) is not None
        if numbered and section == "skip":
            section = "none"
        if not _is_concern(paragraph[offset:], numbered, section):
            continue
        for first, last in _parts(paragraph, offset):
            text = paragraph[first:last]
            if len(text) >= _FEWEST and len(text.split()) >= _FEW_WORDS:
                found.append(Segment(start + first, start + last, text, reviewer, section))
    return found


def reviewer_of(paragraph: str) -> int | None:
    """The number of the reviewer whose heading a paragraph is, or begins with; None for any other paragraph.

    >>> reviewer_of("Reviewer #2 (Minor comments): The legend"), reviewer_of("The reviewer is right.")
    (2, None)
    """
    named = _REVIEWER.match(paragraph)
    return int(named.group(1)) if named else None


def _paragraphs(letter: str) -> Iterator[tuple[int, str]]:
    """Where each begins, and its text: what blank lines divide, and points that stand line below line."""
    for match in re.finditer(r"[^\n](?:[^\n]|\n(?![^\S\n]*\n))*", letter):
        start, block = match.start(), match.group().rstrip()
        cuts = [0, *_points(block), len(block)]
        for first, last in pairwise(cuts):
            yield start + first, block[first:last].rstrip()


def _points(block: str) -> Iterator[int]:
    """Where lines of a block, from its second, begin a paragraph: a heading and what follows it, and a numbered line
    that counts on or comes after an ended sentence. Text that is wrapped goes on over its line ends."""
    place, count = 0, _count(block)
    for before, line in pairwise(block.splitlines(keepends=True)):
        place += len(before)
        after_heading = _heading(before.strip()) is not None
        ended = after_heading or _ENDED.search(before) is not None
        number = _count(line)
        counts_on = number is not None and count is not None and number in (count, _next(count))
        if after_heading or counts_on or (ended and (number is not None or _heading(line.strip()) is not None)):
            yield place
            count = number


def _count(line: str) -> str | None:
    """What numbers a line, a bullet included; None for a line without."""
    number = _NUMBER.match(line)
    return number.group().strip(" \t().") if number else None


def _next(count: str) -> str:
    return str(int(count) + 1) if count.isdecimal() else chr(ord(count[0]) + 1) if count.isalpha() else count


def _heading(paragraph: str) -> str | None:
    if len(paragraph) > 120 or _NUMBER.match(paragraph):
        return None
    level = next((level for level, found in _HEADINGS.items() if found.match(paragraph)), None)
    if level is None and _REVIEWER.fullmatch(paragraph):
        return "none"
    return level


def _level_of(words: str) -> str:
    lowered = words.lower()
    return "minor" if "minor" in lowered else "major" if "major" in lowered else "none"


def _is_concern(text: str, numbered: bool, section: str) -> bool:
    if section == "skip" or _NOT_A_CONCERN.match(text) or _NO_REQUEST.search(text):
        return False
    return numbered or _ASKS.search(text) is not None


def _parts(paragraph: str, offset: int) -> Iterator[tuple[int, int]]:
    """Spans within a paragraph: at inner enumerations, else where another point begins."""
    cuts = [match.start() for match in _INSIDE.finditer(paragraph, offset) if match.start() > offset]
    enumerated = len(cuts) > 1
    if not enumerated:
        cuts = [match.start(1) for match in _ANOTHER.finditer(paragraph, offset)]
    start = offset
    for end in [*cuts, len(paragraph)]:
        part, rest = paragraph[start:end], paragraph[end:]
        introduces = enumerated and start == offset and not _NUMBER.match(part)
        if introduces and not _ASKS.search(part):
            start = end
            continue
        if end < len(paragraph) and not enumerated and not (_ASKS.search(part) and _ASKS.search(rest)):
            continue  # one of the two would be no concern of its own
        number = _NUMBER.match(part)
        yield from _bounded(paragraph, start + (number.end() if number else 0), end)
        start = end


def _bounded(paragraph: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > _MOST:
        breaks = [match.end() for match in re.finditer(r"[.?!]\s+", paragraph[start : start + _MOST])]
        middle = start + (breaks[-1] if breaks else _MOST)
        yield start, start + len(paragraph[start:middle].rstrip())
        start = middle
    yield start, start + len(paragraph[start:end].rstrip())
