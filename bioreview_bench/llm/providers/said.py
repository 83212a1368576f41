"""The reason of a failure in the body of an answer, wherever servers put it.

Known places: `error` as an object or a string, `message`, `detail` as a string or a list of objects with `msg` (as
FastAPI writes it), the same in a list of one, or the first line of what is no JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PLACES = ("message", "msg", "detail", "error", "errors", "error_message", "error_description", "reason", "title")
_DEEPEST, _MOST = 5, 3  # levels that are looked into, and entries of a list
_TAG = re.compile(r"<(?:script|style)\b.*?</(?:script|style)>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_HEAD = 4_000  # characters of a page
_NO_ADDRESS = re.compile(
    r"\b(?:unknown|unexpected|unsupported|invalid|no such|wrong) (?:api )?(?:endpoint|path|route|url)\b"
    r"|\b(?:endpoint|path|route|url)\b.{0,80}\b(?:not (?:be )?found|not exist|unknown|not supported)"
    r"|\bcannot (?:post|get) /|\bno (?:endpoint|route|handler) (?:found )?(?:for|matches|at)\b",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Said:
    """What a service says of a failure: its words ("" for none), its codes, the parameter and the status it names."""

    message: str
    codes: frozenset[str] = frozenset()
    parameter: str | None = None
    status: int | None = None

    @property
    def no_such_address(self) -> bool:
        """True when the service does not know the address that was called."""
        return _NO_ADDRESS.search(self.message) is not None


def said_in(body: Any) -> Said:
    """The reason in the body of an answer, given as JSON value, text or bytes."""
    value = _loaded(body)
    while isinstance(value, list) and value and isinstance(value[0], Mapping):
        value = value[0]
    outer = value if isinstance(value, Mapping) else {}
    inner = outer.get("error")
    parts = [part for part in (inner, outer) if isinstance(part, Mapping)]
    codes = {
        str(part[key]) for part in parts for key in ("code", "type", "status") if isinstance(part.get(key), str | int)
    }
    named = [part.get("param") for part in parts]
    return Said(
        _words(value, 0),
        frozenset(codes),
        next((name for name in named if isinstance(name, str)), None),
        next((number for part in parts for key in ("code", "status") if (number := _status(part.get(key)))), None),
    )


def _words(value: Any, depth: int) -> str:
    if isinstance(value, str):
        return value.strip()
    if depth > _DEEPEST:
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_entry(one, depth + 1) for one in value[:_MOST])))
    if not isinstance(value, Mapping):
        return ""
    inner = value.get("error")
    keys = ("error", *_PLACES) if isinstance(inner, Mapping | list) else _PLACES
    words = next(filter(None, (_words(value.get(key), depth + 1) for key in keys)), "")
    # Gateways wrap what the provider behind them said.
    raw = value["metadata"].get("raw") if isinstance(value.get("metadata"), Mapping) else None
    behind = _words(_loaded(raw), depth + 1) if raw else ""
    return ": ".join(filter(None, (words, behind)))


def _entry(value: Any, depth: int) -> str:
    """A problem of a list, with the place that it is about."""
    words = _words(value, depth)
    place = value.get("loc") if isinstance(value, Mapping) else None
    if words and isinstance(place, list) and place:
        return f"{'.'.join(str(part) for part in place)}: {words}"
    return words


def _loaded(body: Any) -> Any:
    """JSON where it is JSON, else the first line of text of a page."""
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    if not isinstance(body, str):
        return body
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        lines = (line.strip() for line in _TAG.sub("\n", body[:_HEAD]).splitlines())
        return next(filter(None, lines), "")
    return value


def _status(value: Any) -> int | None:
    """An HTTP status among the numbers and texts that services put there."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    return value if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600 else None
