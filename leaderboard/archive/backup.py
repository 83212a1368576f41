"""A copy of a SQLite board while it is in use, checked before it takes its name."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import URL

from bioreview_bench.errors import DataError, InputError, WriteError

from ..store.database import Database
from .export import whole

_PAGES = 256  # copied at a time; writers go on between


def backup_board(db: Database, destination: Path) -> int:
    """Copy the board to the file `destination`; returns its size in bytes.

    Raises InputError for a PostgreSQL board (its own tools do it), DataError when the copy is not whole, WriteError.
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
    with whole(destination) as temporary:
        try:
            source = sqlite3.connect(f"{db.path.as_uri()}?mode=rw", uri=True, timeout=60)
            copy = sqlite3.connect(temporary)
            try:
                source.backup(copy, pages=_PAGES)
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
    return destination.stat().st_size


def _check(copy: sqlite3.Connection, db: Database) -> None:
    found = [str(row[0]) for row in copy.execute("PRAGMA integrity_check(10)")]
    orphans = copy.execute("PRAGMA foreign_key_check").fetchall()
    if found != ["ok"] or orphans:
        said = "; ".join(found) if found != ["ok"] else f"{len(orphans)} rows belong to nothing"
        raise DataError(f"{db} is damaged: {said}.", remedy="restore an older backup")
