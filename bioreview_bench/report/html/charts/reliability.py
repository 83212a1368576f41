"""Stated confidence against the share that was matched, or right: on the diagonal one knows how sure to be."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from bioreview_bench.report.html.axes import Plot, Scale, legend, x_axis, y_axis
from bioreview_bench.report.html.svg import NARROW, Drawing, chart, element, joined, text
from bioreview_bench.results.records import ConfidenceBin

_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_RADIUS = 11.0


def reliability_chart(
    bins: Sequence[ConfidenceBin], *, name: str = "reliability", right: str = "matched", counted: str = "predictions"
) -> Markup:
    """A dot for each bin that holds predictions, its area in proportion to their number.

    `name` tells charts of one page apart; `counted` are what has a confidence, and `right` is what it speaks of.
    """
    filled = [
        (found.confidence, found.matched, found.n)
        for found in bins
        if found.confidence is not None and found.matched is not None
    ]
    largest = max((n for *_, n in filled), default=1)

    def draw(width: float) -> Drawing:
        height = 290.0 if width == NARROW else 340.0
        plot = Plot(Scale(0.0, 1.0, 36, width - 14), Scale(0.0, 1.0, height - 44, 52))
        (x1, y1), (x2, y2) = plot.point(0, 0), plot.point(1, 1)
        dots = []
        for stated, share, n in filled:
            x, y = plot.point(stated, share)
            radius = max(3.5, _RADIUS * math.sqrt(n / largest))
            dots.append(element("line", class_="gap", x1=x, x2=x, y1=y, y2=plot.y.at(stated)))
            tip = element("title", f"stated {stated:.2f}, {right} {share:.2f}, n = {n:,}")
            dots.append(element("circle", tip, class_="bubble s1", cx=x, cy=y, r=radius))
            dots.append(text(x, plot.y.end - 11, _few_letters(n), "middle", "faint"))
        return Drawing(
            height,
            joined(
                y_axis(plot, _TICKS, f"share {right}"),
                x_axis(plot, _TICKS, "stated confidence"),
                element("line", class_="diagonal", x1=x1, y1=y1, x2=x2, y2=y2),
                text(plot.x.start - 8, plot.y.end - 11, "n", "end", "faint"),
                *dots,
            ),
        )

    said = "; ".join(f"{n:,} at {stated:.2f}, {right} {share:.2f}" for stated, share, n in filled)
    entries = [
        ("dot", "s1", f"{counted} of one bin, n of them"),
        ("gap", "", "distance from the stated confidence"),
    ]
    return joined(legend(entries), chart(name, "Reliability of stated confidence", f"{said}.", draw))


def _few_letters(n: int) -> str:
    """A count that fits above its bin on a phone."""
    return str(n) if n < 1000 else f"{n / 1000:.1f}k" if n < 100_000 else f"{n / 1000:.0f}k"
