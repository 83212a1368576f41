"""The database of a board: a SQLite file by default, PostgreSQL by URL. Connections, transactions, schema version.

What is in it is in `models`, every change to it in `store`. A password belongs in PGPASSWORD, ~/.pgpass or the
environment variable that the commands read, not on a command line; none is ever printed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from bioreview_bench.errors import BenchError, DataError, InputError, RemoteError, WriteError, printable
from bioreview_bench.files.install import install_command

from .kept import Kept

HEAD: Final = "0004"  # the newest migration; a test compares it with migrations/versions
_MAKING = 0x62_72_62  # any number of our own: PostgreSQL's advisory lock for making and upgrading a board
_WRITES = "board_writes"
_TABLES = 8  # parsed ones that are kept
_HEADLINES = 2_000  # of results, likewise
_POOL_SECONDS = 30.0  # to wait for a connection while all are in use
_REACHED = {"connect_timeout": 10, "tcp_user_timeout": 30_000}  # seconds, milliseconds: of a host that is silent


class Database:
    """A board's database. `path` is the SQLite file, None for PostgreSQL; `tables` and `headlines` are those
    that were read from it.

    `patience`: seconds to wait for a lock that somebody else holds. `longest`: seconds that a statement may take on
    PostgreSQL, None for any. Every thread may use the same Database; a forked process needs one of its own.
    """

    def __init__(self, where: str | Path | URL, patience: float = 60.0, longest: float | None = None) -> None:
        url = where if isinstance(where, URL) else _url(where)
        self.dialect: Final = url.get_backend_name()
        self.path: Final = Path(url.database) if self.dialect == "sqlite" and url.database else None
        self.url: Final = url
        self._patience: Final = patience
        self._engine = (
            _sqlite_engine(url, patience) if self.dialect == "sqlite" else _postgres_engine(url, patience, longest)
        )
        self._writing = self._engine.execution_options(**{_WRITES: True})
        self.tables: Final = Kept(_TABLES)
        self.headlines: Final = Kept(_HEADLINES)

    def __str__(self) -> str:
        return str(self.path) if self.path is not None else self.url.render_as_string(hide_password=True)

    def hurried(self, patience: float) -> Database:
        """The same board for those who would rather be refused soon than wait: a server, whose threads are few."""
        return Database(self.url, patience, 4 * patience)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction that may write: committed at the end, rolled back on any exception.

        SQLite takes the write lock at once (BEGIN IMMEDIATE), so what was read in it still holds when it writes.
        Raises WriteError, RemoteError or DataError when the database cannot be used.
        """
        with self._failures(), Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One transaction that reads: a consistent snapshot in SQLite, and no lock. What it changes is lost."""
        with self._failures(), Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection in a transaction that may write, for migrations and copies."""
        with self._failures(), self._writing.connect() as connection, connection.begin():
            yield connection

    def create_or_upgrade(self) -> None:
        """Bring the schema to the newest version, from nothing or from any older one.

        Raises DataError when a newer release made it, InputError when it is no board.
        """
        from alembic import command
        from alembic.config import Config

        if self.path is not None:
            _prepare_file(self.path, self._patience)
        config = Config()
        folder = str(Path(__file__).parent / "migrations")
        config.set_main_option("script_location", folder.replace("%", "%%"))
        with self.connection() as connection:
            lock(connection)
            self._refuse_strange(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def is_board(self) -> bool:
        """True when the tables of a board are there, of whatever version. Raises InputError for another database."""
        self._refuse_folder()
        if self.path is not None and not self.path.is_file():
            return False
        with self._failures(), self._engine.connect() as connection:
            return self._refuse_strange(connection) is not None

    def _refuse_folder(self) -> None:
        if self.path is not None and self.path.is_dir():
            raise InputError(f"{self.path} is a folder, not a file.", remedy=f"--db {self.path / 'board.sqlite'}")

    def require_current(self) -> None:
        """Raise InputError unless a board of this version is there, DataError when a newer release made it."""
        self._refuse_folder()
        if self.path is not None and not self.path.is_file():
            raise InputError(
                f"There is no board {self.path}.", remedy=f"bench leaderboard init --db {self.path} --data DATA"
            )
        with self._failures(), self._engine.connect() as connection:
            found = self._refuse_strange(connection)
        if found is None:
            raise InputError(f"There is no board in {self}.", remedy=f"bench leaderboard init --db {self} --data DATA")
        if found != HEAD:
            raise InputError(
                f"The board {self} was made by an older release (schema {found}, this is {HEAD}).",
                remedy=f"bench leaderboard backup, then bench leaderboard upgrade --db {self}",
            )

    def log_ahead(self) -> None:
        """Let SQLite write ahead into a log, so that readers wait for no writer: a restored backup does not.

        Raises WriteError.
        """
        if self.path is not None:
            _prepare_file(self.path, self._patience)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _refuse_strange(self, connection: Connection) -> str | None:
        """The schema's version, None for an empty database. Raises InputError, DataError."""
        tables = set(inspect(connection).get_table_names())
        if "alembic_version" not in tables:
            if tables:
                raise InputError(f"{self} is a database of something else.", remedy="name another one")
            return None
        versions = [str(row[0]) for row in connection.execute(text("SELECT version_num FROM alembic_version"))]
        known = {path.name[:4] for path in (Path(__file__).parent / "migrations" / "versions").glob("[0-9]*.py")}
        unknown = sorted(set(versions) - known)
        if unknown:
            raise DataError(
                f"The board {self} has schema {printable(', '.join(unknown))}, which this release does not know.",
                remedy="install the release that made it: pip install --upgrade bioreview-bench",
            )
        return versions[0] if versions else None

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise RemoteError(f"Too many use the database {self} at once.", remedy="try again") from error
        except DBAPIError as error:
            explained = self._explained(error)
            if explained is None:
                raise
            raise explained from error

    def _explained(self, error: DBAPIError) -> BenchError | None:
        """The error that a user can fix; None for violated constraints and programming errors."""
        origin = error.orig
        if isinstance(origin, sqlite3.OperationalError):
            code = getattr(origin, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR):
                return WriteError(f"Cannot use the board {self}: {origin}.", remedy="check disk space and permissions")
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                return WriteError(
                    f"The board {self} was locked by another process for {self._patience:g} s.", remedy="try again"
                )
        elif isinstance(origin, sqlite3.DatabaseError) and not isinstance(origin, sqlite3.IntegrityError):
            code = getattr(origin, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                return DataError(f"{self} is not an intact SQLite database: {origin}.", remedy="restore a backup")
        elif self.dialect == "postgresql" and (error.connection_invalidated or _is_operational(origin)):
            reason = printable(str(origin).splitlines()[0] if str(origin) else "no answer", 300)
            return RemoteError(f"The database {self} does not answer: {reason}", remedy="check that it runs, try again")
        return None


def lock(transaction: Connection | Session) -> None:
    """Let nobody else make or upgrade the board until the transaction ends (SQLite: nobody writes anyway)."""
    bind = transaction.get_bind() if isinstance(transaction, Session) else transaction
    if bind.dialect.name == "postgresql":
        transaction.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MAKING})


