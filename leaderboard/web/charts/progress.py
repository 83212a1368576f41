"""F1 over time: every submission on its day, and the best of the ranked ones so far as a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from bioreview_bench.report.html.axes import Plot, Scale, legend, ticks, x_axis, y_axis
from bioreview_bench.report.html.svg import NARROW, Drawing, chart, element, joined
from bioreview_bench.report.html.words import figure


@dataclass(frozen=True)
class DatedPoint:
    """A submission: the ISO date on which it came, its F1, the address of its page."""

    name: str
    day: str
    f1: float
    ranked: bool
    href: str


_LEGEND = {True: ("dot", "s1", "ranked"), False: ("dot", "other", "not ranked")}


def progress(name: str, title: str, points: Sequence[DatedPoint]) -> Markup:
    """The chart with its legend."""
    dated = sorted(((date.fromisoformat(point.day).toordinal(), point) for point in points), key=lambda one: one[0])
    first, last = dated[0][0], max(dated[-1][0], dated[0][0] + 1)
    top = max(point.f1 for _, point in dated) or 1.0
    best = [(date.fromisoformat(point.day).toordinal(), point.f1) for point in bests([point for _, point in dated])]

    def draw(width: float) -> Drawing:
        height = 280.0 if width == NARROW else 290.0
        plot = Plot(Scale(first, last, 44, width - 16), Scale(0.0, top * 1.05, height - 44, 28))
        days = _days(first, last, 3 if width == NARROW else 5)
        marks = [_mark(plot, day, point) for day, point in dated]
        axes = [
            y_axis(plot, ticks(0.0, top * 1.05), "F1"),
            x_axis(plot, days, "submitted", [date.fromordinal(int(day)).isoformat() for day in days]),
        ]
        return Drawing(height, joined(*axes, _steps(plot, best, last), *marks))

    kinds = [_LEGEND[ranked] for ranked in (True, False) if any(point.ranked is ranked for point in points)]
    line = [("line", "s2", "best ranked so far")] if best else []
    said = "; ".join(f"{date.fromordinal(day).isoformat()}: {figure(f1)}" for day, f1 in best)
    described = f"Best ranked F1 so far: {said}." if best else "No submission is ranked."
    return joined(legend([*kinds, *line]), chart(name, title, described, draw, "group"))


def bests(points: Sequence[DatedPoint]) -> list[DatedPoint]:
    """Of points in the order of their days, the ranked ones that were better than all before them."""
    found: list[DatedPoint] = []
    for point in points:
        if point.ranked and (not found or point.f1 > found[-1].f1):
            found.append(point)
    return found


def _steps(plot: Plot, best: Sequence[tuple[int, float]], last: int) -> Markup:
    """A line that rises on the day of a better one, and goes on to the last day."""
    if not best:
        return Markup("")
    parts = [f"M{plot.x.at(best[0][0]):.1f} {plot.y.at(best[0][1]):.1f}"]
    for day, f1 in best[1:]:
        parts.append(f"H{plot.x.at(day):.1f}V{plot.y.at(f1):.1f}")
    return element("path", class_="curve s2 steps", d=f"{''.join(parts)}H{plot.x.at(last):.1f}")


def _days(first: int, last: int, count: int) -> list[float]:
    """At most `count` whole days, evenly spaced from the first to the last."""
    n = min(count, last - first + 1)
    return [float(round(first + (last - first) * place / (n - 1))) for place in range(n)]


def _mark(plot: Plot, day: int, point: DatedPoint) -> Markup:
    title = element("title", f"{point.name}, {point.day}: F1 {figure(point.f1)}")
    class_ = "dot s1" if point.ranked else "dot other"
    dot = element("circle", class_=class_, cx=plot.x.at(day), cy=plot.y.at(point.f1), r=4.5)
    return element("a", title, dot, href=point.href)
