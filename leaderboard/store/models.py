"""The tables of a board. A board is one database: settings, users, submissions, predictions, results.

Times are UTC. Nothing here decides anything; `store` holds every change as one transaction.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    ScalarSelect,
    String,
    TypeDecorator,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC, with its time zone also where the database keeps none (SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse moments without a time zone, which would mean one thing here and another there."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of all tables."""

    # A column of None is NULL, not the JSON value null.
    type_annotation_map: ClassVar = {
        datetime: UtcTime(),
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
    }


class Setting(Base):
    """The board's settings (`settings.BoardSettings` under "board"), and the version counter of its tables."""

    __tablename__ = "settings"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[dict[str, Any]]


class User(Base):
    """Who may submit. Only the sha256 of the token is kept."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    team: Mapped[str] = mapped_column(String(100), index=True)
    token_sha256: Mapped[str | None] = mapped_column(String(64), unique=True)
    is_maintainer: Mapped[bool] = mapped_column(default=False)
    ranks_all: Mapped[bool] = mapped_column(default=False)  # every system of the team ranks: baselines, local boards
    organisations: Mapped[list[Any] | None]  # names that the maintainers confirmed to be the team's
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class PredictionsFile(Base):
    """A predictions file by the sha256 of its bytes, zlib-compressed."""

    __tablename__ = "predictions"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    n_bytes: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Submission(Base):
    """One predictions file with its card, for one split."""

    __tablename__ = "submissions"
    __table_args__ = (
        UniqueConstraint("user_id", "split", "digest", name="uq_submission_once"),
        Index("ix_submissions_state_lease", "state", "leased_until"),
        Index("ix_submissions_split_team", "split", "team"),
    )

    id: Mapped[str] = mapped_column(String(20), primary_key=True)  # s_ and 16 hex digits, drawn at random
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    team: Mapped[str] = mapped_column(String(100))
    split: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64))  # sha256 over predictions and card: one submission each
    predictions_sha256: Mapped[str] = mapped_column(ForeignKey("predictions.sha256"))
    card: Mapped[dict[str, Any]]
    run: Mapped[dict[str, Any] | None]
    marked: Mapped[bool] = mapped_column(default=False)  # by its team, before it was scored: the one to rank
    trial: Mapped[bool] = mapped_column(default=False)  # scored for its team only: in no table, and never ranked
    disqualified: Mapped[str | None]  # why the maintainers took it out of the ranking
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None]
    problems: Mapped[list[Any] | None]  # [{"line": int | null, "message": str}] of a rejected submission
    facts: Mapped[dict[str, Any] | None]  # found at validation: rows, concerns, near-duplicates, flags of names
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    leased_by: Mapped[str | None] = mapped_column(String(100))
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)

    user: Mapped[User] = relationship()
    events: Mapped[list[Event]] = relationship(order_by="Event.id", cascade="all, delete-orphan")
    results: Mapped[list[ResultRow]] = relationship(cascade="all, delete-orphan")


class Sketch(Base):
    """What a submission says, as sorted 8-byte hashes: its concerns, and its wording (see `intake.near`)."""

    __tablename__ = "sketches"

    submission_id: Mapped[str] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    wording: Mapped[bytes | None] = mapped_column(LargeBinary)


class Event(Base):
    """A submission entered a state."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submissions.id"), index=True)
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None]
    at: Mapped[datetime]


def arrival() -> ScalarSelect[int]:
    """What orders submissions as they came: the number of a submission's first event. Clocks may be set back."""
    first = select(func.min(Event.id)).where(Event.submission_id == Submission.id)
    return first.correlate(Submission).scalar_subquery()


class ResultRow(Base):
    """What one submission scored under one contract: the whole record, and what was found beside it.

    A changed contract or changed data have another signature; older results stay as history.
    """

    __tablename__ = "results"
    __table_args__ = (UniqueConstraint("submission_id", "signature", name="uq_result_once"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submissions.id"), index=True)
    contract: Mapped[str] = mapped_column(String(100))  # the name in the board's settings
    signature: Mapped[str]
    label: Mapped[str] = mapped_column(String(100))  # the name that may be printed: v3, v3+unverified-encoder, ...
    f1: Mapped[float | None]
    record: Mapped[bytes] = mapped_column(LargeBinary)  # the ResultRecord's JSON, zlib-compressed; has per-article rows
    extras: Mapped[dict[str, Any]]  # see `worker.score`
    created_at: Mapped[datetime]


class ResultCounts(Base):
    """A result's counts by article as `ranking.testing` packs them: what tests need of a record, and no more."""

    __tablename__ = "result_counts"

    result_id: Mapped[int] = mapped_column(ForeignKey("results.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class KeptTests(Base):
    """What the tests of a table's pairs are updated from (`ranking.testing`), replaced as a whole. No page reads it."""

    __tablename__ = "kept_tests"

    split: Mapped[str] = mapped_column(String(16), primary_key=True)
    contract: Mapped[str] = mapped_column(String(100), primary_key=True)
    signature: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)


class SystemTests(Base):
    """The tests of one ranked system against every other of its table (`ranking.pairs`): what a page reads."""

    __tablename__ = "system_tests"

    split: Mapped[str] = mapped_column(String(16), primary_key=True)
    contract: Mapped[str] = mapped_column(String(100), primary_key=True)
    submission_id: Mapped[str] = mapped_column(String(20), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class StoredTable(Base):
    """The finished table of one split and contract (`view.BoardTable` as JSON), replaced as a whole."""

    __tablename__ = "tables"

    split: Mapped[str] = mapped_column(String(16), primary_key=True)
    contract: Mapped[str] = mapped_column(String(100), primary_key=True)
    content: Mapped[dict[str, Any]]
