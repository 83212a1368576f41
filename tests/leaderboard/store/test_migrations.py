"""The schema that migrations make is the one that the models describe, in both databases; strangers are refused."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bioreview_bench.errors import DataError, InputError, RemoteError, WriteError
from bioreview_bench.leaderboard.store.database import HEAD, Database
from bioreview_bench.leaderboard.store.models import Base


def test_migrations_make_what_the_models_describe(database_url: str, open_database: Callable[..., Any]) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database = open_database(database_url)
    database.create_or_upgrade()
    with database.connection() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_head_is_the_newest_migration() -> None:
    import bioreview_bench.leaderboard.store.migrations.versions as versions

    names = sorted(path.name[:4] for path in Path(versions.__path__[0]).glob("[0-9]*.py"))
    assert names[-1] == HEAD


def test_upgrading_twice_and_at_the_same_time_is_harmless(database_url: str, open_database: Callable[..., Any]) -> None:
    databases = [open_database(database_url) for _ in range(4)]
    errors: list[Exception] = []

    def upgrade(database: Database) -> None:
        try:
            database.create_or_upgrade()
        except Exception as error:  # noqa: BLE001 (the test shows it)
            errors.append(error)

    threads = [threading.Thread(target=upgrade, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    databases[0].create_or_upgrade()

    assert errors == []
    databases[0].require_current()


def test_migrations_can_be_undone(database_url: str, open_database: Callable[..., Any]) -> None:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from sqlalchemy import inspect

    import bioreview_bench.leaderboard.store.migrations.versions as versions

    database = open_database(database_url)
    database.create_or_upgrade()
    with database.connection() as connection:
        for source in sorted(Path(versions.__path__[0]).glob("[0-9]*.py"), reverse=True):
            namespace: dict[str, Any] = {}
            exec(compile(source.read_text(), str(source), "exec"), namespace)
            with Operations.context(MigrationContext.configure(connection)):
                namespace["downgrade"]()
        assert inspect(connection).get_table_names() == ["alembic_version"]


def test_a_board_of_a_newer_release_is_refused(database_url: str, open_database: Callable[..., Any]) -> None:
    database = open_database(database_url)
    database.create_or_upgrade()
    with database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    for touch in (database.create_or_upgrade, database.require_current):
        with pytest.raises(DataError, match="9999"):
            touch()


def test_a_board_of_an_older_release_asks_for_an_upgrade(
    board: Any, open_database: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bioreview_bench.leaderboard.store.database.HEAD", "9998")
    with pytest.raises(InputError, match="older release") as caught:
        board.require_current()
    assert "upgrade" in str(caught.value.remedy)


def test_a_database_of_something_else_is_left_alone(tmp_path: Path, open_database: Callable[..., Any]) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE birds (name TEXT)")
    database = open_database(path)

    with pytest.raises(InputError, match="something else"):
        database.create_or_upgrade()
    with pytest.raises(InputError, match="something else"):
        database.is_board()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("birds",)]


def test_a_missing_board_is_not_made_by_looking(tmp_path: Path, open_database: Callable[..., Any]) -> None:
    database = open_database(tmp_path / "board.sqlite")
    assert not database.is_board()
    with pytest.raises(InputError, match="no board"):
        database.require_current()
    assert list(tmp_path.glob("board*")) == []


def test_what_is_no_database_is_refused_and_kept(tmp_path: Path, open_database: Callable[..., Any]) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, not a database; " * 40)
    with pytest.raises((InputError, DataError), match=r"not a (whole )?SQLite database"):
        open_database(path).create_or_upgrade()
    with pytest.raises(DataError, match="not an intact SQLite database"):
        open_database(path).require_current()
    assert path.read_text().startswith("these are notes")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, open_database: Callable[..., Any]) -> None:
    with pytest.raises(WriteError, match="no folder"):
        open_database(tmp_path / "absent" / "board.sqlite").create_or_upgrade()


def test_a_new_board_is_readable_by_its_owner_only_and_safe_from_power_cuts(board: Any) -> None:
    assert board.path.stat().st_mode & 0o077 == 0
    with board.session() as session:
        pragmas = {
            name: session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.parametrize("where", ["mysql://u@h/b", "sqlite://", "http://x/y", "postgres://h/b", "://", "nosuch://x"])
def test_other_databases_are_refused(where: str) -> None:
    with pytest.raises(InputError) as caught:
        Database(where)
    assert "postgresql://" in str(caught.value.remedy)


def test_no_password_is_ever_shown(tmp_path: Path, open_database: Callable[..., Any]) -> None:
    database = open_database(f"postgresql://ann:geheim@/board?host={tmp_path}&connect_timeout=1")
    assert "geheim" not in str(database)
    with pytest.raises(RemoteError) as caught:
        database.require_current()
    assert "geheim" not in str(caught.value)


def test_a_full_disk_is_told_as_one(board: Any, make_package: Callable[..., Any]) -> None:
    from sqlalchemy.exc import IntegrityError

    with board.connection() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(WriteError, match="full"), board._failures():
            connection.execute(text("INSERT INTO predictions VALUES ('a', 1, :content)"), {"content": b"x" * 1_000_000})
    with pytest.raises(IntegrityError), board.session() as session:
        session.execute(text("INSERT INTO events (submission_id, state, at) VALUES ('s_none', 'queued', 'now')"))
