"""A self-contained page with the reliability chart of each system; nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from bioreview_bench.report.blocks import Block, Notes, Table
from bioreview_bench.report.html.charts.reliability import reliability_chart
from bioreview_bench.report.html.environment import policy, style
from bioreview_bench.report.html.svg import element, joined

from .scoring import SystemScore


def page(title: str, scores: Sequence[SystemScore], shown: Sequence[Block]) -> str:
    """The whole page."""
    figures = [
        element(
            "figure",
            element("figcaption", element("h3", score.system), element("p", f"Right is: {score.right_by}.")),
            reliability_chart(score.calibration.bins, name=f"reliability-{number}", right="right", counted="answers"),
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
