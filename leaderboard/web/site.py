"""What every page is made with: the templates, and where the pages are.

Figures, names and sentences as the board writes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined

from bioreview_bench.report.html.words import DASH, figure, interval, label, name, source_name, visible
from bioreview_bench.report.meaning import SATURATED
from bioreview_bench.stats.comparison import LEVEL

from ..ranking.view import Row
from ..store.disclosure import BELOW_LEVEL, P_STEPS
from ..store.shown import Figure
from ..store.status import Headline
from .links import Links

_PACKAGE = "bioreview_bench.leaderboard.web"
_STYLES = ("tokens.css", "base.css", "layout.css", "table.css", "pages.css", "forms.css", "charts.css", "print.css")
_SCRIPTS = ("table.js", "copy.js", "compare.js", "status.js", "main.js")
TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}


@dataclass(frozen=True)
class Site:
    """A site of pages: `title` is the board's."""

    title: str
    links: Links
    environment: Environment

    def render(self, template: str, page: str, **context: Any) -> str:
        """The page of a template; `page` names its place in the navigation."""
        return self.environment.get_template(template).render(site=self, links=self.links, page=page, **context)


def served(title: str, files: Mapping[str, bytes], base: str = "") -> Site:
    """The site of a running board, with these assets; `base` is the address at which people reach it."""
    return Site(title, Links(versions(files), base=base), environment())


def environment() -> Environment:
    """Jinja with everything escaped that is not Markup, and no undefined name forgiven."""
    made = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["DASH"] = DASH
    made.filters["p"] = p_value
    for one in (figure, bounded, name, visible, count, disclosed, skill):
        made.filters[one.__name__] = one
    return made


def assets() -> dict[str, bytes]:
    """Every asset by the name under which pages ask for it, read from the package.

    `theme.js` runs before the first paint, the rest after the page is there.
    """
    script = "\n".join(_read(one) for one in _SCRIPTS)
    return {
        "board.css": "\n".join(_read(one) for one in _STYLES).encode(),
        "board.js": f'(() => {{\n"use strict";\n{script}}})();\n'.encode(),
        "theme.js": _read("theme.js").encode(),
        "mark.svg": _read("mark.svg").encode(),
        "preview.png": resources.files(_PACKAGE).joinpath("assets", "preview.png").read_bytes(),
    }


def versions(files: Mapping[str, bytes]) -> dict[str, str]:
    """The first digits of each asset's sha256, so that a changed one has another address."""
    return {one: hashlib.sha256(content).hexdigest()[:12] for one, content in files.items()}


def _read(asset: str) -> str:
    return resources.files(_PACKAGE).joinpath("assets", asset).read_text(encoding="utf-8")


def site_of(request: Request) -> Site:
    """The site of the application that got the request, made once."""
    state = request.app.state
    if not hasattr(state, "site"):
        state.site = served(request.app.title, assets(), getattr(state, "public_url", None) or "")
    site: Site = state.site
    return site


_YES_NO = {"yes": "yes", "no": "no", "undisclosed": "not disclosed"}


def bounded(value: Figure) -> str:
    """The interval of a figure in brackets, nothing when there is none."""
    return interval(value.bounds)


def skill(of: Row | Headline) -> str:
    """The skill of a row or headline; a word where the contract is saturated."""
    return SATURATED if of.saturated else figure(of.skill.value)


def place(row: Row) -> str:
    """Where a system stands, in a word or two."""
    if row.band is not None:
        return f"band {row.band}"
    return "not ranked" if row.disqualified is None else "disqualified"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 article`, `981 articles`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def disclosed(answer: str) -> str:
    """What a card answers."""
    return _YES_NO[answer]


def p_value(value: float) -> str:
    """A p-value as `disclosure.shown_p` published it, which is a bound.

    >>> p_value(0.001), p_value(0.01), p_value(0.049), p_value(0.1), p_value(1.0)
    ('≤ 0.001', '≤ 0.01', '< 0.05', '≤ 0.1', '> 0.5')
    """
    if value > P_STEPS[-2]:
        return f"> {P_STEPS[-2]:g}"
    return f"< {LEVEL:g}" if value == BELOW_LEVEL else f"≤ {value:g}"


def part_name(kind: str, part: str) -> str:
    """A source, category or severity in words."""
    return source_name(part) if kind in ("source", "per_source") else label(part)


def short(text: str, letters: int = 24) -> str:
    """A name for a chart, cut where it is long."""
    shown = name(text)
    return shown if len(shown) <= letters else f"{shown[: letters - 1].rstrip()}…"
