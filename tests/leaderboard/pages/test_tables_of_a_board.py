"""Tables made from a database: of SQLite and PostgreSQL, after changes, and while others write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bioreview_bench.leaderboard.intake.check import validate_received
from bioreview_bench.leaderboard.ranking import build as ranking
from bioreview_bench.leaderboard.ranking.build import load_system, load_table, rebuild_table
from bioreview_bench.leaderboard.ranking.pairs import pairs_among, pairs_of
from bioreview_bench.leaderboard.store.common import NotFound, WrongState
from bioreview_bench.leaderboard.store.models import KeptTests, ResultCounts, StoredTable, SystemTests
from bioreview_bench.leaderboard.store.submissions import mark, receive, withdraw
from bioreview_bench.leaderboard.store.users import find_user
from bioreview_bench.leaderboard.worker.run import Work
from bioreview_bench.leaderboard.worker.tables import rebuild_tables


def test_a_board_of_either_database_has_the_same_table(
    either_board: Any,
    add_submitter: Callable[..., Any],
    make_package: Callable[..., Any],
    content_of: Callable[[float], bytes],
) -> None:
    for name, share in (("Low", 0.2), ("High", 0.9)):
        add_submitter(either_board, name).submit(make_package(name, content_of(share)))
    Work(either_board, None, lambda words: None).score_due()
    table = load_table(either_board, "test", "jaccard")
    assert [(row.system, row.band) for row in table.rows] == [("High", 1), ("Low", 2)]
    assert (table.n_articles, table.data, table.ranking) == (12, "demo", True)
    high, low = (row.submission for row in table.rows)
    [test] = pairs_of(either_board, "test", "jaccard", high)
    assert (test.a, test.b, test.significant) == (high, low, True)
    assert test.delta_f1 == pytest.approx(table.rows[0].f1.value - table.rows[1].f1.value)
    turned = test.model_copy(update={"a": low, "b": high, "delta_f1": -test.delta_f1})
    assert pairs_among(either_board, "test", "jaccard", [low, high]) == (turned,)


def test_nothing_that_a_team_sends_later_changes_its_ranked_row(
    either_board: Any,
    add_submitter: Callable[..., Any],
    make_package: Callable[..., Any],
    content_of: Callable[[float], bytes],
) -> None:
    ann, amy = (add_submitter(either_board, name, team="Ann's lab") for name in ("ann", "amy"))
    add_submitter(either_board, "bo").submit(make_package("Rival", content_of(0.4)))

    def ranked() -> list[dict[str, Any]]:
        Work(either_board, None, lambda words: None).score_due()
        rows = load_table(either_board, "test", "jaccard").rows
        return [row.model_dump(exclude={"n_team_submissions"}) for row in rows if row.band is not None]

    first = ann.submit(make_package("A", content_of(0.3)))
    before = ranked()
    padded = content_of(0.3).replace(b'"unrelated zebra quark remark"', b'"unrelated zebra", "padding of another kind"')
    others = [
        ann.submit(make_package("A", content_of(0.9), system_version="2.0")),
        ann.submit(make_package("A", padded, system_version="1.0.1")),
        amy.submit(make_package("A", content_of(0.95))),
        amy.submit(make_package("Another name", padded)),
    ]
    assert ranked() == before
    for user, submission in ((ann, others[0]), (amy, others[2])):
        with pytest.raises(WrongState):
            mark(either_board, submission, user.user)
    with pytest.raises(WrongState):
        amy.receive(make_package("A", content_of(1.0)), marked=True)
    trial, _ = receive(either_board, amy.user.id, "test", make_package("A", content_of(1.0)), trial=True)
    assert validate_received(either_board, trial) == "queued"
    assert ranked() == before
    assert first in {row["submission"] for row in before}
    withdraw(either_board, first, ann.user)
    assert ann.receive(make_package("A", content_of(0.3))) == first  # sent again, it is the withdrawn one
    assert [row["team"] for row in ranked()] == ["team bo"]


def test_an_empty_table_says_what_it_is_about(board: Any) -> None:
    table = load_table(board, "test", "jaccard")
    assert (table.rows, table.n_articles, table.n_references, table.signature) == ((), 12, None, None)


@pytest.mark.parametrize(("split", "contract"), [("train", "jaccard"), ("test", "v3"), ("", ""), ("../x", "jaccard")])
def test_a_table_that_the_board_does_not_have_is_not_found(board: Any, split: str, contract: str) -> None:
    with pytest.raises(NotFound):
        load_table(board, split, contract)


def test_tests_stand_beside_the_table_and_are_not_made_again(
    scored_board: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = load_table(scored_board, "test", "jaccard")
    ranked = [row.submission for row in table.rows if row.band is not None]
    with scored_board.reading() as session:
        assert session.query(ResultCounts).count() == session.query(SystemTests).count() == len(ranked) == 4
        assert "p_value" not in str(session.get(StoredTable, ("test", "jaccard")).content)

    def fail(*given: Any) -> None:
        raise AssertionError("a known test was made again")

    monkeypatch.setattr("bioreview_bench.stats.max_t._Sums.differences", fail)
    assert rebuild_table(scored_board, "test", "jaccard") == table


def test_a_page_reads_the_tests_of_the_systems_that_it_shows(scored_board: Any) -> None:
    rows = load_table(scored_board, "test", "jaccard").rows
    first, second, third, fourth = (row.submission for row in rows if row.band is not None)
    unranked = next(row.submission for row in rows if row.band is None)
    where = (scored_board, "test", "jaccard")
    assert [test.b for test in pairs_of(*where, second)] == [first, third, fourth]
    assert [(test.a, test.b) for test in pairs_among(*where, [fourth, second, unranked, first])] == [
        (fourth, second),
        (fourth, first),
        (second, first),
    ]
    assert pairs_of(*where, unranked) == pairs_of(*where, "s_x") == ()
    assert pairs_among(*where, [first, unranked]) == pairs_among(*where, [first, first]) == ()


def test_what_was_kept_of_tests_can_be_lost_and_is_made_again(scored_board: Any) -> None:
    table = load_table(scored_board, "test", "jaccard")
    where = (scored_board, "test", "jaccard")
    before = pairs_of(*where, table.rows[0].submission)
    for model in (ResultCounts, KeptTests, SystemTests):
        with scored_board.session() as session:
            session.query(model).delete()
        assert rebuild_table(*where) == table
        assert pairs_of(*where, table.rows[0].submission) == before


def test_a_withdrawal_leaves_the_tests_of_the_others(scored_board: Any) -> None:
    """What stays is tested as if the other had never been there, and coming back changes nothing either."""
    where = (scored_board, "test", "jaccard")
    gone, *others = (row for row in load_table(*where).rows if row.band is not None)
    withdraw(scored_board, gone.submission, find_user(scored_board, f"user-{gone.system}"))
    rebuild_tables(scored_board)
    left = pairs_of(*where, others[0].submission)
    assert [test.b for test in left] == [row.submission for row in others[1:]]
    with scored_board.session() as session:
        session.query(KeptTests).delete()
    rebuild_table(*where)
    assert pairs_of(*where, others[0].submission) == left


def test_a_table_that_was_overtaken_while_it_was_made_is_made_anew(
    scored_board: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A withdrawal between reading and writing must not be undone by an older table."""
    row = load_table(scored_board, "test", "jaccard").rows[-1]
    user = find_user(scored_board, f"user-{row.system.split()[0]}")
    real, calls = ranking.board_table, []

    def slow(*given: Any) -> Any:
        made = real(*given)
        calls.append(made)
        if len(calls) == 1:
            withdraw(scored_board, row.submission, user)
        return made

    monkeypatch.setattr(ranking, "board_table", slow)
    table = rebuild_table(scored_board, "test", "jaccard")
    assert len(calls) == 2
    assert row.submission not in {one.submission for one in table.rows}
    with scored_board.reading() as session:
        kept = session.get(StoredTable, ("test", "jaccard"))
    assert row.submission not in str(kept.content)


