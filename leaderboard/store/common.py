"""What the parts of the store share: the clock, the counters that caches and tables hang on, and looking rows up.

The life of a submission: its states, and which may follow which.

Errors of a board that a server answers with a status of their own. All are InputErrors: exit code 2.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from bioreview_bench.errors import InputError, printable

from .models import Base, Event, Setting, Submission

VERSION: Final = "version"
_ID: Final = re.compile(r"s_[0-9a-f]{16}")

Clock = Callable[[], datetime]


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def bump(session: Session, *, split: str | None = None) -> None:
    """Count a change of what everybody's pages show; with `split`, of its tables, too. Call it last in a transaction.

    What only its submitter sees (received, validating, scoring, rejected) is not counted: a change makes pages stale.

    The counters' rows are locked until the transaction ends, so transactions queue up here and nowhere else.
    """
    _count(session, VERSION)
    if split is not None:
        _count(session, f"changes:{split}")


def count_table(session: Session, split: str, contract: str) -> None:
    """Count a new table of a split and contract. Call it before storing one, and they are stored one at a time."""
    _count(session, table_counter(split, contract))


def table_counter(split: str, contract: str) -> str:
    """The counter of the tables that were stored of a split and contract."""
    return f"table:{split}:{contract}"


def put_newest(session: Session, split: str, contract: str, signature: str) -> None:
    """Note the signature of the newest result: where a contract or data changed, it tells which results are shown."""
    put_setting(session, f"newest:{split}:{contract}", {"signature": signature})


def newest(session: Session, split: str, contract: str) -> str | None:
    """The signature that `put_newest` noted; None before that, as on an imported board."""
    row = session.get(Setting, f"newest:{split}:{contract}")
    return None if row is None else str(row.value["signature"])


def in_turn(session: Session) -> None:
    """Wait until no other transaction is between here and its end: for what must see all that came before."""
    session.execute(select(Setting).where(Setting.key == VERSION).with_for_update()).all()


def counter(session: Session, key: str) -> int:
    """The value of a counter."""
    row = session.get(Setting, key)
    return 0 if row is None else int(row.value["n"])


def find(session: Session, submission_id: str) -> Submission:
    """The submission, locked for this transaction. Raises NotFound."""
    row = None
    if _ID.fullmatch(submission_id):
        row = session.scalar(select(Submission).where(Submission.id == submission_id).with_for_update())
    if row is None:
        raise NotFound(f'There is no submission "{printable(submission_id)}".', remedy="check its id")
    return row


def move(session: Session, row: Submission, state: State, reason: str | None) -> None:
    """Put a submission into a state that may follow its own. Raises WrongState."""
    if state not in FOLLOWS[as_state(row.state)]:
        raise WrongState(f"Submission {row.id} is {row.state}; it cannot become {state}.")
    moment = now()
    row.state, row.reason, row.changed_at = state, reason, moment
    row.leased_by = row.leased_until = None
    session.add(Event(submission_id=row.id, state=state, reason=reason, at=moment))


def as_state(text: str) -> State:
    """The state that a column holds."""
    if text not in FOLLOWS:
        raise ValueError(f"unknown state {text}")
    return text


def insert(session: Session, model: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what to do where the row is there already: two processes may make it at the same time."""
    postgres = session.get_bind().dialect.name == "postgresql"
    return postgresql.insert(model) if postgres else sqlite.insert(model)


def put_setting(session: Session, key: str, value: dict[str, Any]) -> None:
    """Set a row of the settings table, whether it is there or not."""
    values = insert(session, Setting).values(key=key, value=value)
    session.execute(values.on_conflict_do_update(index_elements=["key"], set_={"value": values.excluded.value}))


def locked_setting(session: Session, key: str) -> Setting:
    """A row of the settings table, made where there is none, and locked for this transaction."""
    locked = select(Setting).where(Setting.key == key).with_for_update()
    row = session.scalar(locked)
    if row is None:
        session.execute(insert(session, Setting).values(key=key, value={}).on_conflict_do_nothing())
        row = session.scalars(locked).one()
    return row


def _count(session: Session, key: str) -> None:
    row = locked_setting(session, key)
    row.value = {"n": int(row.value.get("n", 0)) + 1}
    session.flush()


State = Literal["received", "validating", "queued", "scoring", "scored", "rejected", "failed", "withdrawn"]

FOLLOWS: Final[dict[State, tuple[State, ...]]] = {
    "received": ("validating", "withdrawn"),
    "validating": ("queued", "rejected", "received", "withdrawn"),
    "queued": ("scoring", "withdrawn"),
    "scoring": ("scored", "failed", "queued", "withdrawn"),
    "scored": ("queued", "withdrawn"),
    "failed": ("queued", "withdrawn"),
    "rejected": (),
    "withdrawn": (),
}

# What each state means to the one who submitted.
MEANING: Final[dict[State, str]] = {
    "received": "The file is stored.",
    "validating": "The file and the card are being checked.",
    "queued": "Everything is in order; it waits for the worker.",
    "scoring": "The worker scores it.",
    "scored": "It is on the board.",
    "rejected": "File or card have problems; they are listed. Fix them and submit again.",
    "failed": "Scoring failed for a reason that is not the submission's; the maintainers can have it scored again.",
    "withdrawn": "It was taken back by its team.",
}

TRIAL: Final = "It is scored, as a trial: only its team sees it, and it never ranks."
WITHHELD: Final = f"{TRIAL} Its figures are shown once the submission that ranks for the team has its own."

WAITING: Final[tuple[State, ...]] = ("received", "validating", "queued", "scoring")


class NotFound(InputError):
    """There is no such submission, split, contract or user here (HTTP 404)."""


class NotAllowed(InputError):
    """It belongs to somebody else (HTTP 403)."""


class WrongState(InputError):
    """The submission is in a state in which this cannot be done (HTTP 409)."""


class QuotaReached(InputError):
    """Today's submissions are used up (HTTP 429). `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: int, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = retry_after
