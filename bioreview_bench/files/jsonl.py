"""A strict reader of JSON Lines. Every complaint carries the line it is about.

Accepted: a byte order mark, CRLF, blank lines, lines of any length unless the caller bounds them. Refused, line by
line: bytes that are not UTF-8, broken JSON, rows that are not objects, duplicate keys, NaN and Infinity.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from bioreview_bench.errors import BenchError, Problem, printable
from bioreview_bench.files.paths import cannot_read

LONGEST_ARTICLE = 16 * 1024 * 1024  # bytes of a line; an article with all its letters has less than one million
_PIECE = 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_GZIP_MAGIC = b"\x1f\x8b"


def read_rows(
    path: Path, failure: type[BenchError], seen: Callable[[bytes], object] = len, longest: int | None = None
) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Yield (line number, row or Problem) for every line that is not blank; `seen` gets every byte, to hash it.

    A line of more than `longest` bytes is a Problem, and is never held whole. Raises `failure` when the file as a whole
    cannot be read.
    """
    try:
        with path.open("rb") as stream:
            lines = stream if longest is None else _bounded(stream, longest)
            for number, raw in enumerate(lines, start=1):
                seen(raw)
                if longest is not None and len(raw) > longest:
                    size = len(raw) + _skip_line(stream, raw, seen)
                    yield number, Problem(f"the line has {size:,} bytes; at most {longest:,} are read", number)
                    continue
                if number == 1:
                    if raw.startswith(_GZIP_MAGIC):
                        raise failure(f"{path} is a gzip file: decompress first.", remedy=f"gunzip {path}")
                    raw = raw.removeprefix(_BOM)
                if raw.strip():
                    yield number, _parse(raw, number)
    except OSError as error:
        raise cannot_read(path, error, failure) from error


def _bounded(stream: BinaryIO, longest: int) -> Iterator[bytes]:
    """Lines, of a longer one its first `longest + 1` bytes; the caller reads on to its end."""
    while raw := stream.readline(longest + 1):
        yield raw


def _skip_line(stream: BinaryIO, raw: bytes, seen: Callable[[bytes], object]) -> int:
    """Read to the end of the line that begins with `raw`; the number of bytes."""
    size = 0
    while not raw.endswith(b"\n") and (raw := stream.readline(_PIECE)):
        seen(raw)
        size += len(raw)
    return size


def parse_object(text: str) -> dict[str, Any]:
    """Parse one JSON object strictly. Raises ValueError with the reason."""
    value = parse_value(text)
    if not isinstance(value, dict):
        raise ValueError(f"a row must be a JSON object, this is {json_type(value)}")
    return value


def parse_value(text: str) -> Any:
    """Parse one JSON value of any type strictly. Raises ValueError with the reason."""
    try:
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("broken JSON: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"broken JSON: {error.msg.removesuffix(' at')} at column {error.colno}") from None


def json_type(value: object) -> str:
    """The JSON name of a Python value's type, with its article."""
    if value is None:
        return "null"
    names = {
        dict: "an object",
        list: "an array",
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), type(value).__name__)


def _parse(raw: bytes, number: int) -> dict[str, Any] | Problem:
    try:
        return parse_object(raw.decode("utf-8").rstrip("\r\n"))
    except UnicodeDecodeError as error:
        return Problem(f"not UTF-8 (byte {error.start + 1} of the line)", number)
    except ValueError as error:
        return Problem(str(error), number)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        repeated = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f'duplicate JSON key "{printable(repeated)}"')
    return row


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON; leave the key out or write null")


def clean(value: Any) -> Any:
    """JSON values with lone surrogates (a model may write half a pair) replaced: a file cannot hold them."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value
    if isinstance(value, Mapping):
        return {str(clean(key)): clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [clean(inner) for inner in value]
    return value
