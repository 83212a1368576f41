"""A board's database as a target: made when it is not there, and scored in this process.

Whoever can write the file is its maintainer, so there is no token; submissions are those of the user "local", all of
whose systems rank.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bioreview_bench.data.load import load_split
from bioreview_bench.errors import InputError, printable
from bioreview_bench.files.settings import value_of

from .. import boards
from ..settings import Limits
from ..store.database import Database
from ..store.settings import get_settings, get_split
from ..store.status import SubmissionStatus
from ..store.status import status as submission_status
from ..store.submissions import mark as mark_submission
from ..store.submissions import receive
from ..store.submissions import withdraw as withdraw_submission
from ..store.users import UserInfo, add_user, find_user, list_users
from ..worker.run import score_due
from .submission import Sending

if TYPE_CHECKING:
    from bioreview_bench.cli.options import Messages

USER = "local"
_NO_QUOTA = 1_000_000


@dataclass(frozen=True)
class LocalBoard:
    """A board of this machine, scored by whoever asks (see submission.Board)."""

    db: Database
    messages: Messages

    def submit(self, sending: Sending) -> SubmissionStatus | None:
        """Check, store and score. None when it was only to be checked. Raises any BenchError."""
        settings = get_settings(self.db)
        package = sending.checked(get_split(self.db, sending.split), settings.limits)
        if sending.dry_run:
            return None
        user = self._user().id
        submission, created = receive(self.db, user, sending.split, package, marked=sending.marked, trial=sending.trial)
        if not created:
            self.messages.say(f"{submission} was taken in before; nothing was added.")
        return next(self.states(submission))

    def status(self, submission: str) -> SubmissionStatus:
        """Show the state of a submission."""
        return submission_status(self.db, submission)

    def mark(self, submission: str) -> SubmissionStatus:
        """Name a submission, not yet scored, as the one to rank."""
        mark_submission(self.db, submission, self._user())
        return self.status(submission)

    def withdraw(self, submission: str) -> SubmissionStatus:
        """Take a submission back."""
        withdraw_submission(self.db, submission, self._user())
        score_due(self.db, say=self.messages.say)
        return self.status(submission)

    def states(self, submission: str) -> Iterator[SubmissionStatus]:
        """Score what is due, here; the state after it."""
        self.status(submission)  # an unknown id is said before hours of work
        try:
            score_due(self.db, say=self.messages.say, encoding=self.messages.encoding)
        finally:
            self.messages.stop()
        yield self.status(submission)

    def _user(self) -> UserInfo:
        if all(user.name != USER for user in list_users(self.db)):
            add_user(self.db, USER, USER, maintainer=True, ranks_all=True)
        return find_user(self.db, USER)


@contextmanager
def existing(where: str, messages: Messages) -> Iterator[LocalBoard]:
    """The board in a database. Raises InputError when there is none."""
    with closing(Database(where)) as db:
        db.require_current()
        yield LocalBoard(db, messages)


def send(
    where: str, sending: Sending, data: str | None, contracts: Sequence[str], messages: Messages
) -> SubmissionStatus | None:
    """Check, store and score; None when it was only to be checked.

    A board about `data` is made when there is none, after the check. Raises InputError when one about other data is
    there, and any BenchError of scoring.
    """
    path = Database(where).path
    if path is None or path.exists():
        with existing(where, messages) as board:
            _require_same(board.db, data, contracts)
            return board.submit(sending)
    data = data or value_of("data") or "v3"
    sending.checked(boards.facts_of(load_split(data, sending.split)), Limits())
    if sending.dry_run:
        return None
    with closing(Database(where)) as db:
        _make(db, data, contracts, sending.split, messages)
        return LocalBoard(db, messages).submit(sending)


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
    settings = get_settings(db)
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
