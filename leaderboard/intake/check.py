"""The board's side of checking a submission: from *received* to *queued* or *rejected*.

The checks are `validation`'s. Here they meet the database: one process at a time checks a submission, what it found is
kept, and what only the board can see is added: near copies of earlier files of the team and of others, and names that
look like those of another team, its organisations or its systems.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from bioreview_bench.errors import InputError, Problem

from ..names import confusable
from ..store.common import State, as_state, bump, find, in_turn, move
from ..store.database import Database
from ..store.leases import LEASE_SECONDS, MAX_ATTEMPTS, hold, worker_name
from ..store.models import PredictionsFile, Sketch, Submission, User, arrival
from ..store.settings import board_seed, get_settings, get_split
from ..store.submissions import predictions_bytes
from . import near
from .package import stored_package
from .validation import read_content, validate

MAX_LISTED: Final = 1000  # problems of one submission that are kept
_COMPARED: Final = 200  # earlier submissions of the team, by their concerns
_NAMED: Final = 5  # submissions of other teams that are noted


def validate_received(db: Database, submission_id: str) -> State:
    """Check a received submission; returns the state that it is in afterwards.

    Does nothing to one that somebody else checks or has checked. Raises NotFound. After an unforeseen error the
    submission is received again, and the error goes on to the caller.
    """
    worker = worker_name()
    taken = _begin(db, submission_id, worker)
    if isinstance(taken, str):
        return taken
    try:
        found = _check(db, *taken)
    except BaseException:
        _give_back(db, submission_id, worker)
        raise
    return _finish(db, submission_id, worker, found)


def validate_all_received(db: Database) -> list[str]:
    """Check what nobody has checked (their server was killed); returns the ids that were looked at."""
    with db.reading() as session:
        query = select(Submission.id).where(Submission.state == "received", Submission.attempts < MAX_ATTEMPTS)
        ids = list(session.scalars(query.order_by(arrival())))
    for submission_id in ids:
        validate_received(db, submission_id)
    return ids


def _begin(db: Database, submission_id: str, worker: str) -> tuple[Submission, bytes] | State:
    with db.session() as session:
        row = find(session, submission_id)
        if row.state != "received":
            return as_state(row.state)
        row.attempts += 1
        move(session, row, "validating", None)
        hold(row, worker, LEASE_SECONDS)
        content = session.scalar(
            select(PredictionsFile.content).where(PredictionsFile.sha256 == row.predictions_sha256)
        )
    return row, content or b""


@dataclass(frozen=True)
class _Checked:
    """What checking found: facts, what is kept of concerns and wording, and what was nearby before."""

    facts: dict[str, Any]
    concerns: near.Sketch
    wording: near.Sketch
    nearby: _Nearby


@dataclass
class _Nearby:
    """Submissions of the split that share their wording: of the team, of others; `seen` were compared.

    `copies`: those that came later and were checked before. Of two that are alike the one that came later is the copy,
    whichever was checked first.
    """

    own: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


def _check(db: Database, row: Submission, content: bytes) -> _Checked | list[Problem]:
    try:
        package = stored_package(zlib.decompress(content), row.card, row.run)
        found = validate(package, get_split(db, row.split), get_settings(db).limits)
    except InputError as error:
        return list(error.problems) or [Problem(error.message)]
    wording, nearby = near.wording(found.predictions, board_seed(db)), _Nearby()
    with db.reading() as session:  # most are compared here, where nobody waits for it
        _compare(session, row, wording, nearby)
    return _Checked(found.facts, near.sketch(found.predictions), wording, nearby)


def _finish(db: Database, submission_id: str, worker: str, found: _Checked | list[Problem]) -> State:
    with db.session() as session:
        row = find(session, submission_id)
        if row.state != "validating" or row.leased_by != worker:
            return as_state(row.state)
        if isinstance(found, _Checked):
            in_turn(session)  # of two copies that are checked at the same time one sees the other
            _compare(session, row, found.wording, found.nearby)
            row.facts = {**found.facts, **_seen_by_the_board(session, row, found)}
            contents = {"content": near.to_bytes(found.concerns), "wording": near.to_bytes(found.wording)}
            session.merge(Sketch(submission_id=row.id, **contents))
            _tell_copies(session, row, found.nearby.copies)
            move(session, row, "queued", None)
            row.attempts = 0
            bump(session, split=row.split)
        else:
            row.problems = [{"line": one.line, "message": one.message} for one in found[:MAX_LISTED]]
            row.facts = {"n_problems": len(found)}
            row.marked = False
            noun = "problem" if len(found) == 1 else "problems"
            move(session, row, "rejected", f"{len(found):,} {noun}")
        return as_state(row.state)


def _compare(session: Session, row: Submission, wording: near.Sketch, nearby: _Nearby) -> None:
    """Add to `nearby` what it has not seen. A team's own trials are no copies of what it then submits."""
    came = session.scalar(select(arrival()).where(Submission.id == row.id)) or 0
    query = (
        select(Sketch.submission_id, Submission.team, Submission.trial, arrival())
        .join(Submission)
        .where(Submission.split == row.split, Submission.id != row.id, Sketch.wording.is_not(None))
        .order_by(arrival())
    )
    for name, team, trial, number in session.execute(query).all():
        own, later = team == row.team, number > came
        if name in nearby.seen or (own and (row.trial if later else trial)):
            continue
        nearby.seen.add(name)
        kept = session.scalar(select(Sketch.wording).where(Sketch.submission_id == name))
        if near.shared(wording, near.from_bytes(kept or b"")) >= near.NEAR:
            (nearby.copies if later else nearby.own if own else nearby.elsewhere).append(name)


