"""What a converter reads: files in bounded memory, hashed; and what was wrong with them, or left out.

Refused, each as a problem with its file and line: files and lines that are too large, archives, links, JSON that is
broken or nested too deeply. Nothing outside the named path is read.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bioreview_bench.errors import BenchError, DataError, InputError, Problem, printable
from bioreview_bench.files.jsonl import LONGEST_ARTICLE, json_type, parse_value, read_rows
from bioreview_bench.files.paths import check_path
from bioreview_bench.files.reading import file_sha256

MOST_JSON = 64 * 2**20  # bytes of a whole JSON document; what is larger is read as JSON Lines
_MOST_FILES = 1_000_000
_PACKED = {b"\x1f\x8b": "a gzip file", b"PK": "an archive", b"BZ": "a bzip2 file", b"\xfd7": "an xz file"}


@dataclass
class DataSource:
    """The data set at `path`. `venue` is the user's name for it, where the data have none.

    A converter sets `licence` (of the data set) and `notes` (what users must know), counts what it leaves out, and
    reports what is wrong by `wrong`; it yields nothing for that.
    """

    path: Path
    venue: str | None = None
    licence: str | None = None
    notes: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if not self.path.exists():
            raise DataError(f"There is no file or folder {printable(self.path, 400)}.", remedy=check_path(self.path))

    @property
    def root(self) -> Path:
        """The folder that names of files are relative to."""
        return self.path if self.path.is_dir() else self.path.parent

    def wrong(self, where: str, *reasons: str) -> None:
        """Report what is wrong with one row or file: it counts as one, whatever the number of reasons."""
        self.places.append(where)
        self.problems += [Problem(f"{where}: {reason}") for reason in reasons]

    def name(self, path: Path) -> str:
        """A file's name relative to the data set, for messages."""
        return printable(path.relative_to(self.root).as_posix(), 200)

    def find(self, pattern: str) -> list[Path]:
        """Files below the path that fit a glob pattern, in order; links are problems. The path itself, if a file.

        Raises InputError when there are more than a million.
        """
        if self.path.is_file():
            return [self.path] if self.path.match(pattern.rpartition("/")[2]) else []
        found: list[Path] = []
        for path in sorted(self.path.glob(pattern)):
            if self._linked(path):
                self.wrong(self.name(path), "is a link, which is not followed")
            elif path.is_file():
                found.append(path)
            if len(found) > _MOST_FILES:
                raise InputError(f"{self.path} has more than {_MOST_FILES:,} files.", remedy="import parts of it")
        return found

    def rows(self, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
        """(where, row) of JSON Lines or Parquet; rows that cannot be read are problems."""
        name = self.name(path)
        try:
            self._record(path)
            if path.suffix == ".parquet":
                from bioreview_bench.files.parquet import read_parquet

                for number, row in read_parquet(path):
                    yield f"{name}:{number}", row
                return
            for number, found in read_rows(path, InputError, longest=LONGEST_ARTICLE):
                if isinstance(found, Problem):
                    self.wrong(f"{name}:{number}", found.message)
                else:
                    yield f"{name}:{number}", found
        except BenchError as error:  # the file as a whole
            self.wrong(name, error.message)

    def json(self, path: Path) -> Any:
        """The value of a whole JSON document; None, and a problem, where it cannot be read."""
        data = self._bytes(path, MOST_JSON)
        return None if data is None else self._parsed(path, data)

    def _parsed(self, path: Path, data: bytes) -> Any:
        try:
            return parse_value(data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            self.wrong(self.name(path), f"not UTF-8 (byte {error.start + 1})")
        except ValueError as error:
            self.wrong(self.name(path), str(error))
        return None

    def object(self, path: Path) -> dict[str, Any] | None:
        """The object in a JSON document; None, and a problem, where there is none."""
        return self._object(path, self.json(path))

    def last_object(self, path: Path) -> dict[str, Any] | None:
        """The same of a file that may have an object a line, each of which replaces the one before it."""
        data = self._bytes(path, MOST_JSON)
        if data is None:
            return None
        lines = [line for line in data.splitlines() if line.strip()]
        if len(lines) > 1 and all(line.startswith(b"{") and line.rstrip().endswith(b"}") for line in lines):
            self.left_out["lines that a later line of the same file replaces"] += len(lines) - 1
            data = lines[-1]
        return self._object(path, self._parsed(path, data))

    def _object(self, path: Path, value: Any) -> dict[str, Any] | None:
        if value is not None and not isinstance(value, dict):
            self.wrong(self.name(path), f"must be a JSON object, this is {json_type(value)}")
            return None
        return value

    def hashed(self, path: Path) -> None:
        """Record a file that somebody else reads."""
        self._record(path)

    def _bytes(self, path: Path, most: int) -> bytes | None:
        name = self.name(path)
        try:
            with path.open("rb") as stream:
                data = stream.read(most + 1)
        except OSError as error:
            self.wrong(name, f"cannot be read: {error.strerror or error}")
            return None
        if len(data) > most:
            self.wrong(
                name,
                f"has more than {most >> 20} MiB, the most that is read of one document (JSON Lines may be longer)",
            )
            return None
        packed = next((what for magic, what in _PACKED.items() if data.startswith(magic)), None)
        if packed:
            self.wrong(name, f"is {packed}; unpack it first")
            return None
        self.files[name] = hashlib.sha256(data).hexdigest()
        return data

    def _record(self, path: Path) -> None:
        self.files[self.name(path)] = file_sha256(path, InputError)

    def _linked(self, path: Path) -> bool:
        inside = (part for part in (path, *path.parents) if part != self.path and part.is_relative_to(self.path))
        return any(part.is_symlink() for part in inside)


def text_of(row: dict[str, Any], key: str) -> str | None:
    """The string under a key, stripped; None where it is absent, null or blank. Raises ValueError for anything else."""
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key} must be a string, this is {json_type(value)}")
    return value.strip() or None if value else None


def needed(row: dict[str, Any], key: str) -> str:
    """The same, which must be there. Raises ValueError."""
    text = text_of(row, key)
    if text is None:
        raise ValueError(f"{key} is {'missing' if key not in row else 'blank or null'}")
    return text


def listed(row: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects in the list under a key; none where it is absent or null. Raises ValueError for anything else."""
    value = row.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError(f"{key} must be a list of objects")
    return value
