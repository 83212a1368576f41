"""What every page is made with: the templates, and where the pages are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from .links import Links, ServerLinks
from .words import DASH, bounded, count, disclosed, figure, name, p_value, visible

_PACKAGE = "bioreview_bench.leaderboard.web"
_STYLES = ("tokens.css", "base.css", "layout.css", "table.css", "pages.css", "forms.css", "charts.css", "print.css")
_SCRIPTS = ("table.js", "copy.js", "compare.js", "status.js", "main.js")
TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@dataclass(frozen=True)
class Site:
    """A site of pages: `title` is the board's."""

    title: str
    links: Links
    environment: Environment

    def render(self, template: str, page: str, **context: Any) -> str:
        """The page of a template; `page` names its place in the navigation."""
        return self.environment.get_template(template).render(site=self, links=self.links, page=page, **context)

    def at(self, links: Links) -> Site:
        """The same site seen from elsewhere."""
        return replace(self, links=links)


def served(title: str, files: Mapping[str, bytes]) -> Site:
    """The site of a running board, with these assets."""
    return Site(title, ServerLinks(versions(files)), environment())


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
    made.filters.update(
        figure=figure, bounded=bounded, name=name, visible=visible, count=count, disclosed=disclosed, p=p_value
    )
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
    }


def versions(files: Mapping[str, bytes]) -> dict[str, str]:
    """The first digits of each asset's sha256, so that a changed one has another address."""
    return {one: hashlib.sha256(content).hexdigest()[:12] for one, content in files.items()}


def _read(asset: str) -> str:
    return resources.files(_PACKAGE).joinpath("assets", asset).read_text(encoding="utf-8")
