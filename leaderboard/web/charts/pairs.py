"""Two systems side by side: a figure of each, by group, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bioreview_bench.report.html.axes import Plot, Scale, legend, ticks, x_axis
from bioreview_bench.report.html.charts.whiskers import Estimate, whisker
from bioreview_bench.report.html.svg import NARROW, Drawing, chart, element, joined, text
from bioreview_bench.report.html.words import figure

from ...store.shown import Figure
from ..site import bounded
from .strips import axis_of

_LETTER = 6.9
_ROW = 38.0


@dataclass(frozen=True)
class PairedFigures:
    """A group and the figure of either system in it."""

    name: str
    a: Figure
    b: Figure


def pair_chart(name: str, title: str, metric: str, systems: tuple[str, str], pairs: Sequence[PairedFigures]) -> Markup:
    """Dots for the first system, diamonds for the second."""
    top = axis_of([one for pair in pairs for one in (pair.a, pair.b)]).high

    def draw(width: float) -> Drawing:
        stacked = width == NARROW  # a phone has no room for a column of names; they stand above their row
        row = 50.0 if stacked else _ROW
        height = 8 + row * len(pairs) + 44
        left = 10.0 if stacked else 24 + _LETTER * max(len(pair.name) for pair in pairs)
        plot = Plot(Scale(0.0, top, left, width - 14), Scale(0.0, 1.0, height - 44, 8))
        marks = ticks(0.0, top, 4 if stacked else 5)
        grid = [
            element("line", class_="grid", x1=plot.x.at(tick), x2=plot.x.at(tick), y1=8, y2=height - 44)
            for tick in marks
        ]
        rows = [_row(plot, pair, 8 + row * number, row, stacked) for number, pair in enumerate(pairs)]
        return Drawing(height, joined(*grid, x_axis(plot, marks, metric), *rows))

    entries = [("dot", "s1", systems[0]), ("diamond", "s2", systems[1])]
    said = "; ".join(
        f"{pair.name}: {figure(pair.a.value)} {bounded(pair.a)} and {figure(pair.b.value)} {bounded(pair.b)}"
        for pair in pairs
    )
    return joined(legend(entries), chart(name, title, f"{systems[0]} and {systems[1]}. {said}.", draw))


def _row(plot: Plot, pair: PairedFigures, top: float, height: float, stacked: bool) -> Markup:
    middle = top + (14 + (height - 14) / 2 if stacked else height / 2)
    at = (plot.x.start, top + 14, "start") if stacked else (plot.x.start - 14, middle + 4, "end")
    return joined(
        text(at[0], at[1], pair.name, at[2], "strong-label"),
        whisker(plot, Estimate(pair.a.value, pair.a.bounds), middle - 6, "s1", hollow=False),
        whisker(plot, Estimate(pair.b.value, pair.b.bounds), middle + 6, "s2", hollow=True),
    )
