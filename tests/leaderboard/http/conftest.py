"""Boards that really listen: a server in a thread of the test, or `bench` in processes of its own."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

for _package in ("fastapi", "uvicorn", "python_multipart"):
    pytest.importorskip(_package, reason="the leaderboard extra is not installed")
httpx = pytest.importorskip("httpx", reason="the leaderboard extra is not installed")

BENCH = [sys.executable, "-c", "from bioreview_bench.cli import main; main()"]


@pytest.fixture(scope="session")
def new_board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A board that nobody has used, to be copied: making one takes longer than most of these tests."""
    from bioreview_bench.leaderboard import boards
    from bioreview_bench.leaderboard.settings import Limits
    from bioreview_bench.leaderboard.store.database import Database

    path = tmp_path_factory.mktemp("new") / "board.sqlite"
    limits = Limits(per_day=1_000_000, uploads_per_day=1_000_000, requests_per_minute=1_000_000)
    database = Database(path)
    boards.set_up(database, "demo", ("test",), ("jaccard",), draws=50, limits=limits)
    database.close()
    return path


@pytest.fixture
def board(new_board: Path, tmp_path: Path, open_database: Callable[[str | Path], Any]) -> Any:
    """A SQLite board on the demo data under `jaccard`, as the fixture of the folder above makes it, but copied."""
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
        thread.join(timeout=20)
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
        self.client = httpx.Client(base_url=self.url, headers=headers, trust_env=False, verify=False, timeout=30)

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

    def said(self, pattern: str, timeout: float = 60) -> re.Match[str]:
        """Wait until its standard output matches."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = re.search(pattern, self.out.read_text())
            if found:
                return found
            assert self.process.poll() is None, self.err.read_text()
            time.sleep(0.02)
        raise AssertionError(f"{pattern} was not said: {self.out.read_text()} {self.err.read_text()}")

    def log(self) -> list[dict[str, Any]]:
        """The lines of its log that are JSON."""
        rows = []
        for line in self.err.read_text().splitlines():
            with suppress(ValueError):
                rows.append(json.loads(line))
        return [row for row in rows if isinstance(row, dict)]

    def end(self, number: int = signal.SIGTERM, timeout: float = 60) -> int:
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
