"""JSON as models write it: commas too many or missing, Python's literals, other quotation marks, comments.

A slip is repaired where one reading is possible. What is not closed is not closed here: an invented closing could
change the text of a concern. Reading is one pass; its time is linear in the length.
"""

from __future__ import annotations

import json
import re
from typing import Any


class Unread:
    """The place of an item that cannot be read."""


UNREAD = Unread()


class Repeated(list[Any]):
    """The values of a key that stood more than once in an object, in order."""


class Broken(Exception):
    """The text is no JSON from `position` on; `at_end` says that it ended before the value did."""

    def __init__(self, position: int, at_end: bool = False) -> None:
        super().__init__(position)
        self.position, self.at_end = position, at_end


_STRAY_BACKSLASH = re.compile(r'\\(?!["\\/bfnrtu])')
_DEEPEST = 12
_MOST_INNER = 24  # quotation marks inside one string that may be tried as its end
_LONGEST_LOOSE = 10_000  # characters of a string with such marks

_G = r"(?:\s|//[^\n]*+|\#[^\n]*+|/\*(?:[^*]|\*(?!/)){0,2000}+\*/)*+"  # white space and comments
_GAP = re.compile(_G)
_CLOSERS = {'"': '"', "'": "'", "“": '”"“', "”": '”"', "‘": "’'", "„": "“”", "«": "»", "`": "`", "＂": "＂"}
_WITHIN = {quote: re.compile(rf"(?:[^{re.escape(closers)}\\]|\\.)*+", re.DOTALL) for quote, closers in _CLOSERS.items()}
_QUOTES = "".join(_CLOSERS)
_BARE = re.compile(r"[-+]?[\w.][\w.+-]{0,60}")
_BARE_KEY = re.compile(r"[A-Za-z_][\w-]{0,40}")
_NAMED = {"none": None, "null": None, "undefined": None, "nil": None, "true": True, "false": False}
_KEY = rf"(?:[{_QUOTES}][^\n{_QUOTES}]{{1,80}}[{_QUOTES}]|[A-Za-z_][\w-]{{0,40}})\s*[:=]"
# What may follow the end of a string: of a value in an object, of an item in an array, of a key.
_AFTER_VALUE = re.compile(rf"{_G}(?:,?{_G}(?:{_KEY}|[}}\]])|,{_G}\Z|\Z)")
_SCALAR = r"(?:-?[\d.]+|[Nn]ull|None|[Tt]rue|[Ff]alse)\s*(?:[,\]]|\Z)"
_AFTER_ITEM = re.compile(
    rf"{_G}(?:,[\s,]*+{_G}(?:[{_QUOTES}{{\[\]]|{_SCALAR}|\Z)|[\]}}]|\Z)|[^\S\n]*\n\s*[{_QUOTES}{{]"
)
_NEXT_OBJECT = re.compile(rf"[\s,]*\{{\s*[{_QUOTES}]\w+[{_QUOTES}]\s*:")
_AFTER_KEY = re.compile(r"\s*(?::|=>?)")
_BOUNDARY = re.compile(rf"[}}\]{_QUOTES}]\s*,?\s*(?={{)|[{_QUOTES}],[^\S\n]*\n\s*(?=[{_QUOTES}])|\]")


def loads(text: str) -> Any:
    """The JSON value of `text`, None when it is none; a stray backslash (LaTeX, `\\%`) is read as it stands.

    A key that stands twice has both values, as `Repeated`.
    """
    for candidate in dict.fromkeys((text, _STRAY_BACKSLASH.sub(r"\\\\", text))):
        try:
            # Numbers are only ever confidences, and Python refuses whole numbers of thousands of digits.
            return json.loads(candidate, strict=False, parse_int=float, object_pairs_hook=_object)
        except (ValueError, RecursionError):
            continue
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for key, value in pairs:
        if key not in read:
            read[key] = value
        elif isinstance(read[key], Repeated):
            read[key].append(value)
        else:
            read[key] = Repeated([read[key], value])
    return read


