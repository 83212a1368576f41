"""A clock that jumps, back or ahead, loses nothing, stops nothing for long and gives no quota away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bioreview_bench.leaderboard.store import common, leases, submissions
from bioreview_bench.leaderboard.store.leases import claim, extend, fail, release_stale
from bioreview_bench.leaderboard.store.settings import get_settings, put_settings
from bioreview_bench.leaderboard.store.status import status
from bioreview_bench.leaderboard.store.submissions import QuotaReached

ELSEWHERE = "other-host/1.0/4242/77/abcdef01"  # nobody here can know whether it runs
NOON = datetime(2026, 7, 15, 12, tzinfo=UTC)
SetClock = Callable[[timedelta], None]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Sets the clock of the store to noon and so much."""

    def to(since_noon: timedelta) -> None:
        for module in (common, submissions, leases):
            monkeypatch.setattr(module, "now", lambda: NOON + since_noon)

    to(timedelta(0))
    return to


def test_a_lease_of_before_an_hour_back_ends_after_a_minute(
    set_clock: SetClock, either_board: Any, add_submitter: Any, make_package: Any
) -> None:
    submission_id = add_submitter(either_board).submit(make_package())
    claim(either_board, ELSEWHERE)  # and is killed
    set_clock(timedelta(hours=-1))
    assert release_stale(either_board) == []
    set_clock(timedelta(hours=-1, seconds=61))
    assert release_stale(either_board) == [submission_id]
    assert status(either_board, submission_id).state == "queued"


def test_a_live_worker_keeps_its_lease_when_the_clock_is_set_back(
    set_clock: SetClock, either_board: Any, add_submitter: Any, make_package: Any
) -> None:
    submission_id = add_submitter(either_board).submit(make_package())
    claim(either_board, ELSEWHERE)
    set_clock(timedelta(hours=-1))
    release_stale(either_board)
    for minutes in range(3):
        assert extend(either_board, submission_id, ELSEWHERE)
        set_clock(timedelta(hours=-1, minutes=minutes, seconds=45))
        assert release_stale(either_board) == []


def test_a_day_ahead_frees_a_lease_once_and_the_slow_worker_records_nothing(
    set_clock: SetClock, either_board: Any, add_submitter: Any, make_package: Any
) -> None:
    submission_id = add_submitter(either_board).submit(make_package())
    claim(either_board, ELSEWHERE)
    set_clock(timedelta(days=1))
    assert release_stale(either_board) == [submission_id]
    assert not extend(either_board, submission_id, ELSEWHERE)
    assert not fail(either_board, submission_id, ELSEWHERE, "late")
    again = claim(either_board, "mine")
    assert again is not None
    assert (again.id, again.attempt) == (submission_id, 2)
    assert release_stale(either_board) == []


def test_what_came_while_the_clock_was_ahead_uses_up_no_other_days(
    set_clock: SetClock, either_board: Any, add_submitter: Any, make_package: Any
) -> None:
    settings = get_settings(either_board)
    limits = settings.limits.model_copy(update={"per_day": 2})
    put_settings(either_board, settings.model_copy(update={"limits": limits}))
    ann = add_submitter(either_board)
    set_clock(timedelta(days=30))
    for number in range(2):
        ann.submit(make_package(f"Ahead {number}"))
    set_clock(timedelta(0))
    for number in range(2):
        ann.submit(make_package(f"Today {number}"))
    with pytest.raises(QuotaReached):
        ann.submit(make_package("One too many"))
    set_clock(timedelta(hours=-1))
    with pytest.raises(QuotaReached):
        ann.submit(make_package("An hour back, on the same day"))
