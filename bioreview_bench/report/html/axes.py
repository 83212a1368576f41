"""Scales, ticks and the parts that charts have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bioreview_bench.report.html.svg import element, joined, text

_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` on pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


@dataclass(frozen=True)
class Plot:
    """The area that two scales span; y grows upwards."""

    x: Scale
    y: Scale

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a point."""
        return self.x.at(x), self.y.at(y)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round values from `low` to `high`."""
    rough = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(nice * power for nice in _NICE if nice * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def short(value: float) -> str:
    """A tick's label, without trailing zeros."""
    shown = f"{value:.3f}".rstrip("0").rstrip(".").replace("-", "−")
    return "0" if shown in ("", "−0") else shown


def percent(value: float) -> str:
    """A share as a tick's label."""
    return f"{short(value * 100)} %"


def x_axis(plot: Plot, values: Sequence[float], name: str, labels: Sequence[str] | None = None) -> Markup:
    """Ticks and name below the plot."""
    bottom, shown = plot.y.start, labels or [short(value) for value in values]
    marks = [
        joined(
            element("line", class_="tick", x1=plot.x.at(value), x2=plot.x.at(value), y1=bottom, y2=bottom + 4),
            text(plot.x.at(value), bottom + 17, label, "middle"),
        )
        for value, label in zip(values, shown, strict=True)
    ]
    base = element("line", class_="axis", x1=plot.x.start, x2=plot.x.end, y1=bottom, y2=bottom)
    return joined(base, *marks, text((plot.x.start + plot.x.end) / 2, bottom + 36, name, "middle", "name"))


def y_axis(plot: Plot, values: Sequence[float], name: str, labels: Sequence[str] | None = None) -> Markup:
    """Grid lines with labels on the left; the name stands above them, where it can be read without turning the head."""
    shown = labels or [short(value) for value in values]
    marks = [
        joined(
            element("line", class_="grid", x1=plot.x.start, x2=plot.x.end, y1=plot.y.at(value), y2=plot.y.at(value)),
            text(plot.x.start - 8, plot.y.at(value) + 4, label, "end"),
        )
        for value, label in zip(values, shown, strict=True)
    ]
    return joined(*marks, text(0, 14, name, "start", "name"))


def curve(plot: Plot, points: Sequence[tuple[float, float | None]], class_: str) -> Markup:
    """A line through the points, broken where a value is undefined."""
    parts: list[str] = []
    pen = "M"
    for x, y in points:
        if y is None:
            pen = "M"
            continue
        parts.append(f"{pen}{plot.x.at(x):.1f} {plot.y.at(y):.1f}")
        pen = "L"
    return element("path", class_=f"curve {class_}", d="".join(parts)) if parts else Markup("")


def threshold_line(plot: Plot, value: float) -> Markup:
    """The contract's threshold, named at the top of the plot on the side where there is room."""
    x = plot.x.at(value)
    right = x < (plot.x.start + plot.x.end) / 2
    return joined(
        element("line", class_="threshold", x1=x, x2=x, y1=plot.y.start, y2=plot.y.end),
        text(
            x + (6 if right else -6),
            plot.y.end + 11,
            f"threshold {short(value)}",
            "start" if right else "end",
            "strong",
        ),
    )


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
    """A hollow diamond, which differs from a dot without colour."""
    return element("path", class_=f"diamond {series}", d=f"M{x:.1f} {y - 5.5:.1f}l5.5 5.5-5.5 5.5-5.5-5.5z")