class Reader:
    """Values of one text.

    After Broken, `whole` has the objects that were complete, wherever they stood, and `leading` the items of the outer
    array before it.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.whole: list[dict[str, Any]] = []
        self.leading: list[Any] = []
        self._ends_closed = text.rstrip("`\n\r\t ;").endswith(("]", "}"))
        self._no_boundary_from = len(text)

    def value(self, position: int) -> tuple[Any, int]:
        """The array or object at `position` and where it ends. Raises Broken; items before that are in `whole`."""
        self.whole, self.leading = [], []
        return self._value(position, 0, _AFTER_ITEM)

    def _value(self, position: int, depth: int, after: re.Pattern[str]) -> tuple[Any, int]:
        if position >= len(self.text):
            raise Broken(position, at_end=True)
        char = self.text[position]
        if char in "[{":
            if depth > _DEEPEST:
                raise Broken(position)
            return (self._array if char == "[" else self._members)(position + 1, depth + 1)
        if char in _CLOSERS:
            return self._string(position, after)
        bare = _BARE.match(self.text, position)
        if bare is None:
            raise Broken(position)
        word = bare.group()
        if bare.end() >= len(self.text):
            raise Broken(bare.end(), at_end=True)
        if word.casefold() in _NAMED:
            return _NAMED[word.casefold()], bare.end()
        if not word.strip("."):
            return None, bare.end()  # an ellipsis, for more of the same
        try:
            return float(word), bare.end()
        except ValueError:
            if after is _AFTER_ITEM:
                raise Broken(position) from None  # a word without quotation marks may be a label, but no item
            return word, bare.end()

    def _array(self, position: int, depth: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        while True:
            position = self._gap(position)
            if position >= len(self.text):
                if depth == 1:
                    self.leading = items
                raise Broken(position, at_end=True)
            if self.text[position] == "]":
                return items, position + 1
            if self.text[position] in ",;":
                position += 1
                continue
            try:
                item, position = self._value(position, depth, _AFTER_ITEM)
                following = self._gap(position)
                if following < len(self.text) and self.text[following] not in ',;]{["' + _QUOTES:
                    raise Broken(following)
            except Broken as broken:
                if depth == 1:
                    self.leading = items
                if broken.at_end or (not items and self.text[position] not in "{"):
                    raise
                position = self._boundary(broken.position)
                item = UNREAD
            items.append(item)

    def _members(self, position: int, depth: int) -> tuple[dict[str, Any], int]:
        pairs: list[tuple[str, Any]] = []
        while True:
            position = self._gap(position)
            if position >= len(self.text):
                raise Broken(position, at_end=True)
            if self.text[position] == "}":
                read = _object(pairs)
                self.whole.append(read)
                return read, position + 1
            if self.text[position] == ",":
                position += 1
                continue
            key, position = self._key(position)
            value, position = self._value(self._gap(position), depth, _AFTER_VALUE)
            pairs.append((key, value))
            following = self._gap(position)
            if following < len(self.text) and not re.match(rf"[,}}{_QUOTES}A-Za-z_]", self.text[following]):
                raise Broken(following)

    def _key(self, position: int) -> tuple[str, int]:
        if self.text[position] in _CLOSERS:
            key, position = self._string(position, _AFTER_KEY)
        else:
            bare = _BARE_KEY.match(self.text, position)
            if bare is None:
                raise Broken(position)
            key, position = bare.group(), bare.end()
        colon = _AFTER_KEY.match(self.text, position)
        if colon is None:
            raise Broken(position, at_end=not self.text[position:].strip())
        return key, colon.end()

    def _string(self, position: int, after: re.Pattern[str]) -> tuple[str, int]:
        """The string that opens at `position`: up to the first closing mark that can be its end."""
        opening = self.text[position]
        within, start = _WITHIN[opening], position + 1
        inner, end = 0, start
        for _ in range(_MOST_INNER):
            end = _end(within.match(self.text, end))
            if end >= len(self.text) or self.text[end] == "\\":
                raise Broken(end, at_end=inner == 0 or not self._ends_closed)
            if (fits := after.match(self.text, end + 1)) is not None:
                if inner and fits.end() >= len(self.text) and not self._ends_closed:
                    raise Broken(end, at_end=True)
                if inner % 2 == 0:
                    return _unescaped(self.text[start:end], opening), end + 1
                if after is _AFTER_VALUE:
                    raise Broken(end)  # a mark that was not closed: where this text ends is not known
            if end - start > _LONGEST_LOOSE or _NEXT_OBJECT.match(self.text, end + 1):
                raise Broken(end)
            # An inch mark, or an apostrophe inside a word or after a plural, opens nothing.
            inch = self.text[end] == '"' and self.text[end - 1].isdigit()
            following = self.text[end + 1 : end + 2]
            apostrophe = self.text[end] in "'’" and (
                (self.text[end - 1].isalnum() and following.isalnum())
                or (self.text[end - 1] == "s" and following == " ")
            )
            inner += not (inch or apostrophe)
            end += 1
        raise Broken(start)

    def _gap(self, position: int) -> int:
        return _end(_GAP.match(self.text, position))

    def _boundary(self, position: int) -> int:
        """Where the next item may begin after one that cannot be read. Raises Broken when there is none."""
        if position >= self._no_boundary_from:
            raise Broken(position)
        found = _BOUNDARY.search(self.text, position)
        if found is None:
            self._no_boundary_from = position
            raise Broken(position)
        return found.start() if found.group() == "]" else found.end()


def _end(found: re.Match[str] | None) -> int:
    """Where a pattern ends that matches anywhere."""
    assert found is not None
    return found.end()


def _unescaped(content: str, opening: str) -> str:
    if opening != '"':
        content = content.replace("\\'", "'")
    escaped = re.sub(r'(?<!\\)((?:\\\\)*)"', r'\1\\"', content)
    for candidate in (escaped, _STRAY_BACKSLASH.sub(r"\\\\", escaped)):
        try:
            return str(json.loads(f'"{candidate}"', strict=False))
        except ValueError:
            continue
    return content
