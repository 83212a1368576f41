"""The worker: what it does with each outcome, and that killing it loses and doubles nothing."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bioreview_bench.errors import InputError, WriteError
from bioreview_bench.leaderboard import boards
from bioreview_bench.leaderboard.ranking import build
from bioreview_bench.leaderboard.store.leases import extend as extend_lease
from bioreview_bench.leaderboard.store.models import ResultRow, Setting, StoredTable
from bioreview_bench.leaderboard.store.settings import board_version, get_settings, stale_tables
from bioreview_bench.leaderboard.store.status import status
from bioreview_bench.leaderboard.store.submissions import requeue, withdraw
from bioreview_bench.leaderboard.worker.run import Stopping, Work, score_due
from bioreview_bench.leaderboard.worker.tables import TableMaker

WORKER = [sys.executable, "-c", "from bioreview_bench.cli import main; main()", "leaderboard", "worker"]


def states(board: Any, ids: list[str]) -> list[str]:
    return [status(board, submission_id).state for submission_id in ids]


@pytest.fixture
def start_worker(cache: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start workers of a board, given by its path or URL; returns once each is ready to score."""
    started: list[subprocess.Popen[str]] = []

    def start(where: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "BIOREVIEW_DB": where, "BIOREVIEW_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(WORKER, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("The worker scores"):
                return process
        raise AssertionError(f"the worker ended with {process.wait()}")

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.05)


def test_what_is_due_is_checked_scored_and_put_into_tables(
    either_board: Any, add_submitter: Any, make_package: Any
) -> None:
    ann = add_submitter(either_board)
    ids = [ann.submit(make_package("A")), ann.receive(make_package("B"))]
    bad = ann.receive(make_package(predictions=b"{"))
    told: list[str] = []

    assert score_due(either_board, say=told.append) == 2
    assert states(either_board, [*ids, bad]) == ["scored", "scored", "rejected"]
    assert [line.split()[:2] for line in told] == [[submission_id, "scored"] for submission_id in ids]
    assert stale_tables(either_board) == []
    with either_board.reading() as session:
        table = session.get(StoredTable, ("test", "jaccard"))
        assert {row["system"] for row in table.content["rows"]} == {"A", "B"}
    version = board_version(either_board)
    assert score_due(either_board) == 0
    assert board_version(either_board) == version


def test_every_contract_of_the_board_is_scored(
    make_board: Callable[..., Any], tmp_path: Path, add_submitter: Any, make_package: Any
) -> None:
    from dataclasses import replace

    from bioreview_bench import Contract

    replace(Contract.load("jaccard"), name="wide", threshold=0.1, calibrated_on="val").save(tmp_path / "wide.toml")
    board = make_board(tmp_path / "b.sqlite", contracts=("jaccard", str(tmp_path / "wide.toml")))
    assert get_settings(board).ranking == "wide"
    (tmp_path / "wide.toml").unlink()  # the board keeps what it needs
    submission_id = add_submitter(board).submit(make_package())
    score_due(board)
    found = status(board, submission_id).results
    assert [one.contract for one in found] == ["jaccard", "wide"]
    assert found[0].signature != found[1].signature


def test_a_new_contract_is_caught_up_with(board: Any, tmp_path: Path, add_submitter: Any, make_package: Any) -> None:
    from dataclasses import replace

    from bioreview_bench import Contract

    submission_id = add_submitter(board).submit(make_package())
    score_due(board)
    assert boards.outdated(board) == []
    replace(Contract.load("jaccard"), name="wide", threshold=0.1).save(tmp_path / "wide.toml")
    boards.alter(board, {"ranking": "wide"}, {}, (str(tmp_path / "wide.toml"),), ())
    assert boards.outdated(board) == [submission_id]
    requeue(board, submission_id, "a contract more")
    assert score_due(board) == 1
    assert boards.outdated(board) == []
    with board.reading() as session:
        assert session.scalar(select(func.count()).select_from(ResultRow)) == 2


