"""Boards to test on: small SQLite boards on the demo data, the same in a throwaway PostgreSQL cluster, and boards that
really listen, by a server in a thread of the test or `bench` in processes of its own."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("sqlalchemy", reason="the leaderboard extra is not installed")

_LOTS = 1_000_000
BENCH = [sys.executable, "-c", "from bioreview_bench.cli import main; main()"]


@pytest.fixture(autouse=True)
def _pages_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test looks at what it has just done: pages are waited for, never shown as they were before."""
    if importlib.util.find_spec("fastapi") is not None:
        monkeypatch.setattr("bioreview_bench.leaderboard.http.answers.PATIENCE", 60.0)
        monkeypatch.setattr("bioreview_bench.leaderboard.http.answers.REST", 0.0)


@pytest.fixture
def midday(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is submitted comes at noon of one day, so that no quota begins anew in the middle of a test."""
    noon = datetime(2026, 7, 15, 12, tzinfo=UTC)
    monkeypatch.setattr("bioreview_bench.leaderboard.store.submissions.now", lambda: noon)


@pytest.fixture
def unrefilled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boards whose limits of requests a minute are not filled again, however long a test takes."""
    from bioreview_bench.leaderboard.http.security import Limiter

    make = "bioreview_bench.leaderboard.serving.app.Limiter"
    monkeypatch.setattr(make, lambda per_minute: Limiter(per_minute, lambda: 0.0))


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
        done = subprocess.run([*prefix, *command], cwd=folder, capture_output=True, text=True, timeout=300)
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
def either_board(make_board: Callable[..., Any], database_url: str) -> Any:
    """The same, once in SQLite and once in PostgreSQL."""
    return make_board(database_url)


@pytest.fixture
def demo_predictions() -> Callable[[str], bytes]:
    """Content of one of the bundled predictions files: careful, ..."""
    from bioreview_bench.cli.inputs import predictions_path

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
        from bioreview_bench.leaderboard.store.submissions import receive

        submission_id, _ = receive(self.database, self.user.id, split, package, marked=marked)
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

    def add(database: Any, name: str = "ann", team: str | None = None, **rights: Any) -> Submitter:
        from bioreview_bench.leaderboard.store.users import add_user, user_of_token

        token = add_user(database, name, team or f"team {name}", **rights)
        user = user_of_token(database, token)
        return Submitter(database, token, user)

    return add


@pytest.fixture(scope="session")
def new_board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A board that nobody has used, to be copied: making one takes longer than most of these tests."""
    from bioreview_bench.leaderboard import boards
    from bioreview_bench.leaderboard.settings import Limits
    from bioreview_bench.leaderboard.store.database import Database

    path = tmp_path_factory.mktemp("new") / "board.sqlite"
    limits = Limits(per_day=1_000_000, uploads_per_day=1_000_000, requests_per_minute=1_000_000)
    database = Database(path)
    boards.set_up(database, "demo", ("test",), ("jaccard",), draws=200, limits=limits)
    database.close()
    return path


@pytest.fixture
def board(new_board: Path, tmp_path: Path, open_database: Callable[[str | Path], Any]) -> Any:
    """A SQLite board on the demo data, under the contract `jaccard`, which needs no encoder."""
    return open_database(shutil.copy(new_board, tmp_path / "board.sqlite"))


@pytest.fixture
def served() -> Iterator[Callable[..., str]]:
    """Serve a board's application on a free port: served(board, secure=False) -> its address."""
    import uvicorn

    from bioreview_bench.leaderboard.serving.app import create_app
    from bioreview_bench.leaderboard.serving.serve import Address, listen, url_of

    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(board: Any, **options: Any) -> str:
        listener = listen(Address("127.0.0.1", 0))
        app = create_app(board, **options)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, server_header=False, ws="none"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        running.append((server, thread))
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        assert server.started
        return url_of(listener)

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(timeout=120)
        assert not thread.is_alive()


@pytest.fixture
def url(board: Any, served: Callable[..., str]) -> str:
    """The address of `board`."""
    return served(board)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a served board logs, as `bench leaderboard serve` has it logged."""
    from bioreview_bench.leaderboard.http import logs

    named = [logging.getLogger(name) for name in (logs.NAME, "uvicorn", "uvicorn.access")]
    before = [(one, one.handlers, one.propagate, one.level) for one in named]
    stream = io.StringIO()
    logs.configure(stream)
    yield stream
    for one, handlers, propagate, level in before:
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)


@dataclass
class Caller:
    """Speaks to a board as one user, or as nobody."""

    url: str
    token: str | None = None

    def __post_init__(self) -> None:
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        import httpx

        self.client = httpx.Client(base_url=self.url, headers=headers, trust_env=False, verify=False, timeout=120)

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, **options)

    def post(self, path: str, **options: Any) -> Any:
        return self.client.post(path, **options)

    def submit(self, predictions: bytes, card: bytes, split: str = "test", **fields: str) -> Any:
        files = {"predictions": ("predictions.jsonl", predictions), "card": ("card.yaml", card)}
        return self.post("/api/v1/submissions", data={"split": split, **fields}, files=files)

    def archive(self, content: bytes, split: str = "test") -> Any:
        return self.post("/api/v1/submissions", data={"split": split}, files={"archive": ("s.zip", content)})


@pytest.fixture
def caller() -> Iterator[Callable[..., Caller]]:
    """Speak to a board: caller(url, token)."""
    made: list[Caller] = []

    def make(url: str, token: str | None = None) -> Caller:
        made.append(Caller(url, token))
        return made[-1]

    yield make
    for one in made:
        one.client.close()


@dataclass
class Process:
    """A `bench` that runs: its standard output and error go to files."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def said(self, pattern: str, timeout: float = 120) -> re.Match[str]:
        """Wait until its standard output matches."""
        return self._written(self.out, pattern, timeout)

    def complained(self, pattern: str, timeout: float = 120) -> re.Match[str]:
        """Wait until its standard error matches."""
        return self._written(self.err, pattern, timeout)

    def _written(self, path: Path, pattern: str, timeout: float) -> re.Match[str]:
        deadline = time.monotonic() + timeout
        running = True
        while running and time.monotonic() < deadline:
            running = self.process.poll() is None  # before reading: what an ended process wrote is all there
            found = re.search(pattern, path.read_text())
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{pattern} was not written: {self.out.read_text()} {self.err.read_text()}")

    def log(self) -> list[dict[str, Any]]:
        """The lines of its log that are JSON."""
        rows = []
        for line in self.err.read_text().splitlines():
            with suppress(ValueError):
                rows.append(json.loads(line))
        return [row for row in rows if isinstance(row, dict)]

    def end(self, number: int = signal.SIGTERM, timeout: float = 120) -> int:
        """Send a signal and wait; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout)


@pytest.fixture
def start_bench(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start `bench` in a process: start_bench("leaderboard", "serve", NAME="value")."""
    started: list[Process] = []

    def start(*arguments: str, **environment: str) -> Process:
        number = len(started)
        out, err = tmp_path / f"{number}.out", tmp_path / f"{number}.err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [*BENCH, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                cwd=tmp_path,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            )
        started.append(Process(process, out, err))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def bench(leaderboard: Command) -> Command:
    """Run a command of `bench submit` in this process: bench("init", "runs/mine") -> (exit code, stdout, stderr)."""
    return lambda *arguments: leaderboard(*arguments, group="submit")


@pytest.fixture
def leaderboard(capfd: pytest.CaptureFixture[str]) -> Command:
    """The same for `bench leaderboard`."""
    from bioreview_bench.cli.main import run

    def call(*arguments: str, group: str = "leaderboard") -> tuple[int, str, str]:
        capfd.readouterr()
        code = run([group, *arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return call
