"""A figure with its interval on the axis of its column: the rows of a table, read downwards, are a forest plot."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from bioreview_bench.report.html.svg import element, joined

from ...store.shown import Figure

_NICE = (0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
_MIDDLE = 8.0


@dataclass(frozen=True)
class Axis:
    """From 0 (or below, where something is negative) to a round number above everything shown."""

    low: float
    high: float

    def at(self, value: float) -> str:
        """A position in per cent of the width."""
        share = (min(self.high, max(self.low, value)) - self.low) / (self.high - self.low)
        return f"{share * 100:.2f}%"


def axis_of(figures: Iterable[Figure], others: Iterable[float | None] = ()) -> Axis:
    """The axis that holds all of these."""
    values = [value for one in figures for value in (one.value, one.low, one.high) if value is not None]
    values += [value for value in others if value is not None]
    top = max(values, default=1.0)
    low = min(0.0, math.floor(min(values, default=0.0) * 10) / 10)
    return Axis(low, next((nice for nice in _NICE if nice >= top * 0.999), max(1.0, math.ceil(top))))


def strip(value: Figure, axis: Axis, null: float | None = None, *, ranked: bool = True) -> Markup:
    """Dot and whisker, with a tick where chance lies. Screen readers skip it: the figure stands beside."""
    parts = [element("line", class_="track", x1="0%", x2="100%", y1=_MIDDLE, y2=_MIDDLE)]
    if null is not None:
        parts.append(element("line", class_="null", x1=axis.at(null), x2=axis.at(null), y1=2.5, y2=13.5))
    if value.low is not None and value.high is not None:
        parts.append(
            element("line", class_="span", x1=axis.at(value.low), x2=axis.at(value.high), y1=_MIDDLE, y2=_MIDDLE)
        )
    if value.value is not None:
        parts.append(
            element("circle", class_="pin" if ranked else "pin hollow", cx=axis.at(value.value), cy=_MIDDLE, r=4.5)
        )
    return element("svg", joined(*parts), class_="strip", height=16, aria_hidden="true")
