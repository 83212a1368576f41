"""Three distributions of similarity: what matched, what did not, and what belongs to other articles.

The further the first lies from the last, the more a match says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from bioreview_bench.report.html.axes import Plot, Scale, legend, percent, short, threshold_line, ticks, x_axis, y_axis
from bioreview_bench.report.html.svg import NARROW, Drawing, chart, element, joined, zone

_BINS = 200  # of 0.01 over [-1, 1], as in the pairs file


def histogram(similarities: Sequence[float]) -> NDArray[np.int64]:
    """Counts in the bins in which the pairs file counts other-article similarities."""
    found = ((np.asarray(similarities, np.float32) + 1) * (_BINS / 2)).astype(np.intp).clip(0, _BINS - 1)
    return np.bincount(found, minlength=_BINS)


def similarity_chart(
    matched: Sequence[float], unmatched: Sequence[float], other: NDArray[np.int64], threshold: float
) -> Markup:
    """Shares of each group by similarity. `other` counts pairs in 200 bins over [-1, 1]."""
    groups = [
        ("s3", "other-article pairs", other),
        ("s2", "unmatched predictions (nearest reference)", histogram(unmatched)),
        ("s1", "matched predictions", histogram(matched)),
    ]
    group = _bins_together(min([int(counts.sum()) for *_, counts in groups if counts.sum()], default=0))
    # A step begins at the threshold, so that none holds both sides of it.
    first = -1 + 0.01 * (round((threshold + 1) * 100) % group - group)
    shares = {series: _shares(counts, group, first) for series, _, counts in groups}
    step = 0.01 * group
    low, high = _extent(list(shares.values()), first, step, threshold)
    top = max((float(share.max()) for share in shares.values()), default=0.0) or 1.0
    y_ticks = [tick for tick in ticks(0, top * 1.05, 4)]

    def draw(width: float) -> Drawing:
        height = 250.0 if width == NARROW else 300.0
        plot = Plot(Scale(low, high, 40, width - 8), Scale(0.0, top * 1.12, height - 44, 30))
        return Drawing(
            height,
            joined(
                y_axis(plot, y_ticks, f"share of the group in steps of {short(step)}", [percent(y) for y in y_ticks]),
                *(_area(plot, shares[series], first, step, series) for series, *_ in groups),
                x_axis(plot, ticks(low, high, 5 if width == NARROW else 8), "similarity"),
                threshold_line(plot, threshold),
                *_zones(plot, groups, shares, first, step),
            ),
        )

    entries = [("area", series, f"{words}, n = {int(counts.sum()):,}") for series, words, counts in reversed(groups)]
    described = "; ".join(
        f"{words}: {int(counts.sum()):,}, middle {short(_median(counts))}" for _, words, counts in reversed(groups)
    )
    return joined(
        legend(entries), chart("similarity", "Distributions of similarity", f"Histograms. {described}.", draw)
    )


def _zones(
    plot: Plot,
    groups: Sequence[tuple[str, str, NDArray[np.int64]]],
    shares: Mapping[str, NDArray[np.float64]],
    first: float,
    step: float,
) -> list[Markup]:
    """The shares in each step that any group reaches."""
    found = []
    for place in np.flatnonzero(sum(shares.values())):
        low = first + step * int(place)
        rows = [f"{words} {shares[series][place]:.1%}" for series, words, _ in reversed(groups)]
        left, right = plot.x.at(max(low, plot.x.low)), plot.x.at(min(low + step, plot.x.high))
        said = "\n".join([f"similarity {low:.2f} to {low + step:.2f}".replace("-", "−"), *rows])
        found.append(zone(left, plot.y.end, right - left, plot.y.start - plot.y.end, said))
    return found


def _bins_together(smallest: int) -> int:
    """Wider steps for few values: noise is not shape."""
    return 1 if smallest >= 4000 else 2 if smallest >= 400 else 5


def _shares(counts: NDArray[np.int64], group: int, first: float) -> NDArray[np.float64]:
    before = round((-1 - first) * 100)
    after = -(len(counts) + before) % group
    summed = np.pad(counts, (before, after)).reshape(-1, group).sum(axis=1)
    shares: NDArray[np.float64] = summed / max(1, int(summed.sum()))
    return shares


def _extent(shares: list[NDArray[np.float64]], first: float, step: float, threshold: float) -> tuple[float, float]:
    """From the first to the last step that any group reaches, in tenths, with the threshold inside."""
    reached = np.flatnonzero(sum(shares) > 0)
    low = min(first + step * float(reached[0]) if len(reached) else 0.0, threshold)
    high = max(first + step * float(reached[-1] + 1) if len(reached) else 1.0, threshold)
    return max(-1.0, math.floor(low * 10 + 1e-6) / 10), min(1.0, math.ceil(high * 10 - 1e-6) / 10 + 1e-9)


def _area(plot: Plot, shares: NDArray[np.float64], first: float, step: float, series: str) -> Markup:
    reached = np.flatnonzero(shares)
    if not len(reached):
        return Markup("")
    path = [f"M{plot.x.at(first + step * int(reached[0])):.1f} {plot.y.start:.1f}"]
    for place in range(int(reached[0]), int(reached[-1]) + 1):
        path.append(f"V{plot.y.at(float(shares[place])):.1f}H{plot.x.at(first + step * (place + 1)):.1f}")
    path.append(f"V{plot.y.start:.1f}")
    return element("path", class_=f"area {series}", d="".join(path))


def _median(counts: NDArray[np.int64]) -> float:
    """The middle of the bin that holds the median."""
    if not counts.sum():
        return 0.0
    return -1 + 0.01 * (int(np.searchsorted(np.cumsum(counts), counts.sum() / 2)) + 0.5)
