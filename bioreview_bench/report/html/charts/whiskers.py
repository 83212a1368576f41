"""Dots with whiskers: a figure of each group with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bioreview_bench.report.html.axes import Plot, Scale, diamond, legend, ticks, x_axis
from bioreview_bench.report.html.svg import NARROW, Drawing, chart, element, joined, text, zone
from bioreview_bench.report.html.words import figure, interval

_LIMITS = (0.1, 0.25, 0.5, 1.0)
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


def axis_limit(groups: Sequence[Group]) -> float:
    """Where an axis from 0 may end: 1, or a round number below it that no figure and no interval exceeds.

    >>> axis_limit([Group("all", "", WhiskerRow(0.12, (0.08, 0.2)))])
    0.25
    """
    rows = [row for group in groups for row in (group.recall, group.precision) if row is not None]
    highest = max((end for row in rows for end in (row.value, *(row.bounds or ())) if end is not None), default=1.0)
    return next((limit for limit in _LIMITS if highest <= limit), 1.0)


def whisker_chart(name: str, title: str, groups: Sequence[Group], limit: float = 1.0) -> Markup:
    """Recall, and precision where groups have one, on one axis from 0 to `limit`. Rows are higher on a phone."""
    pair = any(group.precision is not None for group in groups)
    marks = ticks(0.0, limit, 4)

    def draw(width: float) -> Drawing:
        # A phone has no room for a column of names; they stand above their row.
        stacked = width == NARROW
        row = 52.0 if stacked else 38.0
        height = 8 + row * len(groups) + 44
        left = 10.0 if stacked else 24 + _LETTER * max(len(group.name) + len(group.detail) for group in groups)
        plot = Plot(Scale(0.0, limit, left, width - 14), Scale(0.0, 1.0, height - 44, 8))
        rows = [_row(plot, group, 8 + row * number, row, stacked, pair) for number, group in enumerate(groups)]
        grid = [
            element("line", class_="grid", x1=plot.x.at(tick), x2=plot.x.at(tick), y1=8, y2=height - 44)
            for tick in marks
        ]
        axis = x_axis(plot, marks, "recall and precision" if pair else "recall")
        return Drawing(height, joined(*grid, axis, *rows))

    entries = [("dot", "s1", "recall"), *([("diamond", "s2", "precision")] if pair else [])]
    described = "; ".join(_described(group) for group in groups)
    return joined(legend(entries), chart(name, title, f"With 95% CIs. {described}.", draw))


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
    apart = 8.0 if pair else 0.0
    parts = [shown, whisker(plot, group.recall, middle - apart, "s1", hollow=False)]
    if group.precision is not None:
        parts.append(whisker(plot, group.precision, middle + apart, "s2", hollow=True))
    if group.overall:
        y = top + height
        parts.append(element("line", class_="axis", x1=0, x2=plot.x.end, y1=y, y2=y))
    parts.append(zone(plot.x.start - 6, top, plot.x.end - plot.x.start + 12, height, _described(group)))
    return joined(*parts)


def whisker(plot: Plot, estimate: WhiskerRow, y: float, series: str, *, hollow: bool) -> Markup:
    """A dot, or a hollow diamond, with its interval as a line that ends in caps."""
    if estimate.value is None:
        return text(plot.x.start + 4, y + 4, "undefined", "start", "faint")
    parts = []
    if estimate.bounds is not None:
        low, high = (plot.x.at(bound) for bound in estimate.bounds)
        parts.append(element("line", class_=f"whisker {series}", x1=low, x2=high, y1=y, y2=y))
        parts += [element("line", class_=f"whisker {series}", x1=x, x2=x, y1=y - 5, y2=y + 5) for x in (low, high)]
    x = plot.x.at(estimate.value)
    parts.append(diamond(x, y, series) if hollow else element("circle", class_=f"dot {series}", cx=x, cy=y, r=4))
    return joined(*parts)


def _described(group: Group) -> str:
    said = f"{group.name}: recall {figure(group.recall.value)} {interval(group.recall.bounds)}".rstrip()
    if group.precision is None:
        return said
    return f"{said}, precision {figure(group.precision.value)} {interval(group.precision.bounds)}".rstrip()
