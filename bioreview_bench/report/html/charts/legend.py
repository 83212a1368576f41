"""Legends: a line of HTML above a chart, so that it wraps on a phone and is read by screen readers."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from bioreview_bench.report.html.svg import element, joined

_MARKS = {
    "line": lambda series: element("line", class_=f"curve {series}", x1=1, x2=21, y1=7, y2=7),
    "area": lambda series: element("rect", class_=f"area {series}", x=2, y=2, width=18, height=10),
    "dot": lambda series: element("circle", class_=f"dot {series}", cx=11, cy=7, r=4.5),
    "diagonal": lambda series: element("line", class_="diagonal", x1=1, x2=21, y1=7, y2=7),
    "gap": lambda series: element("line", class_="gap", x1=1, x2=21, y1=7, y2=7),
    "diamond": lambda series: diamond(11, 7, series),
}


def legend(entries: Sequence[tuple[str, str, str]]) -> Markup:
    """Entries are (mark, series class, words); the marks are the names above."""
    items = [
        element("li", element("svg", _MARKS[mark](series), width=22, height=14, aria_hidden="true"), words)
        for mark, series, words in entries
    ]
    return element("ul", joined(*items), class_="legend")


def diamond(x: float, y: float, series: str) -> Markup:
    """A hollow diamond: told from a dot without colour."""
    return element("path", class_=f"diamond {series}", d=f"M{x:.1f} {y - 5.5:.1f}l5.5 5.5-5.5 5.5-5.5-5.5z")
