"""Which parts of a JSON value are concerns: those under headings of criticism, by any of the keys that models use."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .loose_json import Repeated
from .sections import Kind, kind_of_key

TEXT_KEYS = (
    "text", "concern_text", "concern", "comment", "description", "issue", "weakness", "point", "criticism", "critique",
    "problem", "limitation", "question", "suggestion", "remark", "statement", "content", "body",
)  # fmt: skip
LABEL_KEYS = ("category", "severity", "confidence")
_DEEPEST = 6
_NUMBERED = re.compile(r"\W*[a-z]{0,12}[\s_.#-]*\d{1,3}\W*", re.IGNORECASE)

Item = dict[str, Any]
ReadProse = Callable[[str], Sequence[Item]]


@dataclass
class Items:
    """Concerns as objects with `text` and perhaps labels, in order; how many items could not be read."""

    found: list[Item] = field(default_factory=list)
    n_unread: int = 0

    def add(self, more: Items) -> None:
        """Append others."""
        self.found += more.found
        self.n_unread += more.n_unread


def normal_key(key: str) -> str:
    """A key as models vary it: case, blanks and hyphens."""
    return re.sub(r"[\s-]+", "_", key.strip().casefold())


def with_plain_keys(value: dict[str, Any]) -> dict[str, Any]:
    """The object under normal keys."""
    return {normal_key(key): held for key, held in value.items()}


def is_concern(value: Any) -> bool:
    """True for an object with a text under one of the keys."""
    return isinstance(value, dict) and _text_key(with_plain_keys(value)) is not None


def _text_key(item: dict[str, Any]) -> str | None:
    def holds_text(held: Any) -> bool:
        return isinstance(held, str) or (isinstance(held, Repeated) and all(isinstance(text, str) for text in held))

    return next((key for key in TEXT_KEYS if holds_text(item.get(key))), None)


def concerns_in(value: Any, read_prose: ReadProse) -> Items | None:
    """The concerns of a JSON value; None when it holds no list of them and is none itself.

    `read_prose` reads a text that stands where a list was wanted.
    """
    if isinstance(value, list):
        read = _in_list(value, read_prose, 0)
        return read if read.found or not value or _only_blanks(value) else None
    if isinstance(value, dict):
        within = _in_object(value, read_prose, 0)
        return within if within is None or within.found or not within.n_unread else None
    return None


def _only_blanks(values: list[Any]) -> bool:
    return all(isinstance(held, str) and not held.strip() for held in values)


def _in_list(values: list[Any], read_prose: ReadProse, depth: int) -> Items:
    read = Items()
    for held in values:
        if isinstance(held, str):
            read.found += [{"text": held}] if held.strip() else []
        elif isinstance(held, list) and depth < _DEEPEST:
            read.add(_in_list(held, read_prose, depth + 1))
        elif (
            isinstance(held, dict)
            and depth < _DEEPEST
            and (inner := _in_object(held, read_prose, depth + 1)) is not None
        ):
            read.add(inner)
        elif held is not None:
            read.n_unread += 1
    return read


def _in_object(value: dict[str, Any], read_prose: ReadProse, depth: int, named: bool = False) -> Items | None:
    """`named` says that the object stands where concerns were named, so that texts under its keys are concerns."""
    plain = with_plain_keys(value)
    parts = [(key, kind_of_key(key), held) for key, held in plain.items() if held not in (None, "")]
    lists = [held for _, kind, held in parts if kind is not Kind.PRAISE and isinstance(held, list)]
    critical = [(key, held) for key, kind, held in parts if kind is Kind.CRITICISM and _may_hold(key, held, plain)]
    if (
        is_concern(value)
        and not any(isinstance(held, list | dict) for _, held in critical)
        and not _hold_concerns(lists)
    ):
        return Items(_expanded(plain))
    if not critical:
        critical = [
            (key, held)
            for key, kind, held in parts
            if kind in (None, Kind.MIXED)
            and key not in LABEL_KEYS
            and (isinstance(held, list | dict) or (named and isinstance(held, str)) or _NUMBERED.fullmatch(key))
        ]
    if not critical:
        return None
    read, held_any = Items(), False
    for key, held in critical:
        inner = _under_key(held, read_prose, depth, named=named or kind_of_key(key) is Kind.CRITICISM)
        if inner is not None:
            held_any = True
            read.add(inner)
    return read if held_any else None


def _may_hold(key: str, held: Any, plain: dict[str, Any]) -> bool:
    """False for the text and the labels of a concern, whose keys also name sections."""
    if isinstance(held, list | dict):
        return True
    return isinstance(held, str) and key != _text_key(plain)


def _hold_concerns(lists: list[Any]) -> bool:
    return any(is_concern(item) for held in lists for item in held)


def _under_key(held: Any, read_prose: ReadProse, depth: int, named: bool) -> Items | None:
    if depth >= _DEEPEST:
        return None
    if isinstance(held, Repeated) and all(isinstance(one, list) for one in held):
        held = [item for one in held for item in one]
    if isinstance(held, list):
        return _in_list(held, read_prose, depth + 1)
    if isinstance(held, dict):
        return _in_object(held, read_prose, depth + 1, named)
    if isinstance(held, str) and held.strip():
        return Items(list(read_prose(held)))
    return None


def _expanded(item: dict[str, Any]) -> list[Item]:
    """The concern of an object; several where its text stands more than once."""
    key = _text_key(item)
    assert key is not None
    labels = {name: item[name] for name in LABEL_KEYS if name in item}
    held = item[key]
    if not isinstance(held, Repeated):
        return [{"text": held, **labels}] if held.strip() else []
    return [
        {"text": text}
        | {
            name: value[n] if isinstance(value, Repeated) and len(value) == len(held) else value
            for name, value in labels.items()
        }
        for n, text in enumerate(held)
        if text.strip()
    ]
