"""Whether a board is ready: its database answers, its schema is this release's, and how much waits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from bioreview_bench.errors import DataError, InputError

from .api_models import Readiness
from .models import Submission
from .states import WAITING

if TYPE_CHECKING:
    from .database import Database


def readiness(db: Database) -> Readiness:
    """Ask the database. Raises BenchError when it does not answer or has another schema."""
    try:
        db.require_current()
    except InputError as error:  # its words name the server's files
        raise DataError("The board's database is not there, or of another release.") from error
    with db.reading() as session:
        query = select(func.count(), func.min(Submission.created_at)).where(Submission.state.in_(WAITING))
        waiting, oldest = session.execute(query).one()
    seconds = None if oldest is None else int((datetime.now(UTC) - oldest).total_seconds())
    return Readiness(status="ok", waiting=waiting, oldest_seconds=seconds)
