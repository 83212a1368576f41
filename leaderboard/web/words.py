"""Figures, names and sentences as the board writes them."""

from __future__ import annotations

from bioreview_bench.report.html.words import DASH, figure, interval, label, name, source_name, visible

from ..view import Figure

__all__ = [
    "DASH",
    "bounded",
    "count",
    "figure",
    "interval",
    "label",
    "name",
    "p_value",
    "part_name",
    "short",
    "visible",
]

_YES_NO = {"yes": "yes", "no": "no", "undisclosed": "not disclosed"}


def bounded(value: Figure) -> str:
    """The interval of a figure in brackets, nothing when there is none."""
    return "" if value.low is None or value.high is None else interval((value.low, value.high))


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 article`, `981 articles`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def disclosed(answer: str) -> str:
    """What a card answers."""
    return _YES_NO[answer]


def p_value(value: float) -> str:
    """A p-value; small ones as a bound."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def part_name(kind: str, part: str) -> str:
    """A source, category or severity in words."""
    return source_name(part) if kind in ("source", "per_source") else label(part)


def short(text: str, letters: int = 24) -> str:
    """A name for a chart, cut where it is long."""
    shown = name(text)
    return shown if len(shown) <= letters else f"{shown[: letters - 1].rstrip()}…"
