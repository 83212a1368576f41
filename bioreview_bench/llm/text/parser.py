"""Reading a model's output: one parser for every form that models answer in.

It never raises, never invents (every text stands in the output), and keeps every complete item before a cut. Its time
is linear in the output's length.

Finding JSON items in text that is no JSON as a whole: prose around it, brackets missing, the end cut off.

One pass over the text with a stack of open brackets, so that time is linear however often something opens.

Fixing labels that a model mistyped, when a run asks for it.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES

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
    items = [item for item in value if isinstance(item, str) or _is_concern(item)]
    return items if items or not value else None


def _is_concern(item: Any) -> bool:
    return isinstance(item, dict) and any(isinstance(item.get(key), str) for key in _TEXT_KEYS)


def _concern(item: str | Mapping[str, Any], fix_labels: bool) -> tuple[dict[str, Any] | None, int]:
    """The concern, None for a blank one; how many labels were fixed."""
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
            meant = fixed_label(label, vocabulary) if fix_labels else label
            n_fixed += meant != label
            concern[key] = meant
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
    for line in (line.rstrip("\r") for line in text.split("\n")):
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


_TOKEN = re.compile(r'[\[\]{}"]')
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_STRAY_BACKSLASH = re.compile(r'\\(?!["\\/bfnrtu])')
_GAP = re.compile(r"[\s,]*")
_DEEPEST = 3  # objects nested deeper than this are no concern; parsing them at every level would be quadratic


@dataclass(frozen=True)
class Scanned:
    """Items in the order of the text; `unclosed` says that a bracket or string was open at the end."""

    items: list[Any]
    unclosed: bool


@dataclass
class _Open:
    bracket: str
    start: int
    height: int = 0


def loads(text: str) -> Any:
    """The JSON value of `text`, None when it is none; a stray backslash (LaTeX, `\\%`) is read as it stands."""
    for candidate in (text, _STRAY_BACKSLASH.sub(r"\\\\", text)):
        try:
            # Numbers are only ever confidences, and Python refuses whole numbers of thousands of digits.
            return json.loads(candidate, strict=False, parse_int=float)
        except (ValueError, RecursionError):
            continue
    return None


def scan(text: str, is_concern: Callable[[Any], bool]) -> Scanned:
    """Complete objects for which `is_concern` holds; without any, the strings of arrays."""
    stack: list[_Open] = []
    objects: list[tuple[int, Any]] = []
    strings: list[Any] = []
    position = 0
    while (token := _TOKEN.search(text, position)) is not None:
        char, position = token.group(), token.end()
        if char == '"':
            # Outside brackets a quotation mark is prose.
            if stack:
                closed = _STRING.match(text, token.start())
                if closed is None:
                    break
                position = closed.end()
        elif char in "[{":
            stack.append(_Open(char, token.start()))
        elif stack and stack[-1].bracket == {"]": "[", "}": "{"}[char]:
            done = stack.pop()
            if stack:
                stack[-1].height = max(stack[-1].height, done.height + 1)
            if done.height <= _DEEPEST:
                value = loads(text[done.start : position])
                if char == "}" and is_concern(value) and not _wraps(value, is_concern):
                    while objects and objects[-1][0] > done.start:
                        objects.pop()  # it stands inside this one
                    objects.append((done.start, value))
                elif char == "]" and isinstance(value, list) and value and all(isinstance(item, str) for item in value):
                    strings = max(strings, value, key=len)
    unclosed = bool(stack)
    if objects:
        return Scanned([value for _, value in objects], unclosed)
    if strings:
        return Scanned(strings, unclosed)
    arrays = [opened.start for opened in stack if opened.bracket == "["]
    return Scanned(_leading_strings(text, arrays[-1]) if arrays else [], unclosed)


def _wraps(value: dict[str, Any], is_concern: Callable[[Any], bool]) -> bool:
    """True for an object that holds a list of concerns: those are meant, not the object around them."""
    return any(isinstance(held, list) and any(is_concern(item) for item in held) for held in value.values())


def _leading_strings(text: str, start: int) -> list[Any]:
    """The complete strings at the beginning of the array that opens at `start`."""
    found: list[Any] = []
    position = start + 1
    while True:
        position = _GAP.match(text, position).end()  # type: ignore[union-attr]
        string = _STRING.match(text, position)
        if string is None:
            return found
        value = loads(string.group())
        if not isinstance(value, str):
            return found
        found.append(value)
        position = string.end()


_CLOSE = 0.8  # difflib ratio: "statistical_method" is close to "statistical_methodology", "statistics" is not


def fixed_label(label: str, vocabulary: Sequence[str]) -> str:
    """The label of `vocabulary` that was meant (case, spaces, hyphens, small typos), or `label` if none is close."""
    written = re.sub(r"[\s/-]+", "_", label.strip().casefold())[:64]
    if written in vocabulary:
        return written
    near = difflib.get_close_matches(written, vocabulary, n=1, cutoff=_CLOSE)
    return near[0] if near else label
