"""Best of many does not rank: marks come before scores, trials and quotas are the team's, copies change nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bioreview_bench.leaderboard.ranking.build import load_system, load_table
from bioreview_bench.leaderboard.store.common import NotFound, QuotaReached, WrongState
from bioreview_bench.leaderboard.store.settings import get_settings, put_settings
from bioreview_bench.leaderboard.store.status import status, status_for
from bioreview_bench.leaderboard.store.submissions import (
    count_refused,
    disqualify,
    mark,
    receive,
    withdraw,
)
from bioreview_bench.leaderboard.worker.run import score_due

Make = Callable[..., Any]


@pytest.fixture
def team(board: Any, add_submitter: Make) -> tuple[Any, Any]:
    """Two users of one team."""
    return add_submitter(board, "ann", "T"), add_submitter(board, "al", "T")


def rows(board: Any) -> dict[str, Any]:
    return {row.submission: row for row in load_table(board, "test", "jaccard").rows}


def test_a_mark_after_the_first_score_of_any_user_or_version_is_refused(
    board: Any, team: tuple[Any, Any], make_package: Make, demo_predictions: Make
) -> None:
    ann, al = team
    first = ann.submit(make_package("A"))
    waiting = al.submit(make_package("B", demo_predictions("careful") + b"\n"))
    mark(board, waiting, al.user)  # nothing is scored yet
    withdraw(board, waiting, al.user)
    score_due(board)
    later = al.submit(make_package("A", demo_predictions("generic"), system_version="2.0"))
    for choose in (
        lambda: mark(board, later, al.user),
        lambda: al.receive(make_package("A", system_version="3.0"), marked=True),
        lambda: ann.receive(make_package("Another", demo_predictions("generic")), marked=True),
    ):
        with pytest.raises(WrongState, match="a mark comes before the first"):
            choose()
    score_due(board)
    assert {one: row.band is not None for one, row in rows(board).items()} == {first: True, later: False}


def test_withdrawing_a_marked_one_after_a_look_frees_no_place(
    board: Any, team: tuple[Any, Any], make_package: Make
) -> None:
    ann, al = team
    looked = ann.submit(make_package("A"))
    hedge = al.submit(make_package("B"), marked=True)
    from bioreview_bench.leaderboard.store.leases import claim
    from bioreview_bench.leaderboard.worker.run import Work

    work = Work(board, None, lambda words: None)
    taken = claim(board, work.name)
    assert taken is not None
    assert taken.id == looked
    assert work._score(taken)
    withdraw(board, hedge, al.user)  # having seen the score of `looked`
    score_due(board)
    [row] = rows(board).values()
    assert (row.submission, row.band) == (looked, None)
    assert "it withdrew that one" in row.why_unranked


def test_a_mark_taken_back_before_any_score_binds_nobody(board: Any, team: tuple[Any, Any], make_package: Make) -> None:
    ann, al = team
    withdraw(board, ann.submit(make_package("A"), marked=True), ann.user)
    kept = al.submit(make_package("B"))
    score_due(board)
    assert rows(board)[kept].band == 1


def test_a_trial_is_scored_for_its_team_and_stands_nowhere(
    board: Any, team: tuple[Any, Any], add_submitter: Make, make_package: Make, demo_predictions: Make
) -> None:
    ann, al = team
    ranked = ann.submit(make_package("A"))
    trial, created = receive(board, al.user.id, "test", make_package("B", demo_predictions("generic")), trial=True)
    assert created
    score_due(board)
    found = status_for(board, trial, ann.user)
    assert (found.trial, found.state, len(found.results)) == (True, "scored", 1)
    with pytest.raises(Exception, match="belongs to somebody else"):
        status_for(board, trial, add_submitter(board, "eve").user)
    assert set(rows(board)) == {ranked}
    with pytest.raises(NotFound):
        load_system(board, trial)
    view, _ = load_system(board, ranked)
    assert [one.submission for one in view.history] == [ranked]


def test_a_trial_shows_no_figures_before_the_ranked_submission_has_its_own(
    board: Any, team: tuple[Any, Any], make_package: Make
) -> None:
    ann, al = team
    trial, _ = receive(board, ann.user.id, "test", make_package("A"), trial=True)
    score_due(board)
    assert status(board, trial).results == ()
    assert "once the submission that ranks for the team" in status(board, trial).meaning
    real = al.submit(make_package("A"), marked=True)  # the same file: not the same submission, and still free to rank
    assert real != trial
    score_due(board)
    assert len(status(board, trial).results) == 1
    assert rows(board)[real].band == 1


def test_a_trial_cannot_be_marked(board: Any, team: tuple[Any, Any], make_package: Make) -> None:
    ann, _ = team
    trial, _ = receive(board, ann.user.id, "test", make_package("A"), trial=True)
    with pytest.raises(WrongState, match="never ranks"):
        mark(board, trial, ann.user)
    with pytest.raises(WrongState, match="never ranks"):
        receive(board, ann.user.id, "test", make_package("B"), marked=True, trial=True)


def test_a_disqualified_submission_stays_listed_with_the_reason_and_frees_no_place(
    board: Any, team: tuple[Any, Any], add_submitter: Make, make_package: Make, demo_predictions: Make
) -> None:
    ann, al = team
    bad, second = ann.submit(make_package("A")), al.submit(make_package("B", demo_predictions("generic")))
    other = add_submitter(board, "bo").submit(make_package("C"))
    score_due(board)
    disqualify(board, bad, "It copies the references.")
    score_due(board)
    found = rows(board)
    assert (found[bad].band, found[bad].disqualified) == (None, "It copies the references.")
    assert found[bad].why_unranked == "Disqualified: It copies the references."
    assert found[second].band is None
    assert found[other].band == 1
    disqualify(board, bad, None)
    score_due(board)
    assert rows(board)[bad].band is not None


@pytest.mark.usefixtures("midday")
def test_a_second_user_of_a_team_has_no_second_quota(board: Any, team: tuple[Any, Any], make_package: Make) -> None:
    limits = get_settings(board).limits.model_copy(update={"per_day": 2})
    put_settings(board, get_settings(board).model_copy(update={"limits": limits}))
    ann, al = team
    ann.receive(make_package("A"))
    al.receive(make_package("B"))
    for one in team:
        with pytest.raises(QuotaReached, match="T are used up"):
            one.receive(make_package("C"))


@pytest.mark.usefixtures("midday")
def test_uploads_refused_at_the_door_count_for_the_team(board: Any, team: tuple[Any, Any], make_package: Make) -> None:
    limits = get_settings(board).limits.model_copy(update={"uploads_per_day": 3})
    put_settings(board, get_settings(board).model_copy(update={"limits": limits}))
    ann, al = team
    count_refused(board, ann.user)
    count_refused(board, al.user)
    ann.receive(make_package("A"))
    with pytest.raises(QuotaReached, match="refused ones counted"):
        count_refused(board, al.user)
    with pytest.raises(QuotaReached):
        al.receive(make_package("B"))
