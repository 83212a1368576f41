"""The task queue that wakes the worker: huey, on a SQLite file beside a SQLite board, else inside PostgreSQL.

It carries no data, only "there is something to do". What there is to do stands in the board's database, where the
worker looks every few seconds anyway; so the queue may be lost, and a failure to wake costs seconds.

huey's consumer with one thread, ended by SIGTERM and SIGINT alike: the work at hand is finished or given back.
"""

from __future__ import annotations

import logging
import signal
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, Final

from huey.consumer import Consumer

from ..store.database import Database

_NAME = "board"
_log = logging.getLogger(__name__)


class Queue:
    """The queue of one board. `work` is what its task does; only the worker gives one."""

    def __init__(self, db: Database, work: Callable[[], object] = lambda: None) -> None:
        self.huey = _make(db)

        def score_due() -> None:
            # huey finds a task by the module and name of its function, which must be the same here and in the worker.
            work()

        self._task = self.huey.task()(score_due)

    def wake(self) -> None:
        """Have the worker look now, unless it was told already."""
        try:
            if self.huey.storage.queue_size() == 0:
                self._task()
        except Exception as error:  # noqa: BLE001 (every storage has errors of its own, and none of them matters)
            _log.warning("the worker could not be woken: %s; it looks by itself", type(error).__name__)

    def close(self) -> None:
        """Close the connection."""
        self.huey.storage.close()


def _make(db: Database) -> Any:
    if db.queue_path is None:
        from huey import PostgresHuey

        dsn = db.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return PostgresHuey(_NAME, results=False, dsn=dsn)
    from huey import SqliteHuey

    try:
        return SqliteHuey(_NAME, results=False, filename=str(db.queue_path), timeout=30)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        _log.warning("the queue file %s is damaged; it holds nothing and is made anew", db.queue_path)
        for suffix in ("", "-wal", "-shm"):
            db.queue_path.with_name(db.queue_path.name + suffix).unlink(missing_ok=True)
        return SqliteHuey(_NAME, results=False, filename=str(db.queue_path), timeout=30)


_POLL_SECONDS: Final = 0.5


class Ending:
    """Whether the worker should end, and the error that made it, if one did."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.error: BaseException | None = None

    def is_set(self) -> bool:
        """True when the worker should end."""
        return self._event.is_set()

    def set(self) -> None:
        """End the worker."""
        self._event.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the worker should end, or for `timeout` seconds; True when it should."""
        return self._event.wait(timeout)

    def guarded(self, work: Callable[[], object]) -> Callable[[], None]:
        """`work`, whose errors end the worker instead of being logged and forgotten."""

        def run() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 (run_worker raises it)
                self.error = self.error or error
                self.set()

        return run


def consumer_of(queue: Queue, ending: Ending) -> _OneThread:
    """The consumer of a queue. `ending` becomes its stop flag."""
    return _OneThread(queue, ending)


class _OneThread(Consumer):  # type: ignore[misc]
    def __init__(self, queue: Queue, ending: Ending) -> None:
        self._ending = ending
        super().__init__(
            queue.huey,
            workers=1,
            periodic=False,
            initial_delay=0.05,
            max_delay=_POLL_SECONDS,
            worker_type="thread",
            graceful_signal="TERM",
        )
        self._signal_actions = {signal.SIGTERM: (False, True), signal.SIGINT: (False, True)}

    def get_environment(self, worker_type: str) -> Any:
        environment = super().get_environment(worker_type)
        environment.get_stop_flag = lambda: self._ending
        return environment
