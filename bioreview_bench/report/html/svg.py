"""SVG as escaped markup: elements, and charts that are drawn once for a desktop column and once for a phone.

Colours come from classes of the style sheet, so that dark mode and print need no second drawing. Two widths are
drawn because a chart that is merely scaled down has labels that nobody can read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDE, NARROW = 520.0, 328.0


@dataclass(frozen=True)
class Drawing:
    """What is drawn on `height` units at the width that was asked for."""

    height: float
    content: Markup


def element(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """An element; `class_` is `class`, underscores become hyphens, None leaves an attribute out."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{shown}>{joined(*children)}</{name}>")  # noqa: S704 - escaped part by part, for speed


def text(x: float, y: float, content: str, anchor: str = "start", class_: str = "label") -> Markup:
    """A line of text."""
    return element("text", content, x=x, y=y, text_anchor=anchor, class_=class_)


def zone(x: float, y: float, width: float, height: float, words: str) -> Markup:
    """An invisible area that says `words` under the pointer."""
    return element(
        "rect",
        element("title", words),
        class_="zone",
        x=x,
        y=y,
        width=width,
        height=height,
        fill="none",
        pointer_events="all",
    )


def joined(*parts: str) -> Markup:
    """Parts in order; plain strings are escaped."""
    return Markup("").join(escape(part) for part in parts)


def chart(name: str, title: str, description: str, draw: Callable[[float], Drawing], role: str = "img") -> Markup:
    """The chart at both widths; the style sheet shows one. `title` and `description` are for those who do not see it.

    `name` must be unique in the page. `role`: group for a chart with links in it, which an image hides.
    """
    parts = [_svg(f"{name}-{size}", size, title, description, width, draw(width), role) for size, width in _SIZES]
    return joined(*parts)


def _svg(identity: str, size: str, title: str, description: str, width: float, drawing: Drawing, role: str) -> Markup:
    return element(
        "svg",
        element("title", title, id=f"{identity}-title"),
        element("desc", description, id=f"{identity}-desc"),
        drawing.content,
        class_=f"chart {size}",
        viewBox=f"0 0 {_value(width)} {_value(drawing.height)}",
        role=role,
        aria_labelledby=f"{identity}-title",
        aria_describedby=f"{identity}-desc",
    )


_SIZES = (("wide", WIDE), ("narrow", NARROW))


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
