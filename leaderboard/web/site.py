"""What every page is made with: the templates, and where the pages are.

Answers of pages that everybody may see: compressed where the reader takes it, and not sent twice.

Figures, names and sentences as the board writes them.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from bioreview_bench.report.html.words import DASH, figure, interval, label, name, source_name, visible
from bioreview_bench.report.meaning import SATURATED

from ..ranking.view import Row
from ..store.shown import Figure
from ..store.status import Headline
from .links import Links

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


def served(title: str, files: Mapping[str, bytes]) -> Site:
    """The site of a running board, with these assets."""
    return Site(title, Links(versions(files)), environment())


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
    }


def versions(files: Mapping[str, bytes]) -> dict[str, str]:
    """The first digits of each asset's sha256, so that a changed one has another address."""
    return {one: hashlib.sha256(content).hexdigest()[:12] for one, content in files.items()}


def _read(asset: str) -> str:
    return resources.files(_PACKAGE).joinpath("assets", asset).read_text(encoding="utf-8")


# Asked again each time, which costs an ETag; so a new score is seen at once, also through a proxy.
FRESH = "public, max-age=0, must-revalidate"
FOR_EVER = "public, max-age=31536000, immutable"
HTML = "text/html; charset=utf-8"


def answer(request: Request, body: Body, media_type: str = HTML, cache: str = FRESH) -> Response:
    """The body, or 304 when the reader has it."""
    etag = f'"{body.etag}"'
    headers = {"ETag": etag, "Cache-Control": cache, "Vary": "Accept-Encoding"}
    if etag in [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    content = body.content
    if body.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        content = body.packed
        headers["Content-Encoding"] = "gzip"
    return Response(content, media_type=media_type, headers=headers)


def site_of(request: Request) -> Site:
    """The site of the application that got the request, made once."""
    state = request.app.state
    if not hasattr(state, "site"):
        state.site = served(request.app.title, assets())
    site: Site = state.site
    return site


_YES_NO = {"yes": "yes", "no": "no", "undisclosed": "not disclosed"}


def bounded(value: Figure) -> str:
    """The interval of a figure in brackets, nothing when there is none."""
    return interval(value.bounds)


def skill(of: Row | Headline) -> str:
    """The skill of a row or headline; a word where the contract is saturated."""
    return SATURATED if of.saturated else figure(of.skill.value)


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


_SMALLEST = 1024  # bytes above which compressing pays
_LEVEL = 6


@dataclass(frozen=True)
class Body:
    """A finished answer. `packed` is the same compressed, None for a small one."""

    content: bytes
    packed: bytes | None
    etag: str

    @classmethod
    def of(cls, text: str | bytes) -> Body:
        """The answer with this text."""
        content = text.encode() if isinstance(text, str) else text
        packed = gzip.compress(content, _LEVEL, mtime=0) if len(content) >= _SMALLEST else None
        return cls(content, packed, hashlib.sha256(content).hexdigest()[:32])

    def __len__(self) -> int:
        return len(self.content) + len(self.packed or b"")


@dataclass(frozen=True)
class _Version:
    version: int  # of the board, when it was made
    body: Body


class PageCache:
    """Bodies by key; the longest unused go first. For many threads.

    One thread makes a page; who asks for it meanwhile gets the one before, or waits where there is none. So a change of
    the board costs each page once, however many ask.
    """

    def __init__(self, limit_bytes: int = 64 * 1024 * 1024) -> None:
        self._limit = limit_bytes
        self._changed = threading.Condition()
        self._kept: OrderedDict[object, _Version] = OrderedDict()
        self._making: set[object] = set()
        self._size = 0

    def get(self, version: int, key: object, make: Callable[[], str | bytes]) -> Body:
        """The body of `key`, made again when the board has changed since."""
        with self._changed:
            while True:
                kept = self._kept.get(key)
                if kept is not None and (kept.version >= version or key in self._making):
                    self._kept.move_to_end(key)
                    return kept.body
                if key not in self._making:
                    self._making.add(key)
                    break
                self._changed.wait()
        body = None
        try:
            body = Body.of(make())
            return body
        finally:
            with self._changed:
                self._making.discard(key)
                self._keep(key, None if body is None else _Version(version, body))
                self._changed.notify_all()

    def _keep(self, key: object, made: _Version | None) -> None:
        """Keep what was made in place of what was there; a page that cannot be made any more is forgotten."""
        before = self._kept.pop(key, None)
        if before is not None:
            self._size -= len(before.body)
        if made is not None:
            self._kept[key] = made
            self._size += len(made.body)
        while self._size > self._limit and self._kept:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest.body)

    def __len__(self) -> int:
        return len(self._kept)
