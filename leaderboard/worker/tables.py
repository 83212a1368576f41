"""Tables are made in a thread of their own: scoring waits neither for them nor for the tests of their pairs."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Final

from ..store.database import Database
from ..store.settings import stale_tables, table_built
from ..store.submissions import submissions_with

_POLL_SECONDS: Final = 0.5
_TABLE_SECONDS: Final = 20.0  # while submissions wait, tables are made no more often than this
_LAST_SECONDS: Final = 5.0  # what is being made when the worker ends; later, the next worker makes it again


def rebuild_tables(db: Database) -> int:
    """Make every table anew that is older than what it is made of; returns how many."""
    from ..ranking.build import rebuild_table

    stale = stale_tables(db)
    for split, contract, changes in stale:
        rebuild_table(db, split, contract)
        table_built(db, split, contract, changes)
    return len(stale)


class TableMaker:
    """Makes stale tables for as long as the block runs."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._ending = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="tables", daemon=True)

    def __enter__(self) -> TableMaker:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join(_LAST_SECONDS)

    def check(self) -> None:
        """Raise what ended the thread, if something did."""
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        made = float("-inf")
        try:
            while not self._ending.wait(_POLL_SECONDS):
                resting = time.monotonic() - made < _TABLE_SECONDS
                if resting and submissions_with(self._db, ("queued", "scoring")):
                    continue
                if rebuild_tables(self._db):
                    made = time.monotonic()
        except BaseException as error:  # noqa: BLE001 (the worker raises it)
            self._failure = error
