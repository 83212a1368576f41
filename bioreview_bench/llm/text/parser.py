"""Reading a model's answer: one parser for every form that models answer in.

It never raises, never invents (every word stands in the output, in order), keeps every complete item before a cut, and
counts what it could not read. Its time is linear in the output's length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES

from . import prose
from .items import Item, Items, concerns_in
from .labels import fixed_label
from .loose_json import Broken, Reader, loads
from .sections import Kind, kind_of
from .thoughts import spoken

_FENCE = re.compile(r"```[A-Za-z0-9_-]*[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_BRACKET = re.compile(r"[\[{](?=\s*+(?:[\"'“”„‘«`\[{\]}]|[A-Za-z_][\w-]{0,40}\s*[:=]\s*[\"'“‘\[{\d]|-?\d|//|/\*|\#))")
_MARKER_ONLY = re.compile(r"\s*(?:[-*•]|\(?\d{1,3}[.)])?\s*")
_REFUSAL = re.compile(
    r"\b(?:i['’]?m sorry|i am sorry|i apologi[sz]e|i (?:can(?:no|['’])t|cannot|am unable to|won['’]t)\b|as an ai\b)",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"(?:there (?:are|were) |i (?:have|found|see) )?(?:no|none) ?(?:\w+ ){0,3}(?:concerns?|issues?|comments?)?"
    r"(?: (?:found|identified|to report|to raise))?(?: (?:with|about|in|on) (?:this|the) \w+)?[.!]?",
    re.IGNORECASE,
)
_LEAD = 200  # characters before a bracket on its line
_MOST_BROKEN = 200  # brackets that are no JSON: an answer with more of them is none
_SHORT = 600  # characters; refusals are short, and a long text that says "I cannot" is a review


@dataclass(frozen=True)
class Parsed:
    """Concerns (objects with `text` and perhaps `category`, `severity`, `confidence`) and a prediction status.

    `n_unread` counts items of a list that was read which could not be read themselves; `detail` says why there is
    nothing where the status does not.
    """

    concerns: tuple[dict[str, Any], ...]
    status: str
    n_fixed_labels: int = 0
    n_unread: int = 0
    detail: str | None = None


@dataclass(frozen=True)
class _Reading:
    items: Items
    status: str
    detail: str | None = None


def parse(raw: str, *, finish_reason_length: bool = False, fix_labels: bool = False) -> Parsed:
    """Read `raw`.

    Status: `ok` (JSON as asked, fences allowed), `repaired`, `truncated` (complete items before a cut), `empty` (an
    empty list, or a sentence that says so), `refused`, `parse_failed`. `finish_reason_length` says that the provider
    stopped the output; `fix_labels` maps mistyped labels to the vocabulary and counts them.
    """
    reading = _read(raw, finish_reason_length)
    status, n_unread = reading.status, reading.items.n_unread
    concerns, n_fixed = [], 0
    for item in reading.items.found:
        concern, fixed = _concern(item, fix_labels)
        if concern is not None:
            concerns.append(concern)
            n_fixed += fixed
    if not concerns and status in ("ok", "repaired", "truncated"):
        status = "empty" if status == "ok" and not n_unread else "parse_failed"
    if status == "ok" and n_unread:
        status = "repaired"
    return Parsed(tuple(concerns), status, n_fixed, n_unread if concerns else 0, reading.detail)


def _read(raw: str, cut: bool) -> _Reading:
    # Clean JSON first: its texts may well speak of tags.
    clean = _clean(raw)
    if clean is not None:
        return clean
    said = spoken(raw)
    if said.unfinished and not said.text.strip():
        return _Reading(Items(), "parse_failed", "the output ended inside a thought")
    text = said.text
    if text != raw and (clean := _clean(text)) is not None:
        return clean
    found, unclosed, embedded = _json_in(text)
    if found.found:
        return _Reading(found, "truncated" if cut or unclosed else "repaired")
    stripped = text.strip()
    if not unclosed:
        listed = prose.read(text, ended=not cut)
        if listed:
            return _Reading(Items(listed), "truncated" if cut else "repaired")
        if embedded.found:
            return _Reading(embedded, "truncated" if cut else "repaired")
    if stripped and len(stripped) < _SHORT:
        if _REFUSAL.search(stripped):
            return _Reading(Items(), "refused")
        if _NOTHING.fullmatch(stripped):
            return _Reading(Items(), "empty")
    if said.unfinished:
        return _Reading(Items(), "parse_failed", "the output ended inside a thought")
    return _Reading(Items(), "parse_failed")


def _clean(text: str) -> _Reading | None:
    """The reading of a text that is JSON as a whole, or a fence of it."""
    stripped = text.strip()
    fenced = _FENCE.fullmatch(stripped)
    value = loads(fenced.group(1) if fenced else stripped)
    if isinstance(value, str):
        value = loads(value)  # JSON in a string of JSON
    read = concerns_in(value, _prose_or_whole) if isinstance(value, list | dict) else None
    if read is None:
        return None
    lone = isinstance(value, dict) and len(read.found) == 1 and read.found[0].get("text") in value.values()
    return _Reading(read, "repaired" if lone else "ok")


def _json_in(text: str) -> tuple[Items, bool, Items]:
    """Concerns of the JSON values in a text; whether one was open at the end; those that stand inside a sentence."""
    found, embedded = Items(), Items()
    reader = Reader(text)
    position, unclosed, n_broken, n_unread = 0, False, 0, 0
    while n_broken < _MOST_BROKEN and (bracket := _BRACKET.search(text, position)) is not None:
        start = bracket.start()
        before = text[max(text.rfind("\n", 0, start) + 1, start - _LEAD) : start]
        in_sentence = _in_sentence(before)
        try:
            value, position = reader.value(start)
            read = concerns_in(value, _prose_or_whole)
            in_sentence = in_sentence and position < len(text)
        except Broken as broken:
            n_broken += 1
            position = max(broken.position, start + 1)
            read = _before(reader, broken)
            if not in_sentence:
                unclosed = broken.at_end
                n_unread += not broken.at_end
        if read is not None and not _under_praise(text, start, before):
            (embedded if in_sentence else found).add(read)
        if unclosed:
            break
    found.n_unread += n_unread
    return found, unclosed, embedded


def _before(reader: Reader, broken: Broken) -> Items | None:
    """The complete items before the place where JSON broke off."""
    objects = concerns_in(list(reader.whole), _prose_or_whole)
    if objects is not None and objects.found:
        return objects
    strings = [held for held in reader.leading if isinstance(held, str)]
    return concerns_in(strings, _prose_or_whole) if broken.at_end and strings else None


def _in_sentence(before: str) -> bool:
    """True for a bracket that a sentence or an item of a list goes on to: words stand before it on its line."""
    if _MARKER_ONLY.fullmatch(before):
        return False
    words = before.rstrip()
    return bool(words) and (words[-1].isalnum() or words[-1] in ",(;") and " " in words.strip()


def _under_praise(text: str, start: int, before: str) -> bool:
    """True where the words that lead to a list name a section of praise."""
    lead = before.strip()
    if not lead:
        lead = text[max(0, start - _LEAD) : start].rstrip().rsplit("\n", 1)[-1]
    kind = kind_of(re.sub(r"^[\s#*_>-]+|[\s*_:]+$", "", lead), marked_up=True)
    return kind in (Kind.PRAISE, Kind.OTHER)


def _prose_or_whole(text: str) -> Sequence[Item]:
    return [] if _NOTHING.fullmatch(text.strip()) else prose.sentences_or_items(text)


def _concern(item: Mapping[str, Any], fix_labels: bool) -> tuple[dict[str, Any] | None, int]:
    """The concern, None for a blank one; how many labels were fixed."""
    # Half of a surrogate pair, from an escape cut in two, is no text and cannot be written.
    text = "".join(char for char in item["text"] if not "\ud800" <= char <= "\udfff").strip()
    if not text:
        return None, 0
    concern: dict[str, Any] = {"text": text}
    n_fixed = 0
    for key, vocabulary in (("category", CATEGORIES), ("severity", SEVERITIES)):
        label = item.get(key)
        if isinstance(label, str) and label.strip():
            meant = fixed_label(label, vocabulary) if fix_labels else label
            n_fixed += meant != label
            concern[key] = meant
    confidence = item.get("confidence")
    if isinstance(confidence, int | float) and not isinstance(confidence, bool) and 0 <= confidence <= 1:
        concern["confidence"] = confidence
    return concern, n_fixed
