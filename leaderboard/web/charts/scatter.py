"""F1 against skill, or against the number of concerns written where a table is saturated.

Along the diagonal of the first lies agreement beyond chance; in the second, a rising cloud shows that F1 counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bioreview_bench.report.html.axes import Plot, Scale, diamond, legend, ticks, x_axis, y_axis
from bioreview_bench.report.html.svg import NARROW, Drawing, chart, element, joined, text
from bioreview_bench.report.html.words import figure

from ..site import short

_MANY = 40  # points above which whiskers would hide each other
_LETTER = 6.3  # mean width of a letter at 12 pixels
_LINE = 13.0
_GAP = 8.0


@dataclass(frozen=True)
class SystemPoint:
    """A system. `low` and `high` bound y; kind is ranked, other or reported; `href` is its page's address, if any."""

    name: str
    x: float
    y: float
    low: float | None
    high: float | None
    kind: str
    href: str = ""


@dataclass(frozen=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


_LEGEND = {
    "ranked": ("dot", "s1", "ranked"),
    "other": ("dot", "other", "not ranked"),
    "reported": ("diamond", "s2", "reported elsewhere, not rescored"),
}


def scatter(
    name: str, title: str, points: Sequence[SystemPoint], levels: Sequence[tuple[str, float]], x_name: str
) -> Markup:
    """The chart with its legend. `levels` are lines with their names.

    `points` come in order of importance: the first get their labels first.
    """
    x_low, x_high = _extent([point.x for point in points])
    bounds = [value for point in points for value in (point.y, point.low, point.high) if value is not None]
    y_low, y_high = _extent([*bounds, *(y for _, y in levels)])

    def draw(width: float) -> Drawing:
        height = 280.0 if width == NARROW else 290.0
        plot = Plot(Scale(x_low, x_high, 38, width - 16), Scale(y_low, y_high, height - 44, 28))
        spots = {point: plot.point(point.x, point.y) for point in points}
        taken = [_Box(x - 5, y - 5, x + 5, y + 5) for x, y in spots.values()]
        lines = [_level(plot, *level, taken) for level in levels]
        marks = [_mark(plot, point, *spots[point], bounds=len(points) <= _MANY) for point in reversed(points)]
        labels = [_label(plot, point.name, *spots[point], taken) for point in points]
        return Drawing(
            height,
            joined(
                y_axis(plot, ticks(y_low, y_high), "F1"),
                x_axis(plot, ticks(x_low, x_high, 5 if width == NARROW else 7), x_name),
                *lines,
                *marks,
                *labels,
            ),
        )

    kinds = [kind for kind in _LEGEND if any(point.kind == kind for point in points)]
    return joined(legend([_LEGEND[kind] for kind in kinds]), chart(name, title, _said(points, x_name), draw, "group"))


def _said(points: Sequence[SystemPoint], x_name: str) -> str:
    """The chart in words: every point of a few, the first of many (the table has them all)."""
    shown = [f"{point.name}: F1 {figure(point.y)}, {x_name} {figure(point.x, 2)}" for point in points[:_MANY]]
    left = len(points) - len(shown)
    return f"{'; '.join(shown)}{f'; and {left} more' if left else ''}."


def _extent(values: Iterable[float]) -> tuple[float, float]:
    found = list(values)
    low, high = min([0.0, *found]), max(found, default=1.0)
    if high <= low:  # all on one spot: an axis still needs a length
        high = low + 1.0
    share = high <= 1.0  # no F1 or skill is above 1, and no axis of theirs
    step = 10.0 ** math.floor(math.log10(max(high - low, 1e-6))) / 2
    top = math.ceil(high * 1.02 / step - 1e-9) * step
    return math.floor(low / step + 1e-9) * step, min(top, 1.0) if share else top


def _mark(plot: Plot, point: SystemPoint, x: float, y: float, *, bounds: bool) -> Markup:
    class_ = {"ranked": "dot s1", "other": "dot other", "reported": "diamond s2"}[point.kind]
    parts = [element("title", f"{point.name}: F1 {figure(point.y)}")]
    if bounds and point.low is not None and point.high is not None:
        low, high = plot.y.at(point.low), plot.y.at(point.high)
        parts.append(element("line", class_=f"whisker thin {class_.split()[1]}", x1=x, x2=x, y1=low, y2=high))
    if point.kind == "reported":
        parts.append(diamond(x, y, "s2"))
    else:
        parts.append(element("circle", class_=class_, cx=x, cy=y, r=5))
    return element("a", *parts, href=point.href) if point.href else element("g", *parts)


def _level(plot: Plot, name: str, value: float, taken: list[_Box]) -> Markup:
    y = plot.y.at(value)
    width = len(name) * _LETTER
    box = _Box(plot.x.end - width, y - _LINE - 2, plot.x.end, y - 2)
    if any(box.meets(other) for other in taken):
        box = _Box(box.left, y + 2, box.right, y + _LINE + 2)
    taken.append(box)
    return joined(
        element("line", class_="threshold", x1=plot.x.start, x2=plot.x.end, y1=y, y2=y),
        text(plot.x.end, box.bottom - 3, name, "end", "faint"),
    )


def _label(plot: Plot, name: str, x: float, y: float, taken: list[_Box]) -> Markup:
    """The name on the first side where it meets nothing; none where there is no room (the table has it)."""
    words = short(name)
    width = len(words) * _LETTER
    sides = (
        ("start", x + _GAP, x + _GAP, y),
        ("end", x - _GAP, x - _GAP - width, y),
        ("middle", x, x - width / 2, y - 14),
        ("middle", x, x - width / 2, y + 14),
    )
    for anchor, at, left, middle in sides:
        box = _Box(left, middle - _LINE / 2, left + width, middle + _LINE / 2)
        inside = box.left >= plot.x.start and box.right <= plot.x.end + 14 and box.top >= 18
        if inside and box.bottom <= plot.y.start and not any(box.meets(other) for other in taken):
            taken.append(box)
            return text(at, middle + 4, words, anchor, "point")
    return Markup("")
