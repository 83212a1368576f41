"""A board's database as a target: made when it is not there, and scored in this process.

Whoever can write the file is its maintainer, so there is no token; submissions are those of the user "local", all of
whose systems rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bioreview_bench.data.load import load_split
from bioreview_bench.errors import InputError, printable

from .. import boards
from ..settings import Limits
from ..store import api as store
from ..store.api import SubmissionStatus, UserInfo
from ..store.database import Database
from ..worker.run import score_due

if TYPE_CHECKING:
    from bioreview_bench.cli.options import Messages

    from .sending import Sending

USER = "local"
_NO_QUOTA = 1_000_000


@dataclass(frozen=True)
class LocalBoard:
    """The same methods as `client.BoardClient` has for what was submitted."""

    db: Database
    messages: Messages

    def submit(self, asked: Sending) -> SubmissionStatus | None:
        """Check, store and score. None when it was only to be checked. Raises any BenchError."""
        settings = store.get_settings(self.db)
        package, _ = asked.checked(store.get_split(self.db, asked.split), settings.limits)
        if asked.dry_run:
            return None
        submission, created = store.receive(self.db, self._user().id, asked.split, package, marked=asked.marked)
        if not created:
            self.messages.say(f"{submission} was taken in before; nothing was added.")
        return self.wait(submission, lambda status: None)

    def status(self, submission: str) -> SubmissionStatus:
        """Where a submission stands."""
        return store.status(self.db, submission)

    def mark(self, submission: str) -> SubmissionStatus:
        """Name a submission, not yet scored, as the one to rank."""
        store.mark(self.db, submission, self._user())
        return self.status(submission)

    def withdraw(self, submission: str) -> SubmissionStatus:
        """Take a submission back."""
        store.withdraw(self.db, submission, self._user())
        score_due(self.db, say=self.messages.say)
        return self.status(submission)

    def wait(self, submission: str, on_state: Callable[[SubmissionStatus], None]) -> SubmissionStatus:
        """Score what is due, here; `on_state` is told the state after it."""
        self.status(submission)  # an unknown id is said before hours of work
        try:
            score_due(self.db, say=self.messages.say, encoding=self.messages.encoding)
        finally:
            self.messages.stop()
        found = self.status(submission)
        on_state(found)
        return found

    def _user(self) -> UserInfo:
        if all(user.name != USER for user in store.list_users(self.db)):
            store.add_user(self.db, USER, USER, maintainer=True, ranks_all=True)
        return store.find_user(self.db, USER)


@contextmanager
def existing(where: str, messages: Messages) -> Iterator[LocalBoard]:
    """The board in a database. Raises InputError when there is none."""
    db = Database(where)
    try:
        db.require_current()
        yield LocalBoard(db, messages)
    finally:
        db.close()


def submit(
    where: str, asked: Sending, data: str | None, contracts: Sequence[str], messages: Messages
) -> SubmissionStatus | None:
    """Check, store and score; None when it was only to be checked.

    A board about `data` is made when there is none, after the check. Raises InputError when one about other data is
    there, and any BenchError of scoring.
    """
    path = Database(where).path
    if path is None or path.exists():
        with existing(where, messages) as board:
            _require_same(board.db, data, contracts)
            return board.submit(asked)
    data, contracts = data or "v3", contracts or ("v3",)
    asked.checked(boards.facts_of(load_split(data, asked.split)), Limits())
    if asked.dry_run:
        return None
    db = Database(where)
    try:
        _make(db, data, contracts, asked.split, messages)
        return LocalBoard(db, messages).submit(asked)
    finally:
        db.close()


def _make(db: Database, data: str, contracts: Sequence[str], split: str, messages: Messages) -> None:
    limits = Limits(per_day=_NO_QUOTA, uploads_per_day=_NO_QUOTA)
    try:
        boards.set_up(db, data, (split,), contracts, title="Local board", limits=limits)
    except BaseException:
        db.close()
        for suffix in ("", "-wal", "-shm"):  # nobody asked for an empty board
            assert db.path is not None
            db.path.with_name(db.path.name + suffix).unlink(missing_ok=True)
        raise
    messages.say(f"Made the board {db} about {printable(data)}, {split}.")


def _require_same(db: Database, data: str | None, contracts: Sequence[str]) -> None:
    settings = store.get_settings(db)
    if data is not None and boards.absolute(data) != settings.data:
        raise InputError(
            f"The board {db} is about {printable(settings.data)}, not {printable(data)}.",
            remedy="leave --data out, or name another board with --to FILE",
        )
    other = sorted({one.name for one in boards.load_contracts(contracts)} - set(settings.contracts))
    if other:
        raise InputError(
            f"The board {db} scores under {', '.join(settings.contracts)}, not {', '.join(map(printable, other))}.",
            remedy="leave --contract out, or name another board with --to FILE",
        )