def test_results_of_an_older_signature_wait_and_are_announced(
    make_board: Callable[..., Any],
    add_submitter: Callable[..., Any],
    make_package: Callable[..., Any],
    content_of: Callable[[float], bytes],
    tmp_path: Any,
) -> None:
    from sqlalchemy import select

    from bioreview_bench.leaderboard.store.models import ResultRow

    board = make_board(tmp_path / "old.sqlite")
    ids = {}
    for name in ("One", "Two"):
        ids[name] = add_submitter(board, name).submit(make_package(name, content_of(0.5)))
    Work(board, None, lambda words: None).score_due()
    with board.session() as session:
        row = session.scalars(select(ResultRow).where(ResultRow.submission_id == ids["One"])).one()
        row.signature = row.signature.replace("thr:", "thr:9")
    table = rebuild_table(board, "test", "jaccard")
    assert [row.system for row in table.rows] == ["Two"]
    assert any(sentence.startswith("One system has results of an earlier signature") for sentence in table.notice)


def test_the_page_of_a_system_has_its_team_s_history_and_no_contact(scored_board: Any) -> None:
    row = next(row for row in load_table(scored_board, "test", "jaccard").rows if row.system == "Alpha")
    view, tables = load_system(scored_board, row.submission)
    assert [(one.system, one.ranked) for one in view.history] == [("Alpha", True), ("Alpha again", False)]
    assert view.scores[0].row == row
    assert view.scores[0].after_cutoff.reason == "the card states no training cut-off"
    assert "contact" not in view.card
    assert "someone@example.org" not in view.model_dump_json()
    assert [table.contract for table in tables] == ["jaccard"]


def test_what_was_withdrawn_or_never_scored_has_no_page(
    scored_board: Any, add_submitter: Callable[..., Any], make_package: Callable[..., Any]
) -> None:
    waiting = add_submitter(scored_board, "new").submit(make_package("New"))
    row = load_table(scored_board, "test", "jaccard").rows[0]
    withdraw(scored_board, row.submission, find_user(scored_board, f"user-{row.system}"))
    rebuild_tables(scored_board)
    for submission in (waiting, row.submission, "s_0000000000000000", "", "\u202e", "' OR 1=1 --"):
        with pytest.raises(NotFound):
            load_system(scored_board, submission)