def _is_operational(origin: object) -> bool:
    import psycopg

    return isinstance(origin, psycopg.OperationalError)


def _url(where: str | Path) -> URL:
    if isinstance(where, Path) or "://" not in where:
        return URL.create("sqlite+pysqlite", database=str(Path(where).expanduser().absolute()))
    try:
        url = make_url(where)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise InputError("The database URL cannot be read.", remedy=_FORMS) from None
    if backend == "sqlite" and url.database and url.database != ":memory:":
        return _url(Path(url.database))
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    raise InputError(f'No board can be kept in "{printable(url.drivername)}".', remedy=_FORMS)


_FORMS = "use the path of a SQLite file, or postgresql://USER@HOST/NAME"


def _prepare_file(path: Path, patience: float) -> None:
    """Make the file readable by its owner only, and write-ahead logged (which the file remembers)."""
    if not path.parent.is_dir():
        raise WriteError(f"Cannot make {path}: there is no folder {path.parent}.", remedy=f"mkdir -p {path.parent}")
    try:
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=patience)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()
    except OSError as error:
        raise WriteError(f"Cannot make {path}: {error.strerror or error}.", remedy="choose another place") from error
    except sqlite3.OperationalError as error:
        raise WriteError(f"Cannot make {path}: {error}.", remedy="choose another place") from error
    except sqlite3.DatabaseError as error:
        raise InputError(f"{path} is not a SQLite database.", remedy="name another file") from error


def _sqlite_engine(url: URL, patience: float) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=56,
        pool_timeout=min(_POOL_SECONDS, patience),
        connect_args={"timeout": patience, "check_same_thread": False},
        json_serializer=_dumps,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours to write, below
        # FULL: a submission that was acknowledged survives a power cut, not only a killed process.
        for pragma in ("foreign_keys=ON", "synchronous=FULL", "trusted_schema=OFF"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgres_engine(url: URL, patience: float, longest: float | None) -> Engine:
    try:
        engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=8,
            max_overflow=56,
            pool_timeout=min(_POOL_SECONDS, patience),
            connect_args={name: value for name, value in _REACHED.items() if name not in url.query},
            json_serializer=_dumps,
            hide_parameters=True,
        )
    except ImportError as error:
        raise BenchError("PostgreSQL needs the package psycopg.", remedy=install_command("leaderboard")) from error

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = {round(patience * 1000)}")
        if longest is not None:
            connection.execute(f"SET statement_timeout = {round(longest * 1000)}")
        connection.autocommit = False

    return engine


def _dumps(value: Any) -> str:
    # ASCII, because PostgreSQL takes neither lone surrogates nor NUL in text; NaN is in no JSON.
    return json.dumps(value, allow_nan=False)
