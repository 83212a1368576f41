"""Lines of a page, with their places and sizes, to paragraphs and headings in the order in which they are read.

Two or more columns are told by the gap between them; running titles, page numbers and line numbers are left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from bioreview_bench.data.papers.outline import Block, bare, heading_level, known_heading

_MARGIN = 0.09  # of a page's height, at the top and at the foot, where running titles stand
_REPEATED = 3  # pages on which a line stands that is no part of the text
_LEAST_LINES = 4  # of a column
_GUTTER = 6.0  # points between columns
_NUMBERED = 5  # lines in a row with rising numbers are numbered lines
_HEADING_WORDS = 16
_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(r"(?:page\s*)?\d{1,5}(?:\s*(?:of|/)\s*\d{1,5})?|[ivxl]{1,6}", re.IGNORECASE)
_LINE_NUMBER = re.compile(r"(\d{1,5})(?:\s+|$)")


@dataclass(frozen=True)
class TextLine:
    """A line of text: its left and right end, its foot (from the foot of the page), its size in points, its page."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool
    page: int


@dataclass(frozen=True)
class PageLines:
    """The lines of a page, and its height in points."""

    lines: tuple[TextLine, ...]
    height: float


def blocks_of(pages: Sequence[PageLines]) -> list[Block]:
    """Title, headings and paragraphs of a document."""
    kept = _without_running_titles(pages)
    ordered = [line for page in kept for line in reading_order(_without_line_numbers(page.lines))]
    if not ordered:
        return []
    sizes: Counter[float] = Counter()
    for line in ordered:
        sizes[_rounded(line.size)] += len(line.text)
    body = sizes.most_common(1)[0][0]
    bold_text = sum(len(line.text) for line in ordered if line.bold) * 2 > sum(len(line.text) for line in ordered)
    return _Grouping(body, bold_text).blocks(ordered)


def reading_order(lines: Sequence[TextLine]) -> list[TextLine]:
    """The lines from top to bottom; where a gap divides them into columns, one column after the other.

    A line across the gap (a title, a wide caption) ends the columns above it.
    """
    gap = _gap(lines)
    ranked = sorted(lines, key=lambda line: (-line.y, line.x0))
    if gap is None:
        return _rows(ranked)
    ordered: list[TextLine] = []
    left: list[TextLine] = []
    right: list[TextLine] = []
    for line in ranked:
        if line.x1 <= gap:
            left.append(line)
        elif line.x0 >= gap:
            right.append(line)
        else:
            ordered += [*reading_order(left), *reading_order(right), line]
            left, right = [], []
    return [*ordered, *reading_order(left), *reading_order(right)]


def _rows(ranked: Sequence[TextLine]) -> list[TextLine]:
    """Pieces on one height, from left to right."""
    ordered: list[TextLine] = []
    row: list[TextLine] = []
    for line in ranked:
        if row and abs(row[0].y - line.y) > 0.4 * max(1.0, min(row[0].size, line.size)):
            ordered += sorted(row, key=lambda piece: piece.x0)
            row = []
        row.append(line)
    return ordered + sorted(row, key=lambda piece: piece.x0)


def _gap(lines: Sequence[TextLine]) -> float | None:
    """The place between two columns: where the fewest lines cross, and enough stand on either side."""
    if len(lines) < 2 * _LEAST_LINES:
        return None
    left, right = min(line.x0 for line in lines), max(line.x1 for line in lines)
    best: tuple[int, float] | None = None
    for start in sorted({line.x0 for line in lines}):
        place = start - _GUTTER / 2
        if not left + 0.2 * (right - left) < place < left + 0.8 * (right - left):
            continue
        before = [line for line in lines if line.x1 <= place - _GUTTER / 2]
        behind = [line for line in lines if line.x0 >= place]
        crossing = len(lines) - len(before) - len(behind)
        beside = min(len(before), len(behind))
        if beside < _LEAST_LINES or crossing > beside or not _overlap(before, behind):
            continue
        if best is None or crossing < best[0]:
            best = crossing, place
    return None if best is None else best[1]


