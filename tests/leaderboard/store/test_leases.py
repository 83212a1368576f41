"""Leases: one worker at a time, nothing stuck behind a dead one, exactly one result whoever comes late."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from bioreview_bench.leaderboard.intake.check import validate_all_received, validate_received
from bioreview_bench.leaderboard.store.leases import (
    MAX_ATTEMPTS,
    Claim,
    extend,
    fail,
    give_back,
    is_dead,
    release_stale,
    worker_name,
)
from bioreview_bench.leaderboard.store.leases import claim as claim_next
from bioreview_bench.leaderboard.store.models import ResultCounts, ResultRow, Submission
from bioreview_bench.leaderboard.store.status import status
from bioreview_bench.leaderboard.store.submissions import Scored, record_results, requeue, unpack, withdraw
from bioreview_bench.leaderboard.worker.score import Scorer

ELSEWHERE = "other-host/1.0/4242/77/abcdef01"


@pytest.fixture(scope="session")
def dead_worker() -> str:
    """The name of a worker whose process has ended."""
    code = "from bioreview_bench.leaderboard.store.leases import worker_name; print(worker_name())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def scored(board: Any, make_package: Callable[..., Any], card_fields: Any) -> Callable[..., list[Scored]]:
    """Results of the demo predictions under the board's contract, of some system."""
    scorer = Scorer(board, None, lambda done, total: None)
    content = make_package().predictions

    def build(name: str = "Careful") -> list[Scored]:
        return scorer.score(Claim("", "test", "", "", card_fields(name), 1), content)

    return build


def events(board: Any, submission_id: str) -> list[tuple[str, str | None]]:
    return [(event.state, event.reason) for event in status(board, submission_id).events]


def n_results(board: Any) -> int:
    with board.reading() as session:
        return int(session.scalar(select(func.count()).select_from(ResultRow)))


def expire(board: Any, submission_id: str) -> None:
    with board.session() as session:
        row = session.get(Submission, submission_id)
        row.leased_until -= timedelta(hours=1)


def test_a_living_process_is_not_dead_and_strangers_are_not_judged(dead_worker: str) -> None:
    assert len(worker_name()) <= 100
    assert worker_name() != worker_name()
    assert not is_dead(worker_name())
    assert is_dead(dead_worker)
    assert not is_dead(ELSEWHERE)
    reused = worker_name().split("/")
    reused[3] = str(int(reused[3]) - 1)  # the same process id, of an earlier process
    assert is_dead("/".join(reused))
    for odd in ("", "w", "a/b/c/d/e", "/////"):
        assert not is_dead(odd)


def test_the_least_tried_then_the_oldest_is_taken_first(
    either_board: Any, add_submitter: Any, make_package: Any
) -> None:
    ann = add_submitter(either_board)
    ids = [ann.submit(make_package(f"System {number}")) for number in range(3)]
    first = claim_next(either_board, ELSEWHERE)
    assert first is not None
    assert (first.id, first.attempt, first.split, first.card["system_name"]) == (ids[0], 1, "test", "System 0")
    expire(either_board, ids[0])
    assert release_stale(either_board) == [ids[0]]
    order = [claim_next(either_board, ELSEWHERE) for _ in range(4)]
    assert [claim and (claim.id, claim.attempt) for claim in order] == [(ids[1], 1), (ids[2], 1), (ids[0], 2), None]


def test_many_workers_never_take_the_same(either_board: Any, add_submitter: Any, make_package: Any) -> None:
    ann = add_submitter(either_board)
    ids = [ann.submit(make_package(f"System {number}")) for number in range(24)]
    taken: list[str] = []

    def work(name: str) -> None:
        while (claim := claim_next(either_board, name)) is not None:
            taken.append(claim.id)

    threads = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(ids)


def test_a_result_is_recorded_by_the_holder_only(
    either_board: Any, add_submitter: Any, make_package: Any, scored: Callable[..., list[Scored]]
) -> None:
    submission_id = add_submitter(either_board).submit(make_package())
    assert not record_results(either_board, submission_id, "mine", scored())
    claim_next(either_board, "mine", seconds=60)
    assert extend(either_board, submission_id, "mine")
    assert not extend(either_board, submission_id, "other")
    assert not record_results(either_board, submission_id, "other", scored())
    assert n_results(either_board) == 0
    assert record_results(either_board, submission_id, "mine", scored())
    assert not record_results(either_board, submission_id, "mine", scored())
    found = status(either_board, submission_id)
    assert (found.state, n_results(either_board), len(found.results)) == ("scored", 1, 1)
    [one] = scored()
    record = one.record
    assert found.results[0].f1.value == round(record.overall.f1 or 0, 3)
    assert found.results[0].f1.bounds == one.extras["intervals"]["overall.f1"]  # not the record's, of a public seed
    with either_board.reading() as session:
        assert unpack(session.scalars(select(ResultRow.record)).one()).overall == record.overall


def test_a_status_names_no_article_and_no_reference(
    board: Any, add_submitter: Any, make_package: Any, scored: Callable[..., list[Scored]]
) -> None:
    from bioreview_bench import load_split

    submission_id = add_submitter(board).submit(make_package())
    claim_next(board, "mine")
    record_results(board, submission_id, "mine", scored())
    text = status(board, submission_id).model_dump_json()
    for article in load_split("demo", "test"):
        assert article.id not in text
        assert not any(concern.concern_text[:40] in text for concern in article.concerns)


