"""Taking an exported board in, into nothing or into a board of the same splits and contracts.

Nothing is overwritten: a submission that is there already keeps its state and gets the results that it lacks. What was
under way when the board was exported is received or queued again. Users come without tokens, until `user renew`.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.errors import InputError, printable
from bioreview_bench.files.paths import cannot_read

from ..boards import has_settings
from ..intake import near
from ..intake.validation import read_content
from ..store.common import State, bump
from ..store.database import Database
from ..store.models import Event, PredictionsFile, ResultRow, Sketch, Submission, User
from ..store.settings import board_seed, get_contract, get_settings, get_split, put_board
from ..store.submissions import pack
from .export import FOLDER, MANIFEST, SUBMISSIONS, ExportedBoard, KeptResult, KeptSubmission, KeptUser

_AGAIN: dict[State, State] = {"validating": "received", "scoring": "queued"}


@dataclass
class Taken:
    """How much of an archive was new."""

    n_users: int = 0
    n_submissions: int = 0
    n_results: int = 0
    n_known: int = 0


def import_board(db: Database, source: Path) -> Taken:
    """Take the archive `source` in. Raises InputError when it is damaged or about another board.

    Each submission is one transaction: what was taken in before an interruption stays, and the same command goes on.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            manifest = ExportedBoard.model_validate_json(archive.read(MANIFEST))
            contracts = [Contract(**fields) for fields in manifest.contracts]
            db.create_or_upgrade()
            if has_settings(db):
                _refuse_other_board(db, manifest, contracts)
            else:
                put_board(db, manifest.settings, manifest.splits, contracts, manifest.cards)
            taken = Taken()
            with db.session() as session:
                taken.n_users = sum(_take_user(session, user) for user in manifest.users)
                bump(session)
            for kept in _submissions(archive):
                _take(db, archive, kept, taken)
    except OSError as error:
        raise cannot_read(source, error, remedy="bench leaderboard export writes one") from error
    except (zipfile.BadZipFile, zlib.error, KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{source} is not a complete exported board: {printable(error, 300)}.", remedy="bench leaderboard export"
        ) from error
    return taken


def _refuse_other_board(db: Database, manifest: ExportedBoard, contracts: list[Contract]) -> None:
    here = get_settings(db)
    for facts in manifest.splits:
        if facts.name not in here.splits or get_split(db, facts.name).label != facts.label:
            raise InputError(
                f"The archive is about {facts.label}, the board {db} is not.",
                remedy="import it into a new board: --db NEW.sqlite",
            )
    for contract in contracts:
        if contract.name in here.contracts and get_contract(db, contract.name) != contract:
            raise InputError(
                f"The archive's contract {printable(contract.name)} is not the board's of that name.",
                remedy="import it into a new board: --db NEW.sqlite",
            )


def _take_user(session: Session, kept: KeptUser) -> bool:
    known = session.scalar(select(User).where(User.name == kept.name))
    if known is not None:
        if known.team != kept.team:
            raise InputError(
                f"The user {printable(kept.name)} is of team {printable(known.team)} here, "
                f"of {printable(kept.team)} in the archive.",
                remedy="import it into a new board: --db NEW.sqlite",
            )
        return False
    session.add(User(**kept.model_dump(), token_sha256=None))
    return True


def _submissions(archive: zipfile.ZipFile) -> Iterator[KeptSubmission]:
    with archive.open(SUBMISSIONS) as stream:
        for line in stream:
            # Not pydantic's own reader, which takes no half of a character (see `export`).
            yield KeptSubmission.model_validate(json.loads(line))


def _take(db: Database, archive: zipfile.ZipFile, kept: KeptSubmission, taken: Taken) -> None:
    content = archive.read(f"{FOLDER}/{kept.predictions_sha256}.jsonl")
    if hashlib.sha256(content).hexdigest() != kept.predictions_sha256:
        raise InputError(f"The predictions of {kept.id} are not those that were submitted.", remedy="export again")
    sketch = _sketch(kept, content, board_seed(db))
    with db.session() as session:
        user_id = session.scalars(select(User.id).where(User.name == kept.user)).one()
        row = session.get(Submission, kept.id)
        if row is None:
            row = session.scalar(
                select(Submission).where(
                    Submission.user_id == user_id, Submission.split == kept.split, Submission.digest == kept.digest
                )
            )
        elif row.digest != kept.digest:
            raise InputError(f"{kept.id} is another submission here.", remedy="import it into a new board")
        if row is None:
            row = _insert(session, user_id, kept, content)
            if sketch is not None:
                session.add(Sketch(submission_id=row.id, **sketch))
            taken.n_submissions += 1
        else:
            taken.n_known += 1
        n_new = sum(_take_result(session, row, one) for one in kept.results)
        taken.n_results += n_new
        bump(session, split=row.split)


def _sketch(kept: KeptSubmission, content: bytes, seed: int) -> dict[str, bytes] | None:
    if kept.state in ("received", "validating", "rejected") or (kept.state == "withdrawn" and not kept.facts):
        return None
    predictions = read_content(content, None)
    found = {"content": near.sketch(predictions), "wording": near.wording(predictions, seed)}
    return {name: near.to_bytes(one) for name, one in found.items()}


def _insert(session: Session, user_id: int, kept: KeptSubmission, content: bytes) -> Submission:
    if session.get(PredictionsFile, kept.predictions_sha256) is None:
        session.add(
            PredictionsFile(sha256=kept.predictions_sha256, n_bytes=len(content), content=zlib.compress(content))
        )
        session.flush()
    fields: dict[str, Any] = kept.model_dump(exclude={"user", "events", "results", "card", "state"})
    state = _AGAIN.get(kept.state, kept.state)
    row = Submission(
        **fields,
        card=json.loads(kept.card.model_dump_json()),
        state=state,
        user_id=user_id,
        leased_by=None,
        leased_until=None,
        attempts=0,
    )
    session.add(row)
    session.flush()
    for event in kept.events:
        session.add(Event(submission_id=row.id, **event.model_dump()))
        session.flush()
    if state != kept.state:
        reason = "the board was exported meanwhile"
        session.add(Event(submission_id=row.id, state=state, reason=reason, at=kept.changed_at))
    return row


def _take_result(session: Session, row: Submission, kept: KeptResult) -> bool:
    signature = kept.record.signature
    known = session.scalar(
        select(ResultRow.id).where(ResultRow.submission_id == row.id, ResultRow.signature == signature)
    )
    if known is not None:
        return False
    session.add(
        ResultRow(
            submission_id=row.id,
            contract=kept.contract,
            signature=signature,
            label=str(kept.record.contract["name"]),
            f1=kept.record.overall.f1,
            record=pack(kept.record),
            extras=kept.extras,
            created_at=kept.created_at,
        )
    )
    session.flush()
    return True
