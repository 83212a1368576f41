"""Whether a board lives and is ready: its database answers in this release's schema, and its disks can be written."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException
from sqlalchemy import func, select

from bioreview_bench.errors import DataError, InputError

from ..store.common import WAITING
from ..store.models import Submission
from ..store.shown import Health, Readiness
from .problems import Trouble

if TYPE_CHECKING:
    from ..store.database import Database

_PROBE = 64 * 1024  # bytes that are written and thrown away
_SPARE = 4 * 1024 * 1024  # bytes; with less free, the next upload may fail


def make_health(db: Database) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", response_model=Health, responses={429: {"model": Trouble}})
    async def healthz() -> Health:
        """The process answers."""
        return Health(status="ok")

    @router.get("/readyz", response_model=Readiness, responses={429: {"model": Trouble}, 503: {"model": Trouble}})
    def readyz() -> Readiness:
        """The database answers, files can be written, and how much waits to be scored."""
        ready = readiness(db)
        _refuse_full_disk("for uploads", Path(tempfile.gettempdir()), 0)
        if db.path is not None:
            _refuse_full_disk("of the database", db.path.parent, _largest(db.path))
        return ready

    return router


def readiness(db: Database) -> Readiness:
    """Ask the database. Raises BenchError when it does not answer or has another schema."""
    try:
        db.require_current()
    except InputError as error:  # its words name the server's files
        raise DataError("The board's database is missing, or was made by another release.") from error
    with db.reading() as session:
        query = select(func.count(), func.min(Submission.created_at)).where(Submission.state.in_(WAITING))
        waiting, oldest = session.execute(query).one()
    seconds = None if oldest is None else max(0, int((datetime.now(UTC) - oldest).total_seconds()))
    return Readiness(status="ok", waiting=waiting, oldest_seconds=seconds)


def _refuse_full_disk(which: str, folder: Path, size: int) -> None:
    """Raise HTTPException 503 unless a file of `size` bytes in `folder` could grow: the disk may be full, a quota used
    up, or files of this process limited. The bytes before the last are a hole and take no room.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.seek(size)
            probe.write(bytes(_PROBE))
            probe.flush()
            full = disk_usage(folder).free < _SPARE
    except OSError:
        full = True
    if full:
        raise HTTPException(503, f"the disk {which} is full or cannot be written", {"Retry-After": "60"})


def _largest(path: Path) -> int:
    """Bytes of the database or its write-ahead log, whichever is larger."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return max(file.stat().st_size for file in files if file.is_file())
