"""F1, null F1, echo F1 and skill against the threshold: would another threshold tell another story?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from bioreview_bench.report.html.axes import Plot, Scale, curve, legend, threshold_line, ticks, x_axis, y_axis
from bioreview_bench.report.html.svg import NARROW, Drawing, chart, joined, zone
from bioreview_bench.report.html.words import figure
from bioreview_bench.results.records import SweepPoint

_SERIES = (
    ("f1", "s1", "F1"),
    ("null_f1", "s3", "null F1"),
    ("echo_f1", "s2", "echo F1"),
    ("skill", "s4", "skill"),
)


def sweep_chart(points: Sequence[SweepPoint], threshold: float) -> Markup:
    """The chart with its legend. `points` may come in any order and must not be empty."""
    ordered = sorted(points, key=lambda point: point.threshold)
    drawn = [row for row in _SERIES if any(getattr(point, row[0]) is not None for point in ordered)]
    values = [value for point in ordered for key, *_ in drawn if (value := getattr(point, key)) is not None]
    floor = min(0.0, math.floor(min(values, default=0.0) * 5) / 5)
    low, high = min(ordered[0].threshold, threshold), max(ordered[-1].threshold, threshold)
    if low == high:
        low, high = low - 0.05, high + 0.05

    def draw(width: float) -> Drawing:
        height = 250.0 if width == NARROW else 300.0
        plot = Plot(Scale(low, high, 36, width - 8), Scale(floor, 1.0, height - 44, 30))
        return Drawing(
            height,
            joined(
                y_axis(plot, ticks(floor, 1.0), "score"),
                x_axis(plot, ticks(low, high, 5 if width == NARROW else 7), "threshold of similarity"),
                threshold_line(plot, threshold),
                *(
                    curve(plot, [(point.threshold, getattr(point, key)) for point in ordered], series)
                    for key, series, _ in drawn
                ),
                *_zones(plot, ordered),
            ),
        )

    entries = [("line", series, words) for _, series, words in drawn]
    return joined(legend(entries), chart("sweep", "Scores by threshold", _described(ordered), draw))


def _zones(plot: Plot, points: Sequence[SweepPoint]) -> list[Markup]:
    """The figures at each threshold, under the half of the way to its neighbours."""
    places = [plot.x.at(point.threshold) for point in points]
    middles = [(left + right) / 2 for left, right in pairwise(places)]
    edges = [plot.x.start, *middles, plot.x.end]
    top, height = plot.y.end, plot.y.start - plot.y.end
    return [
        zone(left, top, right - left, height, _said(point))
        for point, (left, right) in zip(points, pairwise(edges), strict=True)
    ]


def _said(point: SweepPoint) -> str:
    rows = [f"{words} {figure(getattr(point, key))}" for key, _, words in _SERIES]
    return "\n".join([f"threshold {point.threshold:g}", *rows])


def _described(points: Sequence[SweepPoint]) -> str:
    ends = [
        f"at threshold {point.threshold:g} F1 {figure(point.f1)}, null F1 {figure(point.null_f1)}, "
        f"echo F1 {figure(point.echo_f1)}, skill {figure(point.skill)}"
        for point in (points[0], points[-1])
    ]
    return f"Lines over {len(points)} thresholds: {'; '.join(ends)}."
