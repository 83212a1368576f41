"""Rows that are written in one order and wanted in another, without holding them in memory.

They lie in a file without a name beside what is made of them: a process that ends, however, leaves nothing behind.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bioreview_bench.errors import cannot_write


class RowStore:
    """Rows by number, from 0 in the order in which they are added; each is read from the disk when it is asked for."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ends = [0]

    def add(self, row: bytes) -> int:
        """Keep a row; its number. No row is added after one was read."""
        self._stream.write(row)
        self._ends.append(self._ends[-1] + len(row))
        return len(self._ends) - 2

    def __getitem__(self, number: int) -> bytes:
        start, end = self._ends[number : number + 2]
        self._stream.seek(start)
        return self._stream.read(end - start)


@contextmanager
def row_store(beside: Path) -> Iterator[RowStore]:
    """A store on the disk of `beside`, which need not exist. Raises WriteError for an OSError in the block."""
    folder = next((parent for parent in beside.absolute().parents if parent.is_dir()), Path.cwd())
    try:
        with tempfile.TemporaryFile(dir=folder) as stream:
            yield RowStore(stream)
    except OSError as error:
        raise cannot_write(beside, error) from error
