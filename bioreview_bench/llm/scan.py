"""Finding JSON items in text that is no JSON as a whole: prose around it, brackets missing, the end cut off.

One pass over the text with a stack of open brackets, so that time is linear however often something opens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
