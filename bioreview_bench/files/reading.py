"""Small files read whole: text, one JSON object, TOML. What cannot be read is the error that the caller names.

The message says what is wrong with which file, the caller what to do about it. Rows are read by `jsonl`.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

from bioreview_bench.errors import BenchError
from bioreview_bench.files.jsonl import parse_object
from bioreview_bench.files.paths import cannot_read


def read_text(path: Path, failure: type[BenchError], remedy: str, encoding: str = "utf-8") -> str:
    """The text of a file; `utf-8-sig` as `encoding` drops a byte order mark. Raises `failure`."""
    try:
        return path.read_text(encoding=encoding)
    except UnicodeDecodeError as error:
        raise failure(f"{path} is not UTF-8 (byte {error.start + 1}).", remedy=remedy) from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise cannot_read(path, error, failure, remedy) from error


def read_filled(path: Path, failure: type[BenchError], remedy: str, encoding: str = "utf-8") -> str:
    """The same; a file with nothing in it is `failure`, too."""
    text = read_text(path, failure, remedy, encoding)
    if not text.strip():
        raise failure(f"{path} is empty.", remedy=remedy)
    return text


def read_bytes(path: Path, failure: type[BenchError], remedy: str = "check the path", most: int | None = None) -> bytes:
    """The bytes of a file; of one that has more than `most`, one more than these. Raises `failure`."""
    try:
        with path.open("rb") as stream:
            return stream.read() if most is None else stream.read(most + 1)
    except (OSError, ValueError) as error:
        raise cannot_read(path, error, failure, remedy) from error


def read_json(path: Path, failure: type[BenchError], remedy: str) -> dict[str, Any]:
    """The JSON object in a file, read strictly (no NaN, no key twice). Raises `failure`."""
    text = read_filled(path, failure, remedy)
    try:
        return parse_object(text)
    except ValueError as error:
        raise failure(f"Cannot read {path}: {error}.", remedy=remedy) from error


def find_json(path: Path, failure: type[BenchError], remedy: str) -> dict[str, Any] | None:
    """The same; None where there is no such file."""
    return read_json(path, failure, remedy) if path.exists() else None


def read_toml(path: Path, failure: type[BenchError], remedy: str) -> dict[str, Any]:
    """The tables of a TOML file, which is not empty. Raises `failure`."""
    return parse_toml(read_filled(path, failure, remedy, "utf-8-sig"), path, failure, remedy)


def parse_toml(text: str, where: object, failure: type[BenchError], remedy: str) -> dict[str, Any]:
    """The tables of a TOML text that stands in `where`. Raises `failure`."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise failure(f"{where} is not TOML: {error}.", remedy=remedy) from error


def file_sha256(path: Path, failure: type[BenchError], remedy: str = "check its permissions") -> str:
    """Hex sha256 of a file, read in pieces. Raises `failure`."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise cannot_read(path, error, failure, remedy) from error
