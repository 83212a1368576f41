"""A self-contained page with the reliability chart of each system; nothing is loaded from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from bioreview_bench.records import ConfidenceBin
from bioreview_bench.report.blocks import Block, Notes, Table
from bioreview_bench.report.html.axes import Plot, Scale, x_axis, y_axis
from bioreview_bench.report.html.charts.legend import legend
from bioreview_bench.report.html.environment import policy, style
from bioreview_bench.report.html.svg import NARROW, Drawing, chart, element, joined, text

from .scoring import SystemScore

_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_RADIUS = 11.0


def reliability(name: str, bins: Sequence[ConfidenceBin]) -> Markup:
    """A dot for each bin that holds answers, its area in proportion to their number; on the diagonal all is well."""
    filled = [
        (one.confidence, one.matched, one.n) for one in bins if one.confidence is not None and one.matched is not None
    ]
    largest = max((n for *_, n in filled), default=1)

    def draw(width: float) -> Drawing:
        height = 290.0 if width == NARROW else 340.0
        plot = Plot(Scale(0.0, 1.0, 36, width - 14), Scale(0.0, 1.0, height - 44, 52))
        (x1, y1), (x2, y2) = plot.point(0, 0), plot.point(1, 1)
        dots = []
        for stated, right, n in filled:
            x, y = plot.point(stated, right)
            radius = max(3.5, _RADIUS * math.sqrt(n / largest))
            dots.append(element("line", class_="gap", x1=x, x2=x, y1=y, y2=plot.y.at(stated)))
            dots.append(element("circle", class_="bubble s1", cx=x, cy=y, r=radius))
            dots.append(text(x, plot.y.end - 11, str(n), "middle", "faint"))
        return Drawing(
            height,
            joined(
                y_axis(plot, _TICKS, "share right"),
                x_axis(plot, _TICKS, "stated confidence"),
                element("line", class_="diagonal", x1=x1, y1=y1, x2=x2, y2=y2),
                text(plot.x.start - 8, plot.y.end - 11, "n", "end", "faint"),
                *dots,
            ),
        )

    said = "; ".join(f"{n:,} at {stated:.2f}, right {right:.2f}" for stated, right, n in filled)
    entries = [("dot", "s1", "answers of one bin, n of them"), ("gap", "", "distance from what is said")]
    return joined(legend(entries), chart(name, "Reliability of stated confidence", f"{said}.", draw))


def page(title: str, scores: Sequence[SystemScore], shown: Sequence[Block]) -> str:
    """The whole page."""
    figures = [
        element(
            "figure",
            element("figcaption", element("h3", score.system), element("p", f"Right is: {score.right_by}.")),
            reliability(f"reliability-{number}", score.calibration.bins),
            class_="panel",
        )
        for number, score in enumerate(scores)
        if score.calibration.n
    ]
    parts = (
        [element("section", element("h2", "Reliability"), element("div", *figures, class_="grid"))] if figures else []
    )
    body = element("main", element("header", element("h1", title)), *map(_block, shown), *parts)
    head = Markup(
        '<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{}</title><style>{}</style>'
    ).format(policy(""), title, style())
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>{body}</body>\n</html>\n'


def _block(block: Block) -> Markup:
    if isinstance(block, Table):
        head = element("tr", *(element("th", cell, scope="col") for cell in block.header))
        rows = [
            element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:]))
            for row in block.rows
        ]
        inner = element("div", element("table", element("thead", head), element("tbody", *rows)), class_="scroll")
        return element("section", element("h2", block.title), inner)
    if isinstance(block, Notes):
        notes = [element("p", note.text, class_="warning" if note.level == "warning" else None) for note in block.notes]
        return element("section", element("h2", block.title), element("div", *notes, class_="notes"))
    return element("dl", *(joined(element("dt", name), element("dd", value)) for name, value in block.rows))
