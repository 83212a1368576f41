"""Taking submissions in, and what their teams may do with them afterwards.

Results of submissions: written once by the worker that holds the lease, and read by tables and status pages.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic_core import SchemaValidator, core_schema
from sqlalchemy import ColumnElement, and_, delete, func, select
from sqlalchemy.orm import Session

from bioreview_bench.errors import printable
from bioreview_bench.results.card import Card
from bioreview_bench.results.records import ResultRecord

from ..settings import Limits
from .common import NotAllowed, NotFound, QuotaReached, State, WrongState, bump, find, insert, move, now, put_newest
from .database import Database
from .models import Event, PredictionsFile, ResultCounts, ResultRow, Setting, Submission, User, arrival
from .settings import get_settings
from .users import UserInfo

_LATER_FIELDS = ("paper_url", "code_url", "model_url")
_ON_THE_BOARD: tuple[State, ...] = ("queued", "scored", "failed", "withdrawn")  # entering these changes a table


@dataclass(frozen=True)
class Package:
    """A submission whose card is in order. `run` is what run.json says, unchecked beyond being a JSON object."""

    predictions: bytes = field(repr=False)
    card: Card
    run: dict[str, Any] | None = field(repr=False)

    @property
    def predictions_sha256(self) -> str:
        """Hex sha256 of the predictions file."""
        return hashlib.sha256(self.predictions).hexdigest()

    @property
    def digest(self) -> str:
        """Hex sha256 of what is submitted: the predictions and what the card says (not how it is laid out)."""
        said = self.card.model_dump(mode="json")
        for name in _LATER_FIELDS:  # cards from before these fields keep their digest
            if said[name] is None:
                del said[name]
        card = json.dumps(said, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(f"{self.predictions_sha256}\n{card}".encode()).hexdigest()

    @property
    def trial_digest(self) -> str:
        """The same for a trial: what was tried can be submitted afterwards."""
        return hashlib.sha256(f"trial\n{self.digest}".encode()).hexdigest()


def receive(
    db: Database, user_id: int, split: str, package: Package, *, marked: bool = False, trial: bool = False
) -> tuple[str, bool]:
    """Store a submission; returns (its id, whether it is new).

    The same user, split, predictions and card make the same submission, whatever became of it; a trial is another one.
    Raises NotFound for a split that the board does not have, NotAllowed for a revoked user, QuotaReached, and
    WrongState when it is to be marked and is a trial, or the team has a score already.
    """
    if marked and trial:
        raise WrongState("A trial never ranks, so it cannot be marked.", remedy="submit it marked, or as a trial")
    settings = get_settings(db)
    if split not in settings.splits:
        raise NotFound(f'The board has no split "{printable(split)}".', remedy=f"it has {', '.join(settings.splits)}")
    digest, content = package.trial_digest if trial else package.digest, zlib.compress(package.predictions)
    with db.session() as session:
        user = _lock_team(session, user_id)
        row = session.scalar(
            select(Submission).where(
                Submission.user_id == user.id, Submission.split == split, Submission.digest == digest
            )
        )
        created = row is None
        if row is None:
            _check_quota(session, user, settings.limits)
            _keep(session, package, content)
            row = _insert(session, user, split, package, digest)
            row.trial = trial
        if marked and not row.marked:
            _use_mark(session, user, row)
        elif not created:
            return row.id, False
    return row.id, created


def enter(db: Database, submission_id: str, state: State, reason: str | None = None) -> None:
    """Put a submission into a state. Raises NotFound, WrongState when that state may not follow."""
    with db.session() as session:
        row = find(session, submission_id)
        move(session, row, state, reason)
        bump(session, split=row.split if state in _ON_THE_BOARD else None)


def requeue(db: Database, submission_id: str, reason: str) -> None:
    """Have a scored or failed submission scored again. Raises NotFound, WrongState."""
    with db.session() as session:
        row = find(session, submission_id)
        move(session, row, "queued", reason)
        row.attempts = 0
        bump(session, split=row.split)


def withdraw(db: Database, submission_id: str, user: UserInfo) -> None:
    """Take a submission back for its team. Raises NotFound, NotAllowed, WrongState.

    The mark goes with it unless the team has seen no score yet: a place is not chosen by what others of it scored.
    """
    with db.session() as session:
        row = _own(session, submission_id, user)
        move(session, row, "withdrawn", f"withdrawn by {user.name}")
        if row.marked and not _has_result(session, row) and not _scored(session, row):
            row.marked = False
        bump(session, split=row.split)


def mark(db: Database, submission_id: str, user: UserInfo) -> None:
    """Make it the one that ranks for its team (for its system, where every system of the team ranks).

    Only before the team's first score on the split, whichever of its users or submissions earned it, so that nothing
    is chosen by its score. Raises NotFound, NotAllowed, WrongState.
    """
    with db.session() as session:
        owner = _own(session, submission_id, user).user_id
        session.expire_all()
        locked = _lock_team(session, owner)
        row = find(session, submission_id)
        if not row.marked:
            _use_mark(session, locked, row)
            bump(session, split=row.split)


def disqualify(db: Database, submission_id: str, reason: str | None) -> None:
    """Take a submission out of the ranking and say why; None lifts it. Its place stays taken. Raises NotFound."""
    with db.session() as session:
        row = find(session, submission_id)
        row.disqualified = reason
        bump(session, split=row.split)


def submissions_with(db: Database, states: tuple[State, ...]) -> list[str]:
    """Ids of the submissions in these states, the oldest first."""
    with db.reading() as session:
        query = select(Submission.id).where(Submission.state.in_(states))
        return list(session.scalars(query.order_by(arrival())))


def predictions_bytes(db: Database, sha256: str) -> bytes:
    """The predictions file with this hash. Raises NotFound."""
    with db.reading() as session:
        content = session.scalar(select(PredictionsFile.content).where(PredictionsFile.sha256 == sha256))
    if content is None:
        raise NotFound(f"The board has no predictions {printable(sha256)}.")
    return zlib.decompress(content)


def _own(session: Session, submission_id: str, user: UserInfo) -> Submission:
    row = find(session, submission_id)
    if row.user_id != user.id and not user.is_maintainer:
        raise NotAllowed(f"Submission {row.id} belongs to somebody else.", remedy="log in as the one who made it")
    return row


def _lock_team(session: Session, user_id: int) -> User:
    """The user; all users of the team are locked, so that quota and mark are counted by one at a time."""
    user = session.get(User, user_id)
    if user is not None:
        session.execute(select(User.id).where(User.team == user.team).order_by(User.id).with_for_update()).all()
        session.refresh(user)
    if user is None or user.revoked_at is not None:
        raise NotAllowed("This user may no longer submit.", remedy="ask the board's maintainers")
    return user


def count_refused(db: Database, user: UserInfo) -> None:
    """Count an upload that was refused before it became a submission. Raises QuotaReached when today's are used up."""
    limits = get_settings(db).limits
    with db.session() as session:
        _lock_team(session, user.id)
        _check_uploads(session, user.team, limits)
        session.merge(
            Setting(key=_refused_key(user.team), value={"day": _day(), "n": _refused(session, user.team) + 1})
        )


