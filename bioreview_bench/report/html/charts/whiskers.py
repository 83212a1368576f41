"""Dots with whiskers: a figure of each group with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bioreview_bench.report.html.axes import Plot, Scale, diamond, legend, x_axis
from bioreview_bench.report.html.svg import NARROW, Drawing, chart, element, joined, text
from bioreview_bench.report.html.words import figure, interval

_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_LETTER = 6.9  # mean width of a letter at 12 pixels in the widest of the usual system fonts


@dataclass(frozen=True)
class WhiskerRow:
    """A figure and its interval; either may be undefined."""

    value: float | None
    bounds: tuple[float, float] | None


@dataclass(frozen=True)
class Group:
    """A row of the chart. `overall` sets the row of all groups together apart."""

    name: str
    detail: str
    recall: WhiskerRow
    precision: WhiskerRow | None = None
    overall: bool = False


def whisker_chart(name: str, title: str, groups: Sequence[Group], row_height: float = 34) -> Markup:
    """Recall, and precision where groups have one, on one axis from 0 to 1. Rows are higher on a phone."""
    pair = any(group.precision is not None for group in groups)

    def draw(width: float) -> Drawing:
        # A phone has no room for a column of names; they stand above their row.
        stacked = width == NARROW
        row = 48.0 if stacked else row_height
        height = 8 + row * len(groups) + 44
        left = 10.0 if stacked else 24 + _LETTER * max(len(group.name) + len(group.detail) for group in groups)
        plot = Plot(Scale(0.0, 1.0, left, width - 14), Scale(0.0, 1.0, height - 44, 8))
        rows = [_row(plot, group, 8 + row * number, row, stacked, pair) for number, group in enumerate(groups)]
        grid = [
            element("line", class_="grid", x1=plot.x.at(tick), x2=plot.x.at(tick), y1=8, y2=height - 44)
            for tick in _TICKS
        ]
        axis = x_axis(plot, _TICKS, "recall and precision" if pair else "recall")
        return Drawing(height, joined(*grid, axis, *rows))

    entries = [("dot", "s1", "recall"), *([("diamond", "s2", "precision")] if pair else [])]
    described = "; ".join(_described(group) for group in groups)
    return joined(legend(entries), chart(name, title, f"With 95 % intervals. {described}.", draw))


def _row(plot: Plot, group: Group, top: float, height: float, stacked: bool, pair: bool) -> Markup:
    class_ = "strong" if group.overall else "label"
    names = element("tspan", group.name, class_=class_)
    detail = element("tspan", f" {group.detail}", class_="faint")
    if stacked:
        shown = element("text", names, detail, x=plot.x.start, y=top + 14)
        middle = top + 12 + (height - 12) / 2
    else:
        shown = element("text", names, detail, x=plot.x.start - 14, y=top + height / 2 + 4, text_anchor="end")
        middle = top + height / 2
    apart = 6.0 if pair else 0.0
    parts = [shown, whisker(plot, group.recall, middle - apart, "s1", hollow=False)]
    if group.precision is not None:
        parts.append(whisker(plot, group.precision, middle + apart, "s2", hollow=True))
    if group.overall:
        y = top + height
        parts.append(element("line", class_="axis", x1=0, x2=plot.x.end, y1=y, y2=y))
    return joined(*parts)


def whisker(plot: Plot, estimate: WhiskerRow, y: float, series: str, *, hollow: bool) -> Markup:
    """A dot, or a hollow diamond, with its interval."""
    if estimate.value is None:
        return text(plot.x.start + 4, y + 4, "undefined", "start", "faint")
    parts = []
    if estimate.bounds is not None:
        low, high = (plot.x.at(bound) for bound in estimate.bounds)
        parts.append(element("line", class_=f"whisker {series}", x1=low, x2=high, y1=y, y2=y))
    x = plot.x.at(estimate.value)
    parts.append(diamond(x, y, series) if hollow else element("circle", class_=f"dot {series}", cx=x, cy=y, r=4.5))
    return joined(*parts)


def _described(group: Group) -> str:
    said = f"{group.name}: recall {figure(group.recall.value)} {interval(group.recall.bounds)}".rstrip()
    if group.precision is None:
        return said
    return f"{said}, precision {figure(group.precision.value)} {interval(group.precision.bounds)}".rstrip()
