"""The worker: scores what is queued, one submission after the other, in a process of its own.

The database is the queue: states say what is due, leases whose it is. A worker asks it twice a second while nothing is
due, and every few seconds looks after the rest: leases of killed workers, and what nobody has checked because its
server was killed. Whatever kills it, the next one goes on; see `store.leases` for why all is scored exactly once.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from bioreview_bench.errors import BenchError, InputError, printable

from ..intake.check import validate_all_received
from ..store.database import Database
from ..store.leases import LEASE_SECONDS, Claim, extend, fail, give_back, release_stale, worker_name
from ..store.leases import claim as claim_next
from ..store.settings import get_settings
from ..store.submissions import predictions_bytes, record_results, submissions_with
from .score import Scorer
from .tables import TableMaker, rebuild_tables

POLL_SECONDS: Final = 0.5
SWEEP_SECONDS: Final = 5.0
_log = logging.getLogger(__name__)

Say = Callable[[str], None]


class Stopping(Exception):
    """The worker was told to end while it encoded; the submission goes back to the queue."""


class Work:
    """Scores what is due on one board, as one worker. `stop` says when to end."""

    def __init__(
        self,
        db: Database,
        data: str | None,
        say: Say,
        stop: Callable[[], bool] = lambda: False,
        encoding: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self._db, self._data, self._say, self._stop, self._encoding = db, data, say, stop, encoding
        self.name = worker_name()
        self._swept = float("-inf")
        self._scorer = Scorer(db, data, self._progress)

    def score_due(self) -> int:
        """Score until nothing is queued, and make tables; returns how many were scored. Raises what ends the worker."""
        n = self.score_queued()
        rebuild_tables(self._db)
        return n

    def score_queued(self) -> int:
        """Score until nothing is queued; returns how many were scored. Raises what ends the worker."""
        n = 0
        while not self._stop():
            self._sweep()
            if not submissions_with(self._db, ("queued",)):  # asked without the write lock that a claim takes
                break
            self._reload_changed()
            claim = claim_next(self._db, self.name)
            if claim is None:
                break
            n += self._score(claim)
        return n

    def _sweep(self) -> None:
        """Every few seconds: free what killed workers held, and check what nobody has checked."""
        if time.monotonic() - self._swept < SWEEP_SECONDS:
            return
        for submission_id in release_stale(self._db):
            _log.warning("%s was freed from a worker that ended", submission_id)
        validate_all_received(self._db)
        self._swept = time.monotonic()

    def _reload_changed(self) -> None:
        if not self._scorer.is_current(self._db):
            self._say("The settings were changed; loading them again.")
            self._scorer = Scorer(self._db, self._data, self._progress)

    def _score(self, claim: Claim) -> bool:
        started = time.monotonic()
        try:
            with _held(self._db, claim.id, self.name):
                content = predictions_bytes(self._db, claim.predictions_sha256)
                scored = self._scorer.score(claim, content)
                kept = record_results(self._db, claim.id, self.name, scored)
        except InputError as error:
            fail(self._db, claim.id, self.name, printable(error.message, 500))
            self._say(f"{claim.id} cannot be scored: {printable(error.message, 300)}")
            return False
        except Stopping:
            give_back(self._db, claim.id, self.name, "the worker was stopped")
            return False
        except (BenchError, KeyboardInterrupt, SystemExit):
            give_back(self._db, claim.id, self.name, "the worker ended")
            raise
        except Exception as error:  # noqa: BLE001 (one submission must not keep the others from being scored)
            _log.exception("submission %s", claim.id)
            fail(self._db, claim.id, self.name, f"an unforeseen error ({type(error).__name__}); the log has it")
            return False
        self._say(
            f"{claim.id} scored in {time.monotonic() - started:.2f} s."
            if kept
            else f"{claim.id} was scored for nothing: it was withdrawn or taken over."
        )
        return kept

    def _progress(self, done: int, total: int) -> None:
        if self._stop():
            raise Stopping
        self._encoding(done, total)


def score_due(
    db: Database, data: str | None = None, say: Say = _log.info, encoding: Callable[[int, int], None] | None = None
) -> int:
    """Check and score in this process whatever is due; returns how many were scored.

    Raises DataError, EncoderError and WriteError, and then leaves what it had not scored in the queue.
    """
    return Work(db, data, say, encoding=encoding or (lambda done, total: None)).score_due()


def run_worker(
    db: Database,
    data: str | None = None,
    say: Say = _log.info,
    encoding: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Score until SIGTERM or SIGINT; then finish the submission at hand (or give it back, if it is being encoded).

    Must run in the main thread. Raises what keeps it from working: DataError, EncoderError, WriteError, RemoteError.
    """
    asked_to_end: list[int] = []  # signals; a threading.Event may not be set by a handler while its thread waits on it
    work = Work(db, data, say, stop=lambda: bool(asked_to_end), encoding=encoding)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda caught, frame: asked_to_end.append(caught))
    say(f"The worker scores {', '.join(get_settings(db).contracts)} of {db}.")
    with TableMaker(db) as tables:
        while not asked_to_end:
            work.score_queued()
            tables.check()
            if not asked_to_end:
                time.sleep(POLL_SECONDS)
    say("The worker ended.")


@contextmanager
def _held(db: Database, submission_id: str, worker: str) -> Iterator[None]:
    """Extend the lease for as long as the block runs."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(LEASE_SECONDS / 4):
            try:
                if not extend(db, submission_id, worker):
                    return
            except BenchError as error:
                _log.warning("the lease of %s could not be extended: %s", submission_id, error.message)

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
