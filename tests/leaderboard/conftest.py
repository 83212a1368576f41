"""Boards to test on: small SQLite boards on the demo data, and the same in a throwaway PostgreSQL cluster."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("sqlalchemy", reason="the leaderboard extra is not installed")

_LOTS = 1_000_000


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of the maintenance database of a throwaway cluster that listens on a socket in a folder, not on a port."""
    tools = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = str(tools[-1]) if tools else shutil.which("initdb")
    if found is None or importlib.util.find_spec("psycopg") is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    binaries = Path(found).parent
    # A short path: the name of a socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    as_root = os.geteuid() == 0
    if as_root:
        shutil.chown(folder, "postgres", "postgres")

    def run(*command: str) -> None:
        prefix = ["runuser", "-u", "postgres", "--"] if as_root else []
        done = subprocess.run([*prefix, *command], cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    control = str(binaries / "pg_ctl")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=200"
    run(str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "--auth=trust", "-E", "UTF8", "-N")
    run(control, "-D", str(folder / "data"), "-l", str(folder / "log"), "-o", options, "-w", "start")
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        run(control, "-D", str(folder / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of an empty PostgreSQL database of the test's own."""
    import psycopg

    name = f"t{os.getpid()}_{abs(hash(request.node.nodeid)) % 10**9}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database is, once in SQLite and once in PostgreSQL."""
    if request.param == "sqlite":
        return str(tmp_path / "either.sqlite")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def open_database() -> Iterator[Callable[[str | Path], Any]]:
    """Open databases that are closed after the test."""
    from bioreview_bench.leaderboard.store.database import Database

    opened: list[Any] = []

    def connect(where: str | Path) -> Any:
        opened.append(Database(where))
        return opened[-1]

    yield connect
    for database in opened:
        database.close()


@pytest.fixture
def make_board(open_database: Callable[[str | Path], Any]) -> Callable[..., Any]:
    """Set a board up: make_board(where, data="demo", splits=("test",), contracts=("jaccard",), per_day=...)."""
    from bioreview_bench.leaderboard import boards
    from bioreview_bench.leaderboard.settings import Limits

    def build(
        where: str | Path,
        data: str | Path = "demo",
        splits: tuple[str, ...] = ("test",),
        contracts: tuple[str, ...] = ("jaccard",),
        **others: Any,
    ) -> Any:
        limits = {name: others.pop(name) for name in list(others) if name in Limits.model_fields}
        generous = {"per_day": _LOTS, "uploads_per_day": _LOTS, "requests_per_minute": _LOTS}
        database = open_database(where)
        boards.set_up(
            database, str(data), splits, contracts, **{"draws": 200, "limits": {**generous, **limits}, **others}
        )
        return database

    return build


@pytest.fixture
def board(make_board: Callable[..., Any], tmp_path: Path) -> Any:
    """A SQLite board on the demo data, under the contract `jaccard`, which needs no encoder."""
    return make_board(tmp_path / "board.sqlite")


@pytest.fixture
def either_board(make_board: Callable[..., Any], database_url: str) -> Any:
    """The same, once in SQLite and once in PostgreSQL."""
    return make_board(database_url)


@pytest.fixture
def demo_predictions() -> Callable[[str], bytes]:
    """Content of one of the bundled predictions files: careful, ..."""
    from bioreview_bench.cli.options import predictions_path

    return lambda name: predictions_path(f"demo:{name}").read_bytes()


@pytest.fixture
def card_fields() -> Callable[..., dict[str, Any]]:
    """Fields of a card: card_fields("My system", saw_v3_train="no", base_model=...)."""

    def build(system_name: str = "Careful", **given: Any) -> dict[str, Any]:
        training = {"saw_v3_train": "no", "saw_v4_train": "no", "saw_test_journals": "no"}
        for name in (*training, "cutoff", "description"):
            if name in given:
                training[name] = given.pop(name)
        return {
            "system_name": system_name,
            "system_version": "1.0",
            "organisation": "A laboratory",
            "contact": "someone@example.org",
            "base_model": "none",
            "training_data": training,
            "date": "2025-01-31",
            **given,
        }

    return build


@pytest.fixture
def card_bytes(card_fields: Callable[..., dict[str, Any]]) -> Callable[..., bytes]:
    """The same as the bytes of a card.yaml."""
    return lambda *names, **given: yaml.safe_dump(card_fields(*names, **given)).encode()


@pytest.fixture
def make_package(card_bytes: Callable[..., bytes], demo_predictions: Callable[[str], bytes]) -> Callable[..., Any]:
    """A submission: make_package("My system", predictions=b"...", base_model=...); default: demo:careful."""
    from bioreview_bench.leaderboard.intake.package import read_package
    from bioreview_bench.leaderboard.settings import Limits

    def build(system_name: str = "Careful", predictions: bytes | None = None, **card: Any) -> Any:
        import io

        content = demo_predictions("careful") if predictions is None else predictions
        return read_package(io.BytesIO(content), card_bytes(system_name, **card), None, Limits())

    return build


@dataclass(frozen=True)
class Submitter:
    """A user of a board, and what it takes to submit as them."""

    database: Any
    token: str
    user: Any

    def receive(self, package: Any, split: str = "test", *, marked: bool = False) -> str:
        from bioreview_bench.leaderboard.store import api as store

        submission_id, _ = store.receive(self.database, self.user.id, split, package, marked=marked)
        return submission_id

    def submit(self, package: Any, split: str = "test", *, marked: bool = False) -> str:
        """Received and checked; it must be in order."""
        from bioreview_bench.leaderboard.intake.check import validate_received

        submission_id = self.receive(package, split, marked=marked)
        assert validate_received(self.database, submission_id) == "queued"
        return submission_id


@pytest.fixture
def add_submitter() -> Callable[..., Submitter]:
    """Add a user: add_submitter(board, "ann", team="A", maintainer=True)."""
    from bioreview_bench.leaderboard.store import api as store

    def add(database: Any, name: str = "ann", team: str | None = None, **rights: bool) -> Submitter:
        token = store.add_user(database, name, team or f"team {name}", **rights)
        user = store.user_of_token(database, token)
        return Submitter(database, token, user)

    return add