def _check_quota(session: Session, user: User, limits: Limits) -> None:
    """The team's, so that a second user of it has no second quota."""
    today, wait = _today()
    counted = select(func.count()).where(Submission.team == user.team, today)
    if (session.scalar(counted.where(Submission.state != "rejected")) or 0) >= limits.per_day:
        raise QuotaReached(
            f"Today's {limits.per_day} submissions of {printable(user.team)} are used up.",
            retry_after=wait,
            remedy="submit again after midnight UTC",
        )
    _check_uploads(session, user.team, limits)


def _check_uploads(session: Session, team: str, limits: Limits) -> None:
    today, wait = _today()
    taken = select(func.count()).where(Submission.team == team, today)
    if (session.scalar(taken) or 0) + _refused(session, team) >= limits.uploads_per_day:
        raise QuotaReached(
            f"Today's {limits.uploads_per_day} uploads of {printable(team)} are used up, refused ones counted.",
            retry_after=wait,
            remedy="check files with bench submit --dry-run, and submit again after midnight UTC",
        )


def _refused(session: Session, team: str) -> int:
    """How many uploads of the team were refused today before they became a submission."""
    row = session.get(Setting, _refused_key(team))
    return int(row.value["n"]) if row is not None and row.value["day"] == _day() else 0


def _refused_key(team: str) -> str:
    return f"refused:{hashlib.sha256(team.encode()).hexdigest()[:32]}"


def _day() -> str:
    return now().date().isoformat()


def _today() -> tuple[ColumnElement[bool], int]:
    """(a submission came today, seconds until today ends), in UTC.

    What came while the clock was ahead is not of today: it would use up the quotas of all days until then.
    """
    moment = now()
    midnight = datetime(moment.year, moment.month, moment.day, tzinfo=moment.tzinfo)
    end = midnight + timedelta(days=1)
    came = and_(Submission.created_at >= midnight, Submission.created_at < end)
    return came, max(1, int((end - moment).total_seconds()))


def _keep(session: Session, package: Package, content: bytes) -> None:
    """Store a predictions file unless it is there: two users may send the same at the same time."""
    values = {"sha256": package.predictions_sha256, "n_bytes": len(package.predictions), "content": content}
    session.execute(insert(session, PredictionsFile).values(values).on_conflict_do_nothing())


