"""A siege: many submissions at once, while server and worker are killed with SIGKILL at random moments.

Nothing is lost, nothing is scored twice, the database stays whole, and the table is that of a quiet run. By default a
small one; BIOREVIEW_SIEGE=SUBMISSIONS,KILLS (as 200,20) makes a large one.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import RemoteError
from bioreview_bench.leaderboard.intake.check import validate_received
from bioreview_bench.leaderboard.ranking.build import load_table
from bioreview_bench.leaderboard.ranking.pairs import pairs_among
from bioreview_bench.leaderboard.store.settings import stale_tables
from bioreview_bench.leaderboard.store.submissions import predictions_bytes, receive, submissions_with
from bioreview_bench.leaderboard.store.users import add_user, find_user, list_users
from bioreview_bench.leaderboard.submit.client import BoardClient
from bioreview_bench.leaderboard.submit.submission import Sending
from bioreview_bench.leaderboard.worker.run import score_due

Make = Callable[..., Any]
_SUBMISSIONS, _KILLS = (int(one) for one in os.environ.get("BIOREVIEW_SIEGE", "30,2").split(","))
_FILES = ("close_reader", "generic", "paraphrase", "shuffled")
_USERS = 6
_AT_ONCE = 64
_BETWEEN = 1.5  # seconds in which a share of the submissions is sent, about


class _Besieged:
    """A server that is killed and started again on the same port."""

    def __init__(self, board: Path, log: Path) -> None:
        self.port = _quiet_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.board, self.log = board, log
        self.start()

    def start(self) -> None:
        command = ["leaderboard", "serve", "--db", str(self.board), "--port", str(self.port)]
        with self.log.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from bioreview_bench.cli import main; main()", *command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )

    def worker(self) -> int | None:
        children = Path(f"/proc/{self.process.pid}/task")
        for task in children.glob("*/children"):
            with contextlib.suppress(OSError):
                for pid in task.read_text().split():
                    return int(pid)
        return None

    def kill_worker(self) -> bool:
        pid = self.worker()
        with contextlib.suppress(ProcessLookupError):
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def kill_server(self) -> None:
        pid = self.worker()
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(ProcessLookupError):
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        self.start()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker in /proc")
def test_a_siege_loses_nothing_scores_nothing_twice_and_ends_in_the_table_of_a_quiet_run(
    make_board: Make, tmp_path: Path, shared: Path, card_bytes: Make
) -> None:
    pilot = shared / "data" / "elife_pilot"
    options: dict[str, Any] = {"data": pilot, "splits": ("all",), "contracts": ("jaccard",), "draws": 200}
    board = make_board(tmp_path / "siege.sqlite", **options)
    users = [f"user{number}" for number in range(_USERS)]
    tokens = {name: add_user(board, name, f"Team {name}") for name in users}
    files = [_complete(pilot, name, tmp_path) for name in _FILES]
    cards = []
    for number in range(_SUBMISSIONS):
        cards.append(tmp_path / f"{number}.yaml")
        cards[-1].write_bytes(card_bytes(f"System {number}"))
    besieged = _Besieged(tmp_path / "siege.sqlite", tmp_path / "log")
    ids: dict[int, str] = {}

    def send(number: int) -> None:
        predictions = files[number % len(files)]
        token = tokens[users[number % _USERS]]
        time.sleep(random.Random(number).uniform(0, _KILLS * _BETWEEN))  # some come while the server is dead
        while number not in ids:  # until the board answers: what is sent twice is one submission
            with contextlib.suppress(RemoteError), BoardClient(besieged.url, token, sleep=_briefly) as client:
                ids[number] = client.submit(Sending(predictions, cards[number], None, "all", False, False)).id

    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            sent = [pool.submit(send, number) for number in range(_SUBMISSIONS)]
            killed = _besiege(besieged, ids)
            for one in sent:
                one.result()
        _wait_until_scored(board)
        assert besieged.end() == 0
    finally:
        besieged.process.kill()
        besieged.process.wait()
    assert killed >= {"server", "worker"}
    assert len(set(ids.values())) == _SUBMISSIONS
    _check(board, set(ids.values()))
    quiet, besieged_table = _quiet(make_board(tmp_path / "quiet.sqlite", **options), board), _comparable(board)
    for one, other in zip(quiet["rows"], besieged_table["rows"], strict=True):
        assert one == other
    assert quiet == besieged_table


def _complete(pilot: Path, name: str, folder: Path) -> Path:
    """A predictions file of the pilot, with an empty row for every article that it leaves out: boards want all."""
    content = (pilot / "predictions" / f"{name}.jsonl").read_text()
    answered = {json.loads(line)["article_id"] for line in content.splitlines()}
    ids = [json.loads(line)["id"] for line in (pilot / "articles.jsonl").read_text().splitlines()]
    rows = [json.dumps({"article_id": one, "concerns": []}) for one in ids if one not in answered]
    path = folder / f"{name}.jsonl"
    path.write_text("".join(f"{line}\n" for line in [*content.splitlines(), *rows]))
    return path


def _briefly(seconds: float) -> None:
    time.sleep(0.3)


def _besiege(besieged: _Besieged, sent: dict[int, str]) -> set[str]:
    """Kill worker and server by turns, each a random moment after its share of the submissions was sent."""
    chance = random.Random(7)
    killed: Counter[str] = Counter()
    while killed.total() < _KILLS:
        _wait_until_up(besieged)
        while len(sent) < _SUBMISSIONS * killed.total() // _KILLS:
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.5))
        if killed["worker"] <= killed["server"]:
            killed["worker"] += besieged.kill_worker()
        else:
            besieged.kill_server()
            killed["server"] += 1
    return set(killed)


def _quiet_port() -> int:
    """A free port that no other socket of this machine is given by chance while the server is dead."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


