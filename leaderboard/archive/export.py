"""A board in one .zip, to move it, merge it or keep it: everything but tokens, session secrets, tables and queues.

  board.json               layout, settings, splits, contracts, users
  submissions.jsonl        one line each: card, states, events, results with their records
  predictions/SHA256.jsonl the predictions files

The same board gives the same bytes. It holds outcomes of articles of held-out splits, so it is for maintainers.
Taking one in twice changes nothing the second time. Tables are built anew from the results.
An archive of another layout is refused by the version that it states. A backup is another thing: a copy of a SQLite
board while it is in use, checked before it takes its name.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import URL, select
from sqlalchemy.orm import Session, selectinload

from bioreview_bench.data.folder import canonical_split
from bioreview_bench.errors import DataError, InputError, WriteError, cannot_write
from bioreview_bench.files.atomic import check_writable
from bioreview_bench.results.card import Card
from bioreview_bench.results.records import ResultRecord
from bioreview_bench.results.validity import ValidityCard

from ..settings import BoardSettings
from ..store.common import State
from ..store.database import Database
from ..store.models import PredictionsFile, Submission, User, arrival
from ..store.settings import BoardSplit, get_card, get_contract, get_settings, get_split
from ..store.submissions import unpack

MANIFEST, SUBMISSIONS, FOLDER = "board.json", "submissions.jsonl", "predictions"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def export_board(db: Database, destination: Path) -> int:
    """Write the board to `destination`, whole or not at all; returns the number of submissions. Raises WriteError."""
    settings = get_settings(db)
    with whole(destination) as temporary, db.reading() as session:
        if db.dialect == "postgresql":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        users = session.scalars(select(User).order_by(User.name)).all()
        manifest = ExportedBoard(
            layout=1,
            settings=settings,
            splits=[get_split(db, name) for name in settings.splits],
            contracts=[dataclasses.asdict(get_contract(db, name)) for name in settings.contracts],
            cards={name: card for name in settings.contracts if (card := get_card(db, name))},
            users=[KeptUser.model_validate(one) for one in users],
        )
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            _write(archive, MANIFEST, manifest.model_dump_json(indent=1).encode())
            n = 0
            with archive.open(_entry(SUBMISSIONS), "w", force_zip64=True) as stream:
                for row in _submissions(session):
                    stream.write(_line(_submission(row)))
                    n += 1
            for sha256 in session.scalars(select(PredictionsFile.sha256).order_by(PredictionsFile.sha256)).all():
                content = session.scalar(select(PredictionsFile.content).where(PredictionsFile.sha256 == sha256))
                _write(archive, f"{FOLDER}/{sha256}.jsonl", zlib.decompress(content or b""))
    return n


@contextmanager
def whole(destination: Path) -> Iterator[Path]:
    """A file beside `destination`, readable by its owner only, that takes its place when all went well."""
    check_writable(destination)
    descriptor, name = tempfile.mkstemp(dir=destination.parent, prefix=f".{destination.name}.")
    os.close(descriptor)
    try:
        yield Path(name)
        with open(name, "rb") as stream:
            os.fsync(stream.fileno())
        os.replace(name, destination)
    except OSError as error:
        raise cannot_write(destination, error) from error
    finally:
        Path(name).unlink(missing_ok=True)


def _submissions(session: Session) -> Iterator[Submission]:
    query = select(Submission).options(
        selectinload(Submission.user), selectinload(Submission.events), selectinload(Submission.results)
    )
    yield from session.scalars(query.order_by(arrival()), execution_options={"yield_per": 50})


def _submission(row: Submission) -> KeptSubmission:
    results = [
        KeptResult(contract=one.contract, record=unpack(one.record), extras=one.extras, created_at=one.created_at)
        for one in sorted(row.results, key=lambda one: one.signature)
    ]
    own = {
        name: getattr(row, name) for name in KeptSubmission.model_fields if name not in ("user", "events", "results")
    }
    return KeptSubmission(
        **own, user=row.user.name, events=[KeptEvent.model_validate(one) for one in row.events], results=results
    )


def _line(kept: KeptSubmission) -> bytes:
    """A submission as JSON in ASCII: what a team says in run.json may hold half of a character, which UTF-8 has not."""
    fields = kept.model_dump(mode="json", exclude={"run"}) | {"run": kept.run}
    return json.dumps(fields, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(_entry(name), content)


_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Exported(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class KeptUser(_Exported):
    """A user, without the token."""

    name: Annotated[str, Field(max_length=64)]
    team: Annotated[str, Field(max_length=100)]
    is_maintainer: bool
    ranks_all: bool
    organisations: list[str] | None = None
    created_at: AwareDatetime
    revoked_at: AwareDatetime | None


class ExportedBoard(_Exported):
    """What the board is about and who submits to it."""

    layout: Literal[1]
    settings: BoardSettings
    splits: list[BoardSplit]
    contracts: list[dict[str, Any]]
    cards: dict[str, ValidityCard] = {}
    users: list[KeptUser]

    @model_validator(mode="after")
    def _whole(self) -> ExportedBoard:
        splits = tuple(one.name for one in self.splits)
        if splits != self.settings.splits or any(canonical_split(name) != name for name in splits):
            raise ValueError("its splits are not those of its settings")
        if tuple(one.get("name") for one in self.contracts) != self.settings.contracts:
            raise ValueError("its contracts are not those of its settings")
        return self


class KeptEvent(_Exported):
    """A state that a submission entered."""

    state: State
    reason: str | None
    at: AwareDatetime


class KeptResult(_Exported):
    """What it scored under one contract."""

    contract: Annotated[str, Field(max_length=40)]
    record: ResultRecord
    extras: dict[str, Any]
    created_at: AwareDatetime


class KeptSubmission(_Exported):
    """A submission with everything that became of it."""

    id: Annotated[str, Field(pattern="^s_[0-9a-f]{16}$")]
    user: str
    team: Annotated[str, Field(max_length=100)]
    split: Annotated[str, Field(max_length=16)]
    digest: _Sha256
    predictions_sha256: _Sha256
    card: Card
    run: dict[str, Any] | None
    marked: bool
    trial: bool = False
    disqualified: str | None = None
    state: State
    reason: str | None
    problems: list[dict[str, Any]] | None
    facts: dict[str, Any] | None
    created_at: AwareDatetime
    changed_at: AwareDatetime
    events: list[KeptEvent]
    results: list[KeptResult]


def backup_board(db: Database, destination: Path) -> int:
    """Copy the board, as it is at one moment, to the new file `destination`; returns its size in bytes.

    Raises InputError for a PostgreSQL board (its own tools do it) and for a file that is there already, DataError when
    the copy is not whole, WriteError.
    """
    if db.path is None:
        url = db.url
        parts = {name: getattr(url, name) for name in ("username", "host", "port", "database", "query")}
        address = URL.create("postgresql", **parts).render_as_string()
        raise InputError(
            "This board is in PostgreSQL, whose own tools back it up.",
            remedy=f"pg_dump --format=custom --file={destination} {address}",
        )
    if destination.exists() and db.path.samefile(destination):
        raise InputError("A board cannot be backed up onto itself.", remedy="name another file")
    _refuse_existing(destination)
    with whole(destination) as temporary:
        try:
            source = sqlite3.connect(f"{db.path.as_uri()}?mode=rw", uri=True, timeout=60)
            copy = sqlite3.connect(temporary)
            try:
                # All pages in one step: between steps a writer would make it begin again, and perhaps for ever.
                source.backup(copy)
                # One file that needs no other beside it, wherever it is carried.
                copy.execute("PRAGMA journal_mode=DELETE")
                _check(copy, db)
            finally:
                copy.close()
                source.close()
        except sqlite3.OperationalError as error:
            raise WriteError(f"Cannot write {destination}: {error}.", remedy="free some space, try again") from error
        except sqlite3.DatabaseError as error:
            raise DataError(f"{db} cannot be copied: {error}.", remedy="restore an older backup") from error
        _refuse_existing(destination)  # another backup may have been quicker
    return destination.stat().st_size


def _refuse_existing(destination: Path) -> None:
    if os.path.lexists(destination):
        raise InputError(f"There is a file {destination} already.", remedy="name another one, or remove it first")


def _check(copy: sqlite3.Connection, db: Database) -> None:
    found = [str(row[0]) for row in copy.execute("PRAGMA integrity_check(10)")]
    orphans = copy.execute("PRAGMA foreign_key_check").fetchall()
    if found != ["ok"] or orphans:
        said = "; ".join(found) if found != ["ok"] else f"{len(orphans)} rows belong to nothing"
        raise DataError(f"{db} is damaged: {said}.", remedy="restore an older backup")