def _overlap(before: Sequence[TextLine], behind: Sequence[TextLine]) -> bool:
    """True when two groups stand beside each other, and both have lines as wide as text, not as numbers."""
    low, high = (
        max(min(line.y for line in group) for group in (before, behind)),
        min(max(line.y for line in group) for group in (before, behind)),
    )
    wide = all(sorted(len(line.text) for line in group)[len(group) // 2] >= 12 for group in (before, behind))
    return high > low and wide


def _without_running_titles(pages: Sequence[PageLines]) -> list[PageLines]:
    """The pages without what is repeated at their head and foot, and without page numbers there."""
    seen: Counter[tuple[bool, str]] = Counter()
    for page in pages:
        seen.update({_running(line, page.height) for line in page.lines if _in_margin(line, page.height)})
    least = min(_REPEATED, max(2, len(pages)))

    def runs(line: TextLine, page: PageLines) -> bool:
        if not _in_margin(line, page.height):
            return False
        return _PAGE_NUMBER.fullmatch(line.text.strip()) is not None or seen[_running(line, page.height)] >= least

    return [PageLines(tuple(line for line in page.lines if not runs(line, page)), page.height) for page in pages]


def _in_margin(line: TextLine, height: float) -> bool:
    return line.y > (1 - _MARGIN) * height or line.y < _MARGIN * height


def _running(line: TextLine, height: float) -> tuple[bool, str]:
    """A line of a margin as it repeats: its numbers count up, and odd pages may have them on the other side."""
    return line.y > height / 2, " ".join(sorted(_DIGITS.sub("#", line.text.casefold()).split()))


def _without_line_numbers(lines: Sequence[TextLine]) -> list[TextLine]:
    """The lines without numbers that count them in the left margin."""
    ranked = sorted(lines, key=lambda line: -line.y)
    matches = [(line, match) for line in ranked if (match := _LINE_NUMBER.match(line.text.strip()))]
    numbers = [(line, int(match[1])) for line, match in matches]
    ends = {id(line): match.end() for line, match in matches}
    counted = {id(line) for run in _rising(numbers) if len(run) >= _NUMBERED for line, _ in run}
    kept = []
    for line in lines:
        text = line.text
        if id(line) in counted:
            text = text.strip()[ends[id(line)] :]
        if text.strip():
            kept.append(replace(line, text=text))
    return kept


def _rising(numbers: Sequence[tuple[TextLine, int]]) -> Iterator[list[tuple[TextLine, int]]]:
    """Runs of numbers that rise by one (or by five, where only such lines are numbered) down one left edge."""
    run: list[tuple[TextLine, int]] = []
    for line, number in numbers:
        step = number - run[-1][1] if run else 1
        same_edge = not run or abs(line.x0 - run[-1][0].x0) < 12
        if run and not (step in (1, 5) and same_edge):
            yield run
            run = []
        run.append((line, number))
    yield run


def _rounded(size: float) -> float:
    return round(size * 2) / 2


class _Grouping:
    """Groups lines in reading order into blocks; `body` is the size of the text, `bold` whether the text is bold."""

    def __init__(self, body: float, bold: bool) -> None:
        self._body, self._bold = body, bold
        self._pitch = 1.2 * body

    def blocks(self, lines: Sequence[TextLine]) -> list[Block]:
        """The largest lines of the first page are the title; other lines that stand out are headings."""
        self._pitch = _pitch(lines, self._body)
        title = self._title(lines)
        headings: list[tuple[tuple[float, bool], str]] = []
        groups: list[tuple[str, tuple[float, bool] | None]] = []
        for kind, group in self._groups([line for line in lines if line not in title]):
            text = "\n".join(line.text.strip() for line in group)
            style = (_rounded(group[0].size), group[0].bold) if kind == "heading" else None
            groups.append((text, style))
            if style is not None:
                headings.append((style, text))
        ranks = _ranks(headings)
        found = [Block(" ".join(line.text.strip() for line in title), 0)] if title else []
        for text, style in groups:
            level = None if style is None else _level(text, ranks[style])
            found.append(Block(text if level is None else " ".join(text.split("\n")), level))
        return found

    def _title(self, lines: Sequence[TextLine]) -> list[TextLine]:
        first = [line for line in lines if line.page == lines[0].page]
        tallest = max((_rounded(line.size) for line in first if len(line.text.split()) > 1), default=0.0)
        if tallest < 1.15 * self._body:
            return []
        start = next(place for place, line in enumerate(first) if _rounded(line.size) == tallest)
        title = []
        for line in first[start : start + 6]:
            if _rounded(line.size) < tallest - 0.5:
                break
            title.append(line)
        return [] if known_heading(" ".join(line.text for line in title)) else title

    def _groups(self, lines: Sequence[TextLine]) -> Iterator[tuple[str, list[TextLine]]]:
        """("heading" or "text", its lines)."""
        group: list[TextLine] = []
        kind = ""
        edges = _edges(lines)
        for line in lines:
            stands_out = self._stands_out(line)
            if group and (stands_out != (kind == "heading") or self._breaks(group, line, edges)):
                yield self._settled(kind, group)
                group = []
            kind = "heading" if stands_out else "text"
            group.append(line)
        if group:
            yield self._settled(kind, group)

    def _stands_out(self, line: TextLine) -> bool:
        if len(line.text.split()) > _HEADING_WORDS or not re.search(r"[^\W\d_]{2}", line.text):
            return False
        larger = line.size > 1.08 * self._body
        bold = line.bold and not self._bold and line.size > 0.85 * self._body
        return larger or bold or (known_heading(line.text) and not line.text.rstrip().endswith("."))

    def _settled(self, kind: str, group: list[TextLine]) -> tuple[str, list[TextLine]]:
        words = sum(len(line.text.split()) for line in group)
        long = len(group) > 3 or words > 2 * _HEADING_WORDS
        if kind == "heading" and (long or group[-1].text.rstrip().endswith((",", ";"))):
            return "text", group
        if kind == "text" and len(group) == 1 and _plain_heading(group[0].text):
            return "heading", group
        return kind, group

    def _breaks(self, group: Sequence[TextLine], line: TextLine, edges: dict[int, tuple[float, float]]) -> bool:
        """True when a new block begins with the line."""
        last = group[-1]
        if _rounded(last.size) != _rounded(line.size) and abs(last.size - line.size) > 0.12 * self._body:
            return True
        if self._stands_out(line) and (last.bold != line.bold or known_heading(line.text)):
            return True
        ends = last.text.rstrip().endswith((".", "?", "!", ":", '"', "\u201d"))
        if line.page != last.page or line.y > last.y + 0.5 * last.size:  # a new page or column
            return ends and (self._indented(line, edges) or line.text[:1].isupper())
        if last.y - line.y > 1.35 * self._pitch * max(1.0, max(last.size, line.size) / self._body):
            return True
        return self._indented(line, edges) and (ends or not self._indented(last, edges))

    def _indented(self, line: TextLine, edges: dict[int, tuple[float, float]]) -> bool:
        edge = min(edges[line.page], key=lambda place: abs(place - line.x0) if place <= line.x0 + 2 else 1e9)
        return 0.6 * line.size < line.x0 - edge < 4 * line.size


def _pitch(lines: Sequence[TextLine], body: float) -> float:
    """The distance from line to line in the text, which manuscripts may have doubled."""
    gaps: Counter[float] = Counter()
    for above, below in pairwise(lines):
        gap = above.y - below.y
        if above.page == below.page and 0.8 * body < gap < 4 * body:
            gaps[_rounded(gap)] += 1
    return gaps.most_common(1)[0][0] if gaps else 1.2 * body


def _plain_heading(text: str) -> bool:
    """True for a line in the text's own type that is a heading by its words; entries of lists have commas and stops."""
    return heading_level(text) is not None and not re.search(r"[,;]|\.\s", bare(text))


def _edges(lines: Iterable[TextLine]) -> dict[int, tuple[float, float]]:
    """The left edges of the columns of each page: the two places at which most lines begin."""
    starts: dict[int, Counter[float]] = {}
    for line in lines:
        starts.setdefault(line.page, Counter())[round(line.x0)] += 1
    found = {}
    for page, counted in starts.items():
        first = counted.most_common(1)[0][0]
        other = next((place for place, _ in counted.most_common() if abs(place - first) > 60), first)
        found[page] = (first, other)
    return found


def _ranks(headings: Sequence[tuple[tuple[float, bool], str]]) -> dict[tuple[float, bool], int]:
    """The level of each style of heading: that of the known names is 1, smaller ones lie further in."""
    styles = sorted({style for style, _ in headings}, key=lambda style: (-style[0], not style[1]))
    named = Counter(style for style, text in headings if known_heading(text))
    top = named.most_common(1)[0][0] if named else (styles[0] if styles else None)
    place = styles.index(top) if top is not None else 0
    return {style: max(1, 1 + number - place) for number, style in enumerate(styles)}


def _level(text: str, rank: int) -> int:
    """A number in a heading says how deep it is; a known name without one begins a section."""
    flat = " ".join(text.split())
    stated = heading_level(flat)
    numbered = re.match(r"\d{1,2}(\.\d{1,2})*[.)]?\s", flat)
    if stated is not None and numbered:
        return stated
    return 1 if known_heading(flat) else rank