def test_results_without_intervals_that_may_be_shown_are_caught_up_with(
    board: Any, add_submitter: Any, make_package: Any, leaderboard: Any
) -> None:
    submission_id = add_submitter(board).submit(make_package())
    score_due(board)
    with board.session() as session:
        row = session.scalars(select(ResultRow)).one()
        row.extras = {"exact_match_rate": 0.0}  # as an earlier release kept it
    said = leaderboard("upgrade", "--db", str(board.path))[1]
    assert "1 of its scores" in said
    assert "bench leaderboard rescore --missing" in said
    assert boards.outdated(board) == [submission_id]
    requeue(board, submission_id, "an earlier release scored it")
    assert score_due(board) == 1
    assert build.load_table(board, "test", "jaccard").rows[0].f1.bounds is not None
    assert boards.outdated(board) == []
    assert "rescore" not in leaderboard("upgrade", "--db", str(board.path))[1]


def work(board: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Work:
    """A worker whose scoring ends with an error."""

    def fail(*arguments: Any) -> None:
        raise error

    found = Work(board, None, lambda text: None)
    monkeypatch.setattr(found._scorer, "score", fail)
    return found


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InputError("the file\x1b[2J is odd"), "the file\\x1b[2J is odd"),
        (ZeroDivisionError("secret text"), "an unforeseen error (ZeroDivisionError); the log has it"),
    ],
)
def test_what_cannot_be_scored_fails_and_the_next_is_scored(
    error: Exception, reason: str, board: Any, add_submitter: Any, make_package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission_id = add_submitter(board).submit(make_package())
    assert work(board, monkeypatch, error).score_due() == 0
    found = status(board, submission_id)
    assert (found.state, found.reason) == ("failed", reason)


@pytest.mark.parametrize("error", [WriteError("the disk is full"), KeyboardInterrupt()])
def test_what_is_wrong_with_the_machine_is_not_held_against_a_submission(
    error: BaseException, board: Any, add_submitter: Any, make_package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission_id = add_submitter(board).submit(make_package())
    with pytest.raises(type(error)):
        work(board, monkeypatch, error).score_due()
    assert status(board, submission_id).state == "queued"
    assert score_due(board) == 1


def test_a_worker_that_is_told_to_stop_gives_back_what_it_encodes(
    board: Any, add_submitter: Any, make_package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = add_submitter(board)
    ids = [ann.submit(make_package(name)) for name in ("A", "B")]
    stop = threading.Event()
    found = Work(board, None, lambda text: None, stop.is_set)

    def encode(*arguments: Any) -> None:
        found._progress(0, 8)
        stop.set()
        found._progress(8, 8)

    monkeypatch.setattr(found._scorer, "score", encode)
    assert found.score_due() == 0
    assert states(board, ids) == ["queued", "queued"]
    assert status(board, ids[0]).events[-1].reason == "the worker was stopped"
    assert issubclass(Stopping, Exception)


def test_the_lease_is_extended_while_a_long_one_is_scored(
    board: Any, add_submitter: Any, make_package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission_id = add_submitter(board).submit(make_package())
    found = Work(board, None, lambda text: None)
    monkeypatch.setattr("bioreview_bench.leaderboard.worker.run.LEASE_SECONDS", 0.2)
    extended: list[str] = []
    real = extend_lease

    def extend(db: Any, one: str, worker: str) -> bool:
        extended.append(one)
        return real(db, one, worker)

    monkeypatch.setattr("bioreview_bench.leaderboard.worker.run.extend", extend)
    score = found._scorer.score

    def slowly(*arguments: Any) -> Any:
        wait_for(lambda: len(extended) >= 2)
        return score(*arguments)

    monkeypatch.setattr(found._scorer, "score", slowly)
    assert found.score_due() == 1
    assert set(extended) == {submission_id}


def test_a_worker_process_scores_what_comes_and_ends_when_told(
    board: Any, add_submitter: Any, make_package: Any, start_worker: Callable[..., subprocess.Popen[str]]
) -> None:
    ann = add_submitter(board)
    received = ann.receive(make_package("B"))  # its server was killed before it checked it
    process = start_worker(str(board.path))
    queued = ann.submit(make_package("A"))
    wait_for(lambda: states(board, [queued, received]) == ["scored", "scored"])
    wait_for(lambda: stale_tables(board) == [])
    withdraw(board, queued, ann.user)
    wait_for(lambda: stale_tables(board) == [])
    with board.reading() as session:
        assert [row["system"] for row in session.get(StoredTable, ("test", "jaccard")).content["rows"]] == ["B"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0


def test_scoring_waits_for_no_table(
    board: Any, add_submitter: Any, make_package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that takes for ever: what comes meanwhile is scored, and the table is made when it can be."""
    going_on, begun = threading.Event(), threading.Event()
    real = build.rebuild_table

    def slowly(*given: Any) -> Any:
        begun.set()
        assert going_on.wait(120)
        return real(*given)

    monkeypatch.setattr(build, "rebuild_table", slowly)
    ann = add_submitter(board)
    first = ann.submit(make_package("A"))
    worker = Work(board, None, lambda text: None)
    with TableMaker(board) as tables:
        assert worker.score_queued() == 1
        assert begun.wait(120)
        second = ann.submit(make_package("B"))
        assert worker.score_queued() == 1
        assert states(board, [first, second]) == ["scored", "scored"]
        assert stale_tables(board)
        going_on.set()
        wait_for(lambda: not stale_tables(board))
        tables.check()
    with board.reading() as session:
        rows = session.get(StoredTable, ("test", "jaccard")).content["rows"]
    assert {row["system"] for row in rows} == {"A", "B"}


def test_a_table_that_cannot_be_made_ends_the_worker(board: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(build, "rebuild_table", fail)
    with TableMaker(board) as tables:
        wait_for(lambda: tables._failure is not None)
        with pytest.raises(ZeroDivisionError):
            tables.check()


def test_a_worker_without_data_says_so_and_ends(board: Any, cache: Path) -> None:
    with board.session() as session:
        row = session.get(Setting, "split:test")
        row.value = {**row.value, "label": "demo/test#000000000000"}
    done = subprocess.run([*WORKER, "--db", str(board.path)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 4
    assert "not those that the board was made with" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_idle_worker_needs_no_write_lock(board: Any) -> None:
    score_due(board)
    idle = Work(board, None, lambda text: None)
    with sqlite3.connect(board.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        assert idle.score_due() == 0
        assert time.monotonic() - started < 30  # a lock is waited for 60 s
        other.execute("ROLLBACK")


def test_workers_killed_at_any_moment_lose_and_double_nothing(
    make_board: Callable[..., Any],
    database_url: str,
    add_submitter: Any,
    make_package: Any,
    start_worker: Callable[..., subprocess.Popen[str]],
) -> None:
    """SIGKILL at random moments while it scores; the last worker finds everything in order and finishes."""
    board = make_board(database_url, draws=2000)
    ann, bob = add_submitter(board, "ann", ranks_all=True), add_submitter(board, "bob", ranks_all=True)
    ids: list[str] = []
    moments = random.Random(20)
    for life in range(3 if board.path is not None else 1):
        done = sum(state == "scored" for state in states(board, ids))
        names = [f"System {life}.{number}" for number in range(4)]  # so that every worker finds some
        ids += [user.submit(make_package(name)) for name in names for user in (ann, bob)]
        process = start_worker(database_url)
        wait_for(lambda done=done, ids=ids: sum(state == "scored" for state in states(board, ids)) > done)  # type: ignore[misc]
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        process.wait()
    last = start_worker(database_url)
    wait_for(lambda: set(states(board, ids)) == {"scored"} and stale_tables(board) == [])
    last.send_signal(signal.SIGTERM)
    assert last.wait(120) == 0

    with board.reading() as session:
        per_submission = session.execute(
            select(ResultRow.submission_id, func.count()).group_by(ResultRow.submission_id)
        ).all()
        table = session.get(StoredTable, ("test", "jaccard")).content
    assert sorted(per_submission) == sorted((submission_id, 1) for submission_id in ids)
    assert {row["submission"] for row in table["rows"]} == set(ids)
    assert len({(row["f1"]["value"], row["f1"]["low"], row["recall"]["value"]) for row in table["rows"]}) == 1
    for submission_id in ids:
        assert [event.state for event in status(board, submission_id).events].count("scored") == 1
    if board.path is not None:
        with sqlite3.connect(board.path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
