"""What decides by order goes by the order in which things came, though the clock was set back between them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.leaderboard import boards
from bioreview_bench.leaderboard.archive.export import export_board
from bioreview_bench.leaderboard.archive.import_ import import_board
from bioreview_bench.leaderboard.intake.check import validate_all_received
from bioreview_bench.leaderboard.ranking.build import load_table, rebuild_table
from bioreview_bench.leaderboard.store import common, leases, submissions
from bioreview_bench.leaderboard.store.leases import claim
from bioreview_bench.leaderboard.store.status import status, submissions_of
from bioreview_bench.leaderboard.store.submissions import submissions_with
from bioreview_bench.leaderboard.worker.run import rebuild_tables, score_due

Make = Callable[..., Any]


@pytest.fixture
def clock_going_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is set back by an hour whenever somebody looks at it."""
    hours = itertools.count()
    for module in (common, submissions, leases):
        monkeypatch.setattr(module, "now", lambda: datetime(2026, 7, 15, tzinfo=UTC) - timedelta(hours=next(hours)))


def _packages(make_package: Make) -> list[Any]:
    """Three that differ in one concern of many, the best one last."""
    return [make_package(f"System {number}") for number in range(3)]


def test_the_queue_is_in_order_of_arrival(
    clock_going_back: None, either_board: Any, add_submitter: Make, make_package: Make
) -> None:
    ann = add_submitter(either_board)
    sent = [ann.receive(one) for one in _packages(make_package)]
    assert submissions_with(either_board, ("received",)) == sent
    assert validate_all_received(either_board) == sent
    assert [one.id for one in submissions_of(either_board, ann.user.id)] == sent[::-1]
    claimed = [claim(either_board, "w") for _ in sent]
    assert [one.id for one in claimed if one is not None] == sent


def test_the_first_of_a_team_ranks_and_the_later_is_the_near_copy(
    clock_going_back: None, board: Any, add_submitter: Make, make_package: Make
) -> None:
    ann = add_submitter(board)
    sent = [ann.submit(one) for one in _packages(make_package)]
    score_due(board)
    bands = {row.submission: row.band for row in load_table(board, "test", "jaccard").rows}
    assert bands == {sent[0]: 1, sent[1]: None, sent[2]: None}
    assert [status(board, one).facts["n_near"] for one in sent] == [0, 1, 2]


def test_among_equals_the_earlier_stands_first(
    clock_going_back: None, board: Any, add_submitter: Make, make_package: Make
) -> None:
    sent = [add_submitter(board, f"user{n}").submit(one) for n, one in enumerate(_packages(make_package))]
    score_due(board)
    assert [row.submission for row in load_table(board, "test", "jaccard").rows] == sent


def test_an_export_keeps_the_order(
    clock_going_back: None, board: Any, add_submitter: Make, make_package: Make, open_database: Make, tmp_path: Any
) -> None:
    ann = add_submitter(board)
    sent = [ann.submit(one) for one in _packages(make_package)]
    score_due(board)
    export_board(board, tmp_path / "a.zip")
    other = open_database(tmp_path / "other.sqlite")
    import_board(other, tmp_path / "a.zip")
    rebuild_tables(other)
    assert submissions_with(other, ("scored",)) == sent
    assert load_table(other, "test", "jaccard") == load_table(board, "test", "jaccard")


def test_results_under_a_changed_contract_take_the_place_of_older_ones(
    clock_going_back: None, board: Any, add_submitter: Make, make_package: Make, tmp_path: Any
) -> None:
    ann = add_submitter(board)
    submission, shown = ann.submit(make_package()), []
    for threshold in (0.1, 0.9):
        replace(Contract.load("jaccard"), name="mine", threshold=threshold).save(tmp_path / "mine.toml")
        boards.alter(board, {}, {}, (str(tmp_path / "mine.toml"),), ())
        if shown:
            submissions.requeue(board, submission, "the contract changed")
        score_due(board)
        rebuild_table(board, "test", "mine")
        shown.append(load_table(board, "test", "mine").rows[0])
        mine = [one for one in status(board, submission).results if one.contract == "mine"]
        assert [one.signature for one in mine] == [shown[-1].signature]
    assert shown[0].signature != shown[1].signature
    assert shown[0].f1.value > shown[1].f1.value
