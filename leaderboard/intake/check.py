"""The board's side of checking a submission: from *received* to *queued* or *rejected*.

The checks are `validation`'s. Here they meet the database: one process at a time checks a submission, what it found is
kept, and what only the board can see is added: near-copies of the team's earlier files, and names that look like
another team's.
"""

from __future__ import annotations

import zlib
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from bioreview_bench.errors import InputError, Problem

from ..names import confusable
from ..store.common import State, as_state, bump, find, move
from ..store.database import Database
from ..store.leases import LEASE_SECONDS, MAX_ATTEMPTS, hold, worker_name
from ..store.models import PredictionsFile, Sketch, Submission, arrival
from ..store.settings import get_settings, get_split
from . import near
from .package import stored_package
from .validation import Validated, validate

MAX_LISTED: Final = 1000  # problems of one submission that are kept
_COMPARED: Final = 200  # earlier submissions of the team


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


def _check(db: Database, row: Submission, content: bytes) -> Validated | list[Problem]:
    try:
        package = stored_package(zlib.decompress(content), row.card, row.run)
        return validate(package, get_split(db, row.split), get_settings(db).limits)
    except InputError as error:
        return list(error.problems) or [Problem(error.message)]


def _finish(db: Database, submission_id: str, worker: str, found: Validated | list[Problem]) -> State:
    sketch = near.sketch(found.predictions) if isinstance(found, Validated) else None
    with db.session() as session:
        row = find(session, submission_id)
        if row.state != "validating" or row.leased_by != worker:
            return as_state(row.state)
        if isinstance(found, Validated) and sketch is not None:
            row.facts = {**found.facts, **_seen_by_the_board(session, row, sketch)}
            session.merge(Sketch(submission_id=row.id, content=near.to_bytes(sketch)))
            move(session, row, "queued", None)
            row.attempts = 0
            bump(session, split=row.split)
        elif isinstance(found, list):
            row.problems = [{"line": one.line, "message": one.message} for one in found[:MAX_LISTED]]
            row.facts = {"n_problems": len(found)}
            row.marked = False
            noun = "problem" if len(found) == 1 else "problems"
            move(session, row, "rejected", f"{len(found):,} {noun}")
        return as_state(row.state)


def _seen_by_the_board(session: Session, row: Submission, sketch: near.Sketch) -> dict[str, Any]:
    earlier = (
        select(Sketch.submission_id, Sketch.content)
        .join(Submission)
        .where(Submission.team == row.team, Submission.split == row.split, Submission.id != row.id)
        .order_by(arrival().desc())
        .limit(_COMPARED)
    )
    kept = ((name, near.from_bytes(content)) for name, content in session.execute(earlier))
    share, whose, n_near = near.nearest(sketch, kept)
    others = select(Submission.card["system_name"].as_string()).where(
        Submission.team != row.team, Submission.trial.is_(False), Submission.state.not_in(("rejected", "withdrawn"))
    )
    name = row.card["system_name"]
    alike = confusable(name, session.scalars(others.distinct()))
    return {
        "near_share": round(share, 4),
        "near_submission": whose,
        "n_near": n_near,
        "looks_like": [one for one in alike if one != name][:5],
        "same_name": name in alike,
    }


def _give_back(db: Database, submission_id: str, worker: str) -> None:
    with db.session() as session:
        row = find(session, submission_id)
        if row.state == "validating" and row.leased_by == worker:
            move(session, row, "received", "checking was interrupted; it starts again")
