"""Small bars beside figures. Positions are per cents, so that they stretch with their cell."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from bioreview_bench.report.html.svg import element, joined


def interval_meter(value: float | None, bounds: tuple[float, float] | None) -> Markup:
    """A track from 0 to 1 (from -1 where something is negative) with the interval and the value on it."""
    low = -1.0 if min([0.0, *([value] if value is not None else []), *(bounds or ())]) < 0 else 0.0

    def at(position: float) -> str:
        return f"{(min(1.0, max(low, position)) - low) / (1 - low) * 100:.2f}%"

    parts = [element("line", class_="track", x1="0%", x2="100%", y1=8, y2=8)]
    if low < 0:
        parts.append(element("line", class_="zero", x1=at(0), x2=at(0), y1=2, y2=14))
    if bounds is not None:
        parts.append(element("line", class_="span", x1=at(bounds[0]), x2=at(bounds[1]), y1=8, y2=8))
    if value is not None:
        parts.append(element("circle", class_="pin", cx=at(value), cy=8, r=5.5))
    return element("svg", joined(*parts), class_="meter", height=16, aria_hidden="true")


def bar(value: float | None, series: str, bounds: tuple[float, float] | None = None) -> Markup:
    """A bar from 0 to 1."""
    parts = [element("rect", class_="track", x="0%", y=3, width="100%", height=10, rx=2)]
    if value is not None and value > 0:
        parts.append(
            element(
                "rect", class_=f"fill {series}", x="0%", y=3, width=f"{min(1.0, value) * 100:.2f}%", height=10, rx=2
            )
        )
    if bounds is not None:
        low, high = (f"{min(1.0, max(0.0, bound)) * 100:.2f}%" for bound in bounds)
        parts += [element("line", class_=class_, x1=low, x2=high, y1=8, y2=8) for class_ in ("halo", "span")]
    return element("svg", joined(*parts), class_="bar", height=16, aria_hidden="true")


def stack(parts: Sequence[tuple[str, int]]) -> Markup:
    """One bar of (class, count) parts, as wide as the page."""
    total = sum(count for _, count in parts) or 1
    drawn, start = [], 0.0
    for class_, count in parts:
        share = count / total * 100
        drawn.append(element("rect", class_=class_, x=f"{start:.3f}%", y=0, width=f"{share:.3f}%", height=22))
        start += share
    return element("svg", joined(*drawn), class_="stack", height=22, aria_hidden="true")
