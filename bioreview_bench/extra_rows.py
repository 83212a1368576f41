"""Rows for articles outside the split, of which only a count is wanted, and whether two have one id.

24 bytes a row are kept, so that a file of millions of rows is checked in the memory that a thousand take.
"""

from __future__ import annotations

import hashlib
from array import array
from pathlib import Path

import numpy as np

from bioreview_bench.article import canonical_id
from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.jsonl import read_rows


class ExtraRows:
    """The ids of such rows, as hashes, and their lines."""

    def __init__(self) -> None:
        self._hashes = bytearray()
        self._lines = array("Q")

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, article_id: str, line: int) -> None:
        """Note a row."""
        self._hashes += hashlib.blake2b(article_id.encode("utf-8"), digest_size=16).digest()
        self._lines.append(line)

    def repeated(self, path: Path) -> list[Problem]:
        """A Problem for every row whose id stands on an earlier line; the file is read again for their ids."""
        hashes = np.frombuffer(self._hashes, "V16")
        lines = np.frombuffer(self._lines, np.uint64)
        _, first, which = np.unique(
            hashes.view([("high", "<u8"), ("low", "<u8")]), return_index=True, return_inverse=True
        )
        earliest = lines[first[which]]
        again = {int(line): int(before) for line, before in zip(lines, earliest, strict=True) if line != before}
        if not again:
            return []
        return [
            Problem(
                f'a second row for "{printable(canonical_id(row["article_id"]))}" (first on line {again[number]})',
                number,
            )
            for number, row in read_rows(path, InputError)
            if number in again and not isinstance(row, Problem)
        ]