def _tell_copies(session: Session, row: Submission, copies: list[str]) -> None:
    """Note at the submissions `copies` that `row` came before them."""
    for copy in session.scalars(select(Submission).where(Submission.id.in_(copies))):
        facts = dict(copy.facts or {})
        if copy.team == row.team:
            facts["n_near"] = facts.get("n_near", 0) + 1
        else:
            facts["near_elsewhere"] = [*facts.get("near_elsewhere", ()), row.id][:_NAMED]
        copy.facts = facts


def _seen_by_the_board(session: Session, row: Submission, found: _Checked) -> dict[str, Any]:
    earlier = (
        select(Sketch.submission_id, Sketch.content)
        .join(Submission)
        .where(Submission.team == row.team, Submission.split == row.split, Submission.id != row.id)
        .order_by(arrival().desc())
        .limit(_COMPARED)
    )
    kept = ((name, near.from_bytes(content)) for name, content in session.execute(earlier))
    share, whose = near.nearest(found.concerns, kept)
    name = row.card["system_name"]
    alike = _resembled(session, row.team, name)
    return {
        "near_share": round(share, 4),
        "near_submission": whose,
        "n_near": len(found.nearby.own),
        "near_elsewhere": found.nearby.elsewhere[:_NAMED],
        "looks_like": [one for one in alike if one != name][:5],
        "same_name": name in alike,
    }


def _resembled(session: Session, team: str, name: str) -> list[str]:
    """Names of other teams, of organisations confirmed for them, and of their systems that look like `name` or are it.

    A team may name its system like itself or an organisation of its own, whatever others did before.
    """
    own, others = {team}, set[str]()
    for other, organisations in session.execute(select(User.team, User.organisations)):
        (own if other == team else others).update((other, *(organisations or ())))
    if confusable(name, own):
        return []
    systems = select(Submission.card["system_name"].as_string()).where(
        Submission.team != team, Submission.trial.is_(False), Submission.state.not_in(("rejected", "withdrawn"))
    )
    return confusable(name, others.union(session.scalars(systems.distinct())))


def keep_wording(db: Database) -> int:
    """Keep the wording of submissions that an earlier release checked; returns how many there were.

    What they share with others is not looked for again.
    """
    seed, done = board_seed(db), 0
    with db.reading() as session:
        checked = select(Submission.id, Submission.predictions_sha256, Sketch.wording).outerjoin(Sketch)
        rows = session.execute(checked.where(Submission.facts.is_not(None), Submission.state != "rejected")).all()
    for submission_id, sha256, kept in rows:
        if kept is not None:
            continue
        predictions = read_content(predictions_bytes(db, sha256), None)
        contents = {
            "content": near.to_bytes(near.sketch(predictions)),
            "wording": near.to_bytes(near.wording(predictions, seed)),
        }
        with db.session() as session:
            session.merge(Sketch(submission_id=submission_id, **contents))
        done += 1
    return done


def _give_back(db: Database, submission_id: str, worker: str) -> None:
    with db.session() as session:
        row = find(session, submission_id)
        if row.state == "validating" and row.leased_by == worker:
            move(session, row, "received", "checking was interrupted; it starts again")
