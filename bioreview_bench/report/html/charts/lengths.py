"""Concerns written against concerns in the reference, article by article: does the reviewer write too much?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from bioreview_bench.data.vocabulary import UNANSWERED
from bioreview_bench.report.html.axes import Plot, Scale, legend, ticks, x_axis, y_axis
from bioreview_bench.report.html.svg import NARROW, Drawing, chart, element, joined
from bioreview_bench.report.html.words import name

JITTER = 0.3  # counts are whole, so dots would hide each other


def lengths_chart(articles: Sequence[Mapping[str, Any]]) -> Markup:
    """A dot for each article (rows of a result's `articles`), moved a little by a hash of its id."""
    right, top = (max([1, *(int(row[count]) for row in articles)]) + 1 for count in ("n_ref", "n_pred"))
    both = min(right, top)

    def draw(width: float) -> Drawing:
        height = 290.0 if width == NARROW else 340.0
        plot = Plot(Scale(-0.5, right, 36, width - 8), Scale(-0.5, top, height - 44, 30))
        x_ticks, y_ticks = ([tick for tick in ticks(0, end) if tick == int(tick)] for end in (right, top))
        (x1, y1), (x2, y2) = plot.point(-0.5, -0.5), plot.point(both, both)
        return Drawing(
            height,
            joined(
                y_axis(plot, y_ticks, "concerns written"),
                x_axis(plot, x_ticks, "concerns in the reference"),
                element("line", class_="diagonal", x1=x1, y1=y1, x2=x2, y2=y2),
                *(_dot(plot, row, number) for number, row in enumerate(articles)),
            ),
        )

    more = sum(row["n_pred"] > row["n_ref"] for row in articles)
    fewer = sum(row["n_pred"] < row["n_ref"] for row in articles)
    described = (
        f"A dot for each of {len(articles):,} articles: more concerns than the reference in {more:,}, "
        f"fewer in {fewer:,}, as many in {len(articles) - more - fewer:,}."
    )
    entries = [("dot", "s1", "article"), ("diagonal", "", "as many as in the reference")]
    if any(row["status"] in UNANSWERED for row in articles):
        entries.append(("dot", "bad", "not answered"))
    return joined(legend(entries), chart("lengths", "Concerns written and concerns in the reference", described, draw))


def _dot(plot: Plot, row: Mapping[str, Any], number: int) -> Markup:
    digest = hashlib.sha256(str(row["id"]).encode()).digest()
    x, y = plot.point(row["n_ref"] + (digest[0] / 127.5 - 1) * JITTER, row["n_pred"] + (digest[1] / 127.5 - 1) * JITTER)
    tip = element("title", f"{name(row['id'])}: {row['n_ref']} in the reference, {row['n_pred']} written")
    series = "bad" if row["status"] in UNANSWERED else "s1"
    return element("circle", tip, class_=f"mote {series}", cx=x, cy=y, r=3.5, data_article=str(number))
