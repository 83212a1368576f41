"""What of a run is in batches at the provider: `batches.json`, written before and after each step that costs money.

A part stands here before its batch is asked for, so a process killed at any moment leaves either no trace and no
batch, or a key by which the batch is found again. Requests and answers are not kept here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, cannot_write
from bioreview_bench.files.atomic import write_json
from bioreview_bench.files.reading import find_json

BATCHES = "batches.json"
_SCHEMA_VERSION = 1


@dataclass(frozen=True)
class BatchPart:
    """Articles (id to notes for the row) that travel in one batch.

    `key` stands in the batch's metadata. `batch_id` is None while it is not known whether the batch was made, last
    asked for at `asked_at` (seconds since the epoch). `ended` is the state in which it ended, once its rows are
    written. `most_cost_usd` is what it may cost, None where no price was known.
    """

    key: str
    file_id: str
    articles: Mapping[str, Mapping[str, Any] | None]
    asked_at: float
    most_cost_usd: float | None = None
    batch_id: str | None = None
    ended: str | None = None
    problems: tuple[str, ...] = ()


class Ledger:
    """The parts of a run, in the order in which they were submitted. Every change is on the disk when it returns."""

    def __init__(self, path: Path, parts: Iterable[BatchPart] = ()) -> None:
        self.path = path
        self._parts = {part.key: part for part in parts}

    @property
    def parts(self) -> list[BatchPart]:
        """All parts."""
        return list(self._parts.values())

    @property
    def out(self) -> list[BatchPart]:
        """Parts whose rows are not all written."""
        return [part for part in self._parts.values() if part.ended is None]

    @property
    def articles_out(self) -> set[str]:
        """Ids of the articles in these parts."""
        return {article_id for part in self.out for article_id in part.articles}

    def put(self, part: BatchPart) -> BatchPart:
        """Add a part, or replace the one with its key. Raises WriteError; then the file is as before."""
        self._write(self._parts | {part.key: part})
        return part

    def drop(self, part: BatchPart) -> None:
        """Forget a part of which nothing will come. Raises WriteError."""
        self._write({key: other for key, other in self._parts.items() if key != part.key})

    def _write(self, parts: dict[str, BatchPart]) -> None:
        if parts:
            content = {"schema_version": _SCHEMA_VERSION, "parts": [asdict(part) for part in parts.values()]}
            write_json(self.path, content)
        else:
            try:
                self.path.unlink(missing_ok=True)
            except OSError as error:
                raise cannot_write(self.path, error) from error
        self._parts = parts


def read_ledger(folder: Path) -> Ledger:
    """The ledger of a run, empty where none was written. Raises InputError when the file is damaged."""
    path = folder / BATCHES
    remedy = "restore the file; without it, articles in batches would be paid for twice"
    content = find_json(path, InputError, remedy)
    if content is None:
        return Ledger(path)
    try:
        if content.get("schema_version") != _SCHEMA_VERSION:
            raise ValueError(f"it is not of version {_SCHEMA_VERSION}")
        return Ledger(path, [_part(entry) for entry in content["parts"]])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"Cannot use {path}, which says what is in batches at the provider: {error}.", remedy=remedy
        ) from error


def _part(entry: Any) -> BatchPart:
    part = BatchPart(**entry)
    texts = (part.key, part.file_id)
    optional = (part.batch_id, part.ended)
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(text, str | None) for text in optional):
        raise ValueError("a part has a wrong field")
    if not isinstance(part.articles, dict) or not all(
        notes is None or isinstance(notes, dict) for notes in part.articles.values()
    ):
        raise ValueError("a part has no articles")
    for number in (part.asked_at, part.most_cost_usd or 0.0):
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ValueError("a part has a wrong number")
    return BatchPart(**(entry | {"problems": tuple(part.problems)}))