def test_a_worker_that_died_here_is_noticed_at_once(
    either_board: Any, add_submitter: Any, make_package: Any, dead_worker: str
) -> None:
    ann = add_submitter(either_board)
    mine, elsewhere, living = (ann.submit(make_package(name)) for name in ("A", "B", "C"))
    for name in (dead_worker, ELSEWHERE, worker_name()):
        claim_next(either_board, name)
    assert release_stale(either_board) == [mine]
    assert events(either_board, mine)[-2:] == [("scoring", None), ("queued", "the worker ended while scoring it")]
    expire(either_board, elsewhere)
    assert release_stale(either_board) == [elsewhere]
    assert status(either_board, living).state == "scoring"
    assert release_stale(either_board) == []


def test_a_late_worker_changes_nothing(
    board: Any, add_submitter: Any, make_package: Any, scored: Callable[..., list[Scored]]
) -> None:
    submission_id = add_submitter(board).submit(make_package())
    claim_next(board, ELSEWHERE)
    expire(board, submission_id)
    release_stale(board)
    claim_next(board, "second")
    assert not record_results(board, submission_id, ELSEWHERE, scored())
    assert not fail(board, submission_id, ELSEWHERE, "too late")
    assert not give_back(board, submission_id, ELSEWHERE, "too late")
    assert record_results(board, submission_id, "second", scored())
    assert n_results(board) == 1


def test_a_submission_that_kills_every_worker_is_given_up(
    either_board: Any, add_submitter: Any, make_package: Any
) -> None:
    ann = add_submitter(either_board)
    submission_id = ann.submit(make_package())
    for _ in range(MAX_ATTEMPTS):
        assert claim_next(either_board, ELSEWHERE) is not None
        expire(either_board, submission_id)
        release_stale(either_board)
    assert claim_next(either_board, ELSEWHERE) is None
    found = status(either_board, submission_id)
    assert (found.state, found.reason) == ("failed", f"the worker ended {MAX_ATTEMPTS} times while scoring it")
    requeue(either_board, submission_id, "fixed")
    claim = claim_next(either_board, ELSEWHERE)
    assert claim is not None
    assert claim.attempt == 1


def test_giving_back_counts_no_attempt(board: Any, add_submitter: Any, make_package: Any) -> None:
    submission_id = add_submitter(board).submit(make_package())
    for _ in range(2 * MAX_ATTEMPTS):
        claim = claim_next(board, "mine")
        assert claim is not None
        assert claim.attempt == 1
        assert give_back(board, submission_id, "mine", "the worker was stopped")
    assert status(board, submission_id).state == "queued"


def test_what_is_withdrawn_while_it_is_scored_gets_no_result(
    either_board: Any, add_submitter: Any, make_package: Any, scored: Callable[..., list[Scored]]
) -> None:
    ann = add_submitter(either_board)
    submission_id = ann.submit(make_package())
    claim_next(either_board, "mine")
    withdraw(either_board, submission_id, ann.user)
    assert not extend(either_board, submission_id, "mine")
    assert not record_results(either_board, submission_id, "mine", scored())
    assert (n_results(either_board), status(either_board, submission_id).state) == (0, "withdrawn")


def test_scoring_again_replaces_a_result_and_its_counts(
    either_board: Any, add_submitter: Any, make_package: Any, scored: Callable[..., list[Scored]]
) -> None:
    ann = add_submitter(either_board)
    ids = [ann.submit(make_package(name)) for name in ("A", "B")]
    for submission_id in ids:
        claim_next(either_board, "mine")
        record_results(either_board, submission_id, "mine", scored())
    with either_board.session() as session:
        a, b = session.scalars(select(ResultRow.id).order_by(ResultRow.id)).all()
        session.add_all([ResultCounts(result_id=one, content=b"counts") for one in (a, b)])
    requeue(either_board, ids[0], "again")
    claim_next(either_board, "mine")
    newer = scored("Renamed")
    record_results(either_board, ids[0], "mine", newer)
    with either_board.reading() as session:
        assert session.scalars(select(ResultCounts.result_id)).all() == [b]
        kept = session.scalars(select(ResultRow.record).where(ResultRow.submission_id == ids[0])).one()
    assert unpack(kept).system.name == "Renamed"
    assert n_results(either_board) == 2


def test_a_check_that_was_killed_is_done_again(
    either_board: Any, add_submitter: Any, make_package: Any, dead_worker: str
) -> None:
    from bioreview_bench.leaderboard.store.common import find, move
    from bioreview_bench.leaderboard.store.leases import hold

    submission_id = add_submitter(either_board).receive(make_package())
    with either_board.session() as session:
        row = find(session, submission_id)
        move(session, row, "validating", None)
        hold(row, dead_worker, 60)
    assert validate_received(either_board, submission_id) == "validating"
    assert release_stale(either_board) == [submission_id]
    assert validate_all_received(either_board) == [submission_id]
    states = [state for state, _ in events(either_board, submission_id)]
    assert states == ["received", "validating", "received", "validating", "queued"]


def test_a_check_that_fails_unforeseen_is_not_lost_and_not_repeated_for_ever(
    board: Any, add_submitter: Any, make_package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission_id = add_submitter(board).receive(make_package())

    def broken(*arguments: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("bioreview_bench.leaderboard.intake.check.validate", broken)
        for _ in range(MAX_ATTEMPTS):
            with pytest.raises(ZeroDivisionError):
                validate_all_received(board)
            assert status(board, submission_id).state == "received"
        assert validate_all_received(board) == []
    assert validate_received(board, submission_id) == "queued"


def test_the_machine_this_runs_on_can_tell_processes_apart() -> None:
    assert worker_name().split("/")[2:4][0] == str(os.getpid())
