"""Batches survive: a kill at any moment, a lost answer, Ctrl-C. No article is submitted twice, none is lost."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")

# What every child does first: batches of four, and short waits. A request may be under way for 0.7 s.
_SHORT = """
from bioreview_bench.llm.batch import run as batch_run
from bioreview_bench.llm.calls.pacing import Backoff
waits, limits = batch_run.Waits(0.01, 0.02, 0.7, Backoff(0.01, 0.02)), batch_run.BatchLimits(requests=4)
batch_run.Waits, batch_run.BatchLimits = lambda: waits, lambda: limits
"""
# Stops the child before or after the n-th call of a function, and says so with a file.
_STOP = """
import pathlib, time
from bioreview_bench.llm.run import ledger as batch_ledger
from bioreview_bench.llm.run.store import RunStore
holder, name = {target}
original, calls = getattr(holder, name), []
def here(*given, **named):
    calls.append(1)
    if len(calls) == {n} and {when!r} == "before":
        pathlib.Path({flag!r}).touch(); time.sleep(600)
    result = original(*given, **named)
    if len(calls) == {n} and {when!r} == "after":
        pathlib.Path({flag!r}).touch(); time.sleep(600)
    return result
setattr(holder, name, here)
"""
# Waits as long as a file is there where the child waits for a request that may be under way.
_LOOKING = """
import pathlib, time
flag, sleep = pathlib.Path({flag!r}), time.sleep
waits = type(waits)(0.01, 0.02, 3600.0, Backoff(0.01, 0.02))
def until_it_is_gone(seconds):
    if seconds < 60:
        return sleep(seconds)
    flag.touch()
    while flag.exists():
        sleep(0.01)
