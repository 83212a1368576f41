"""Reading a model's output: one parser for every form that models answer in.

It never raises, never invents (every text stands in the output), and keeps every complete item before a cut. Its time
is linear in the output's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES
from bioreview_bench.llm.labels import fixed_label
from bioreview_bench.llm.scan import loads, scan

_TEXT_KEYS = ("text", "concern_text", "concern", "comment", "description")
_TAG = r"(?:think|thinking|reasoning|reflection|analysis)"
_REASONING = re.compile(rf"<(/?){_TAG}>", re.IGNORECASE)
_BRACKET = re.compile(r"[\[{]")
_CONCERN_LISTS = ("concerns", "weaknesses", "issues", "comments", "criticisms")
_PRAISE = re.compile(r"strength|positive|praise|summary", re.IGNORECASE)
_FENCE = re.compile(r"```[A-Za-z0-9_-]*[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_MARKER = re.compile(r"\s*(?:#{1,6}\s*)?(?:\(?\d{1,3}[.)]|[-*•–])\s+(\S.*)")
_REFUSAL = re.compile(
    r"\b(?:i['’]?m sorry|i am sorry|i apologi[sz]e|i (?:can(?:no|['’])t|cannot|am unable to|won['’]t)\b|as an ai\b)",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"(?:there (?:are|were) |i (?:have|found|see) )?(?:no|none) ?(?:\w+ ){0,3}(?:concerns?|issues?|comments?)?"
    r"(?: (?:found|identified|to report|to raise))?(?: (?:with|about|in|on) (?:this|the) \w+)?[.!]?",
    re.IGNORECASE,
)
_SHORT = 600  # characters; refusals are short, and a long text that says "I cannot" is a review


@dataclass(frozen=True)
class Parsed:
    """Concerns (objects with `text` and perhaps `category`, `severity`, `confidence`) and a prediction status."""

    concerns: tuple[dict[str, Any], ...]
    status: str
    n_fixed_labels: int = 0


def parse(raw: str, *, finish_reason_length: bool = False, fix_labels: bool = False) -> Parsed:
    """Read `raw`.

    Status: `ok` (JSON as asked, fences allowed), `repaired`, `truncated` (complete items before a cut), `empty` (an
    empty list, or a sentence that says so), `refused`, `parse_failed`. `finish_reason_length` says that the provider
    stopped the output; `fix_labels` maps mistyped labels to the vocabulary and counts them.
    """
    items, status = _items(raw, finish_reason_length)
    concerns, n_fixed = [], 0
    for item in items:
        concern, fixed = _concern(item, fix_labels)
        if concern is not None:
            concerns.append(concern)
            n_fixed += fixed
    if not concerns and status in ("ok", "repaired", "truncated"):
        status = "empty" if status == "ok" else "parse_failed"
    return Parsed(tuple(concerns), status, n_fixed)


def _items(raw: str, cut: bool) -> tuple[list[Any], str]:
    """Raw items (strings or objects) and the status that goes with how they were found."""
    # Clean JSON first: its texts may well speak of tags.
    for text in dict.fromkeys((raw, _without_reasoning(raw))):
        stripped = text.strip()
        fenced = _FENCE.fullmatch(stripped)
        value = loads(fenced.group(1) if fenced else stripped)
        clean = _list_in(value)
        if clean is not None:
            return clean, "repaired" if clean == [value] else "ok"
    blocks = [item for block in _FENCE.findall(text) for item in _list_in(loads(block)) or []]
    if blocks:
        return blocks, "repaired"
    found = scan(text, _is_concern)
    if found.items:
        return found.items, "truncated" if cut or found.unclosed else "repaired"
    if not found.unclosed and (listed := _listed(text)):
        return listed, "truncated" if cut else "repaired"
    if stripped and len(stripped) < _SHORT:
        if _REFUSAL.search(stripped):
            return [], "refused"
        if _NOTHING.fullmatch(stripped):
            return [], "empty"
    return [], "parse_failed"


def _list_in(value: Any) -> list[Any] | None:
    """The concerns in a JSON value: a list, those of an object's lists, or the object itself; None if it has none."""
    if isinstance(value, dict):
        lists = {key: held for key, held in value.items() if isinstance(held, list)}
        named = [held for key, held in lists.items() if key.casefold() in _CONCERN_LISTS]
        objects = any(_is_concern(item) for held in lists.values() for item in held)
        if not (named or objects) and _is_concern(value):
            return [value]
        chosen = named or [held for key, held in lists.items() if not _PRAISE.search(key)]
        value = [item for held in chosen for item in held] if chosen else None
    if not isinstance(value, list):
        return None
    items = [item for item in value if _is_item(item)]
    return items if items or not value else None


def _is_item(item: Any) -> bool:
    return isinstance(item, str) or _is_concern(item)


def _is_concern(item: Any) -> bool:
    return isinstance(item, dict) and any(isinstance(item.get(key), str) for key in _TEXT_KEYS)


def _concern(item: str | Mapping[str, Any], fix_labels: bool) -> tuple[dict[str, Any] | None, int]:
    """The concern, None for a blank one; how many labels were mended."""
    if isinstance(item, str):
        item = {"text": item}
    text = next(item[key] for key in _TEXT_KEYS if isinstance(item.get(key), str))
    # Half of a surrogate pair, from an escape cut in two, is no text and cannot be written.
    text = "".join(char for char in text if not "\ud800" <= char <= "\udfff").strip()
    if not text:
        return None, 0
    concern: dict[str, Any] = {"text": text}
    n_fixed = 0
    for key, vocabulary in (("category", CATEGORIES), ("severity", SEVERITIES)):
        label = item.get(key)
        if isinstance(label, str):
            mended = fixed_label(label, vocabulary) if fix_labels else label
            n_fixed += mended != label
            concern[key] = mended
    confidence = item.get("confidence")
    if isinstance(confidence, int | float) and not isinstance(confidence, bool) and 0 <= confidence <= 1:
        concern["confidence"] = confidence
    return concern, n_fixed


def _without_reasoning(raw: str) -> str:
    """`raw` less what was thought aloud before the answer; an unclosed thought takes everything after it.

    Only tags before the first bracket count, so that nothing is cut out of an answer.
    """
    text = raw
    first = _REASONING.search(text)
    if first is not None and first.group(1):  # the thought was opened before the output began
        text = text[first.end() :]
    before: list[str] = []
    position = 0
    while (tag := _REASONING.search(text, position)) is not None:
        bracket = _BRACKET.search(text, position, tag.start())
        if bracket is not None or tag.group(1):
            break
        before.append(text[position : tag.start()])
        closing = next((end for end in _REASONING.finditer(text, tag.end()) if end.group(1)), None)
        if closing is None:
            return "\n\n".join(before)
        position = closing.end()
    return "\n\n".join([*before, text[position:]])


def _listed(text: str) -> list[str]:
    """Items of a numbered or bulleted list, with their continuation lines."""
    items: list[str] = []
    open_item = False
    for line in _lines(text):
        marked = _MARKER.fullmatch(line)
        if marked:
            items.append(marked.group(1))
            open_item = True
        elif not line.strip():
            open_item = False
        elif open_item or (items and line[0] in " \t"):
            items[-1] += f" {line.strip()}"
            open_item = True
    # A single word under a marker is a heading.
    return [" ".join(item.split()) for item in items if " " in item.strip() and re.search(r"[^\W\d_]", item)]


def _lines(text: str) -> Iterable[str]:
    return (line.rstrip("\r") for line in text.split("\n"))
