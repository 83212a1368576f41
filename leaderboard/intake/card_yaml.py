"""Reading `card.yaml` from strangers: a small part of YAML, bounded, in which every value is text or null.

Mappings, lists and scalars; no anchors, aliases, tags, merge keys, duplicate keys or second documents. Scalars stay the
text that was written, so `system_version: 1.0` is "1.0" and `no` is "no"; the card's schema gives them their types.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import yaml
from pydantic import ValidationError
from yaml import events

from bioreview_bench.errors import Problem, printable
from bioreview_bench.results.card import Card

from ..names import unfit

MAX_NODES: Final = 500
MAX_DEPTH: Final = 5
_NULL = ("", "~", "null", "Null", "NULL")


def read_card(content: bytes) -> tuple[Card | None, list[Problem]]:
    """(the card, or None when it has a problem; all its problems). The size is the caller's to bound."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return None, [Problem(f"card.yaml: not UTF-8 (byte {error.start + 1})")]
    try:
        value = parse(text)
    except _Refused as error:
        return None, [Problem(f"card.yaml, line {error.line}: {error}")]
    except yaml.YAMLError as error:
        return None, [Problem(f"card.yaml: {_reason(error)}")]
    if not isinstance(value, dict):
        return None, [Problem("card.yaml: it must be fields and their values, such as `system_name: Mine`")]
    return card_of(value)


def card_of(value: dict[str, Any]) -> tuple[Card | None, list[Problem]]:
    """The same for a card that was parsed already."""
    try:
        card = Card.model_validate(value)
    except ValidationError as error:
        return None, [
            Problem(f"card.yaml: {printable('.'.join(map(str, one['loc'])))}: {_said(one)}")
            for one in error.errors(include_url=False, include_context=False)
        ]
    problems = [Problem(f"card.yaml: {reason}") for reason in unfit(card)]
    return (None if problems else card), problems


def _said(error: Any) -> str:
    if error["type"] == "missing":
        return "is missing"
    return "is empty" if error["input"] in (None, "") else printable(error["msg"], 200)


def parse(text: str) -> Any:
    """Text as dicts, lists, strings and None. Raises yaml.YAMLError or a refusal that knows its line."""
    stream = yaml.parse(text, Loader=yaml.SafeLoader)
    reader = _Reader(stream)
    return reader.document()


class _Refused(Exception):
    def __init__(self, reason: str, event: events.Event) -> None:
        super().__init__(reason)
        self.line = event.start_mark.line + 1 if event.start_mark is not None else 1


class _Reader:
    def __init__(self, stream: Iterator[events.Event]) -> None:
        self._stream = stream
        self._nodes = 0

    def document(self) -> Any:
        next(self._stream)  # the stream's start
        event = next(self._stream)
        if isinstance(event, events.StreamEndEvent):
            return None
        value = self._node(next(self._stream), 1)
        next(self._stream)  # the document's end
        rest = next(self._stream)
        if not isinstance(rest, events.StreamEndEvent):
            raise _Refused("a second document", rest)
        return value

    def _node(self, event: events.Event, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _Refused(f"more than {MAX_NODES} values", event)
        if depth > MAX_DEPTH:
            raise _Refused(f"nested more than {MAX_DEPTH} deep", event)
        if isinstance(event, events.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Refused("anchors (&) and aliases (*) are not taken; quote a text that begins so", event)
        if getattr(event, "tag", None) is not None:
            raise _Refused("tags (!) are not taken; quote a text that begins so", event)
        if isinstance(event, events.MappingStartEvent):
            return self._mapping(depth)
        if isinstance(event, events.SequenceStartEvent):
            return self._sequence(depth)
        assert isinstance(event, events.ScalarEvent)
        return None if event.style is None and event.value in _NULL else event.value

    def _mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._stream), events.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, str):
                raise _Refused("a key must be a word", event)
            if key == "<<":
                raise _Refused("merge keys (<<) are not taken", event)
            if key in found:
                raise _Refused(f'the key "{printable(key)}" occurs twice', event)
            found[key] = self._node(next(self._stream), depth + 1)
        return found

    def _sequence(self, depth: int) -> list[Any]:
        found = []
        while not isinstance(event := next(self._stream), events.SequenceEndEvent):
            found.append(self._node(event, depth + 1))
        return found


def _reason(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    what = printable(getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML", 200)
    return f"line {mark.line + 1}: {what}" if mark is not None else what
