"""Results of submissions: written once by the worker that holds the lease, and read by tables and status pages."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from bioreview_bench.results.records import ResultRecord

from .database import Database
from .models import PairTestRow, ResultRow
from .store_common import bump, find, move, now


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


def _put(session: Session, submission_id: str, one: Scored, record: bytes) -> None:
    row = session.scalar(
        select(ResultRow).where(ResultRow.submission_id == submission_id, ResultRow.signature == one.record.signature)
    )
    if row is None:
        row = ResultRow(submission_id=submission_id, signature=one.record.signature)
        session.add(row)
    else:
        session.execute(delete(PairTestRow).where(or_(PairTestRow.a_id == row.id, PairTestRow.b_id == row.id)))
    row.contract = one.contract
    row.label = str(one.record.contract["name"])
    row.f1 = one.record.overall.f1
    row.record = record
    row.extras = one.extras
    row.created_at = now()
    session.flush()