def _wait_until_up(besieged: _Besieged, timeout: float = 120) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", besieged.port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(besieged.log.read_text()[-3000:])


def _waiting(board: Any) -> list[str]:
    return submissions_with(board, ("received", "validating", "queued", "scoring"))


def _wait_until_scored(board: Any, timeout: float = 600) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if not _waiting(board) and not stale_tables(board):
            return
        time.sleep(0.2)
    raise AssertionError(f"{len(_waiting(board))} submissions still wait")


def _check(board: Any, ids: set[str]) -> None:
    with sqlite3.connect(board.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        states = dict(connection.execute("SELECT id, state FROM submissions"))
        results = Counter(row[0] for row in connection.execute("SELECT submission_id FROM results"))
        entered = Counter(
            row[0] for row in connection.execute("SELECT submission_id FROM events WHERE state = 'scored'")
        )
        held = connection.execute("SELECT count(*) FROM submissions WHERE leased_by IS NOT NULL").fetchone()[0]
    assert states == dict.fromkeys(ids, "scored")
    assert results == Counter(ids)
    assert entered == Counter(ids)
    assert held == 0


def _quiet(quiet: Any, besieged: Any) -> dict[str, Any]:
    """The table of a run in which the same submissions came in the same order, and nothing was killed."""
    from sqlalchemy import select

    from bioreview_bench.leaderboard.intake.package import stored_package
    from bioreview_bench.leaderboard.store.common import put_setting
    from bioreview_bench.leaderboard.store.models import Setting, Submission, User, arrival
    from bioreview_bench.leaderboard.store.settings import SEED

    with besieged.reading() as session:
        rows = session.execute(select(Submission, User.name).join(User).order_by(arrival())).all()
        seed = session.get_one(Setting, SEED).value
    with quiet.session() as session:
        put_setting(session, SEED, seed)  # every board draws its intervals with a seed of its own
    for submission, user in rows:
        if user not in [one.name for one in list_users(quiet)]:
            add_user(quiet, user, submission.team)
        content = predictions_bytes(besieged, submission.predictions_sha256)
        package = stored_package(content, submission.card, submission.run)
        taken, created = receive(quiet, find_user(quiet, user).id, submission.split, package)
        assert created
        assert validate_received(quiet, taken) == "queued"
    assert score_due(quiet) == len(rows)
    return _comparable(quiet)


def _comparable(board: Any) -> dict[str, Any]:
    """The table without what is drawn at random or tells the time."""
    table = load_table(board, "all", "jaccard").model_dump(mode="json")
    names = {row["submission"]: f"{row['team']}, {row['system']}" for row in table["rows"]}
    for row in table["rows"]:
        row["submission"] = names[row["submission"]]
        del row["submitted"]
    table["rows"].sort(key=lambda row: row["submission"])
    tests = pairs_among(board, "all", "jaccard", sorted(names, key=names.__getitem__))
    table["tests"] = [{**test.model_dump(), "a": names[test.a], "b": names[test.b]} for test in tests]
    return dict(table)