batch_run.time.sleep = until_it_is_gone
"""
_LEDGER, _ROW = "(batch_ledger, 'write_json')", "(RunStore, 'append')"


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, "the child never came to this point"
        time.sleep(0.005)


def kill(forks: Any, pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert forks.end(pid) == -signal.SIGKILL


def finish(forks: Any, asked: Sequence[object], server: Any, rows: Any) -> None:
    """Resume in another process, to the end: six rows, and every article in one batch only."""
    assert forks.end(forks.start(asked, _SHORT)) == 0, forks.log.read_text()
    assert [row["status"] for row in rows()] == ["ok"] * 6
    assert server.submitted() == {row["article_id"]: 1 for row in rows()}


# A run of two batches writes the ledger six times: asked for, made (twice), ended (twice); and six rows.
_MOMENTS = [(_LEDGER, n, when) for n in range(1, 7) for when in ("before", "after")]
_MOMENTS += [(_ROW, 1, "before"), (_ROW, 3, "after"), (_ROW, 4, "after"), (_ROW, 5, "after"), (_ROW, 6, "after")]


@pytest.mark.parametrize(("target", "n", "when"), _MOMENTS)
def test_a_kill_around_a_write_loses_nothing_and_submits_nothing_twice(
    forks: Any, asked: list[object], batch_server: Any, rows: Any, tmp_path: Path, target: str, n: int, when: str
) -> None:
    flag = tmp_path / "here"
    batch_server.looks = 1
    pid = forks.start(asked, _SHORT + _STOP.format(target=target, n=n, when=when, flag=str(flag)))
    wait_for(flag.exists)
    kill(forks, pid)
    finish(forks, asked, batch_server, rows)


@pytest.mark.parametrize(
    ("when", "line"),
    [
        ("before", "POST /v1/files"),
        ("after", "POST /v1/files"),
        ("before", "POST /v1/batches"),
        ("after", "POST /v1/batches"),
        ("after", "GET /v1/batches/batch_1"),
        ("before", "GET /v1/files/file-2/content"),
    ],
)
def test_a_kill_while_the_service_answers_loses_nothing_and_submits_nothing_twice(
    forks: Any, asked: list[object], batch_server: Any, rows: Any, hold: Any, when: str, line: str
) -> None:
    waiting = batch_server.holds[when, line] = hold()
    pid = forks.start(asked, _SHORT)
    wait_for(waiting.reached.is_set)
    kill(forks, pid)
    waiting.let_go()
    finish(forks, asked, batch_server, rows)


def test_a_request_that_arrives_after_its_sender_was_killed_is_waited_for(
    forks: Any, asked: list[object], batch_server: Any, rows: Any, hold: Any, tmp_path: Path
) -> None:
    waiting = batch_server.holds["before", "POST /v1/batches"] = hold()
    pid = forks.start(asked, _SHORT)
    wait_for(waiting.reached.is_set)
    kill(forks, pid)
    looking = tmp_path / "looking"
    pid = forks.start(asked, _SHORT + _LOOKING.format(flag=str(looking)))
    wait_for(looking.exists)
    waiting.let_go()
    looking.unlink()
    assert forks.end(pid) == 0, forks.log.read_text()
    finish(forks, asked, batch_server, rows)
    assert "Found batch batch_0 with 4 articles" in forks.log.read_text()


def test_three_kills_in_one_run(forks: Any, asked: list[object], batch_server: Any, rows: Any, hold: Any) -> None:
    for when, line in (
        ("after", "POST /v1/batches"),
        ("before", "POST /v1/files"),
        ("after", "GET /v1/batches/batch_0"),
    ):
        waiting = batch_server.holds[when, line] = hold()
        pid = forks.start(asked, _SHORT)
        wait_for(waiting.reached.is_set)
        kill(forks, pid)
        waiting.let_go()
    finish(forks, asked, batch_server, rows)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_says_what_goes_on_and_which_command_fetches_it(
    forks: Any, asked: list[object], batch_server: Any, rows: Any, parts: Any, tmp_path: Path, number: int
) -> None:
    batch_server.looks = 10**6
    pid = forks.start([*asked, "--quiet"], _SHORT)
    wait_for(lambda: batch_server.looked["batch_1"] > 2)
    os.kill(pid, number)
    assert forks.end(pid) == 130
    said = forks.log.read_text()
    assert "6 articles are in 2 batches (batch_0, batch_1), which the service goes on with." in said
    assert re.search(r"Fetch them: bench baseline openai:small .* --batch\n", said)
    assert "Traceback" not in said
    assert len(parts()) == 2
    assert '"state": "interrupted"' in (tmp_path / "run" / "run.json").read_text()
    batch_server.looks = 1
    finish(forks, asked, batch_server, rows)


def foreign(server: Any) -> None:
    """Batches of other people's making, newer than the run's: the listing has two a page."""
    for number in range(5):
        made = {"id": f"batch_x{number}", "object": "batch", "created_at": int(time.time()), "status": "failed"}
        server.batches.append({**made, "metadata": None if number % 2 else {"bioreview_part": "other"}})


@pytest.mark.parametrize("answers", [{"lost": 1}, {"told": (500, {})}, {"told": (429, {})}, {"told": (200, b"<html>")}])
def test_an_answer_that_was_lost_is_looked_for_before_a_batch_is_asked_for_again(
    api: Any, batch_server: Any, rows: Any, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any]
) -> None:
    work = batch_server.work

    def crowded(line: str, *given: Any) -> Any:
        done = work(line, *given)
        if line == "POST /v1/batches":
            foreign(batch_server)
        return done

    monkeypatch.setattr(batch_server, "work", crowded)
    batch_server.lost["POST /v1/batches"] = answers.get("lost", 0)
    batch_server.replies["POST /v1/batches"] = [answers["told"]] if "told" in answers else []
    done = api()
    assert done.code == 0, done.err
    assert len(rows()) == 6
    own = [batch for batch in batch_server.batches if batch["status"] != "failed"]
    assert len(own) == 1
    asked = [request["line"] for request in batch_server.requests]
    assert asked.count("POST /v1/batches") == (1 if "lost" in answers else 2)
    assert "GET /v1/batches" in asked


@pytest.mark.parametrize(
    "line", ["POST /v1/files", "GET /v1/batches/batch_0", "GET /v1/files/file-1/content"]
)  # fmt: skip
@pytest.mark.parametrize("trouble", ["lost", 500, 429])
def test_calls_without_harm_are_tried_again(api: Any, batch_server: Any, rows: Any, line: str, trouble: Any) -> None:
    if trouble == "lost":
        batch_server.lost[line] = 2
    else:
        batch_server.replies[line] = [(trouble, {"error": {"message": "later"}})] * 2
    assert api().code == 0
    assert [row["status"] for row in rows()] == ["ok"] * 6
    assert set(batch_server.submitted().values()) == {1}


@pytest.mark.parametrize(("line", "status"), [("POST /v1/files", 401), ("POST /v1/batches", 404)])
def test_a_refusal_leaves_nothing_that_looks_like_a_run(
    api: Any, batch_server: Any, secret: str, tmp_path: Path, line: str, status: int
) -> None:
    batch_server.replies[line] = [(status, {"error": {"message": f"No: {secret}"}})]
    done = api()
    assert (done.code, f"answered {status}: No" in done.err, secret in done.err) == (5, True, False)
    assert not (tmp_path / "run").exists()


def test_a_batch_that_the_key_cannot_see_stops_without_loss(api: Any, batch_server: Any, rows: Any, parts: Any) -> None:
    batch_server.replies["GET /v1/batches/batch_0"] = [(404, {"error": {"message": "No batch"}})]
    done = api()
    assert done.code == 5
    assert "Batch batch_0 of 6 articles cannot be read" in done.err
    assert "batches.json" in done.err
    assert parts()[0]["batch_id"] == "batch_0"
    assert api().code == 0
    assert len(rows()) == 6
    assert len(batch_server.batches) == 1


@pytest.mark.parametrize(
    "content", ["", "{}", '{"schema_version": 2, "parts": []}', '{"schema_version": 1, "parts": [{"key": 3}]}', "[1]"]
)
def test_a_damaged_ledger_stops_before_anything_is_sent(
    api: Any, batch_server: Any, tmp_path: Path, content: str
) -> None:
    batch_server.replies["GET /v1/batches/batch_0"] = [(404, {"error": {"message": "No batch"}})]
    assert api().code == 5
    (tmp_path / "run" / "batches.json").write_text(content)
    before = len(batch_server.requests)
    done = api()
    assert (done.code, "paid for twice" in done.err) == (2, True), done.err
    assert len(batch_server.requests) == before
