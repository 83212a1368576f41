"""A system's score as a small picture for its own page: data and split on the left, F1 and band on the right.

An SVG of its own, with colours of its own: pages elsewhere show it, on grounds that this board does not know.
"""

from __future__ import annotations

from bioreview_bench.report.html.svg import element
from bioreview_bench.report.html.words import figure, name

from ...ranking.view import SystemView
from ..site import place, short

_LETTER = 6.6  # mean width of a letter at 11 pixels
_PADDING = 14.0
_LEFT, _RIGHT, _INK = "#3b4548", "#0d5560", "#ffffff"


def badge(system: SystemView) -> str:
    """The picture; what it says is its title, too."""
    first = system.scores[0] if system.scores else None
    left = short(f"{system.title} {system.data}/{system.split}", 48)
    right = "being scored"
    if first is not None:
        right = f"F1 {figure(first.row.f1.value)}, {place(first.row)}"
    one, two = len(left) * _LETTER + _PADDING, len(right) * _LETTER + _PADDING
    drawn = element(
        "svg",
        element("title", f"{name(system.system)}: {left}, {right}"),
        element("rect", width=one, height=20, fill=_LEFT),
        element("rect", x=one, width=two, height=20, fill=_RIGHT),
        _words(left, one / 2),
        _words(right, one + two / 2),
        xmlns="http://www.w3.org/2000/svg",
        width=one + two,
        height=20,
        role="img",
        font_family="Verdana,DejaVu Sans,sans-serif",
        font_size=11,
    )
    return f"{drawn}\n"


def _words(words: str, middle: float) -> str:
    return element("text", words, x=middle, y=14, fill=_INK, text_anchor="middle")