def _insert(session: Session, user: User, split: str, package: Package, digest: str) -> Submission:
    moment = now()
    row = Submission(
        id=f"s_{secrets.token_hex(8)}",
        user_id=user.id,
        team=user.team,
        split=split,
        digest=digest,
        predictions_sha256=package.predictions_sha256,
        card=package.card.model_dump(mode="json"),
        run=package.run,
        marked=False,
        state="received",
        created_at=moment,
        changed_at=moment,
        attempts=0,
    )
    session.add(row)
    session.flush()
    session.add(Event(submission_id=row.id, state="received", reason=None, at=moment))
    return row


def _use_mark(session: Session, user: User, row: Submission) -> None:
    if row.trial:
        raise WrongState(f"Submission {row.id} is a trial, which never ranks.", remedy="submit the file without trial")
    if row.state not in ("received", "validating", "queued") or _has_result(session, row):
        raise WrongState(
            f"Submission {row.id} is {row.state}; only one that is not scored yet can be marked.",
            remedy="mark a submission when you make it",
        )
    scored = _scored(session, row, own_system=user.ranks_all)
    if scored is not None:
        raise WrongState(
            f"{printable(row.team)} has a score on {row.split}: {scored} was scored; a mark comes before the first.",
            remedy="submit without a mark: it is scored and listed, but does not rank",
        )
    marked = select(Submission).where(
        Submission.team == row.team, Submission.split == row.split, Submission.marked, Submission.id != row.id
    )
    for other in session.scalars(marked.with_for_update()).all():
        if user.ranks_all and other.card["system_name"] != row.card["system_name"]:
            continue
        if other.state == "scoring":
            raise WrongState(
                f"The mark of {printable(row.team)} for {row.split} is on {other.id}, which was scored.",
                remedy="submit without a mark: it is scored and listed, but does not rank",
            )
        other.marked = False
    row.marked = True
    session.flush()


def _scored(session: Session, row: Submission, *, own_system: bool = False) -> str | None:
    """Another submission of the team that was scored on the split, withdrawn or not; None when there is none.

    Trials do not count: their figures are not shown before the team's ranked submission has its own.
    """
    query = (
        select(Submission.id, Submission.card)
        .join(ResultRow, ResultRow.submission_id == Submission.id)
        .where(Submission.team == row.team, Submission.split == row.split, Submission.trial.is_(False))
        .where(Submission.id != row.id)
        .order_by(arrival())
    )
    name = row.card["system_name"]
    for one in session.execute(query):
        if not own_system or one.card["system_name"] == name:
            return str(one.id)
    return None


def _has_result(session: Session, row: Submission) -> bool:
    return session.scalar(select(ResultRow.id).where(ResultRow.submission_id == row.id).limit(1)) is not None


@dataclass(frozen=True)
class Scored:
    """What one submission scored under one of the board's contracts. `extras` is described in `scoring`."""

    contract: str
    record: ResultRecord
    extras: dict[str, Any]


def record_results(db: Database, submission_id: str, worker: str, scored: Sequence[Scored]) -> bool:
    """Keep the results and make the submission *scored*, in one transaction.

    False, and nothing is changed, when the submission is no longer this worker's. A result of the same signature is
    replaced (it was scored again); one of another signature stays as history.
    """
    packed = [(one, pack(one.record)) for one in scored]
    with db.session() as session:
        row = find(session, submission_id)
        if row.leased_by != worker or row.state != "scoring":
            return False
        for one, record in packed:
            _put(session, submission_id, one, record)
            put_newest(session, row.split, one.contract, one.record.signature)
        move(session, row, "scored", None)
        row.attempts = 0
        bump(session, split=row.split)
    return True


def pack(record: ResultRecord) -> bytes:
    """A record as the database keeps it."""
    return zlib.compress(record.model_dump_json().encode())


def unpack(content: bytes) -> ResultRecord:
    """The record that `pack` packed."""
    return ResultRecord.model_validate_json(zlib.decompress(content))


def unpack_summary(content: bytes) -> ResultRecord:
    """The same without its rows by article, of which a board of many years would hold too many at once."""
    return ResultRecord.model_validate({**_SUMMARY.validate_json(zlib.decompress(content)), "articles": []})


# Rows by article are most of a record: what the schema does not name is passed over and never made.
_SUMMARY = SchemaValidator(
    core_schema.typed_dict_schema(
        {
            name: core_schema.typed_dict_field(core_schema.any_schema(), required=False)
            for name in ResultRecord.model_fields
            if name != "articles"
        },
        extra_behavior="ignore",
    )
)


def _put(session: Session, submission_id: str, one: Scored, record: bytes) -> None:
    row = session.scalar(
        select(ResultRow).where(ResultRow.submission_id == submission_id, ResultRow.signature == one.record.signature)
    )
    if row is None:
        row = ResultRow(submission_id=submission_id, signature=one.record.signature)
        session.add(row)
    else:
        session.execute(delete(ResultCounts).where(ResultCounts.result_id == row.id))
    row.contract = one.contract
    row.label = str(one.record.contract["name"])
    row.f1 = one.record.overall.f1
    row.record = record
    row.extras = one.extras
    row.created_at = now()
    session.flush()
