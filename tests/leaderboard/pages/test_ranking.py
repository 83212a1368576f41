"""Who ranks, in which band, and what a table opens with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from bioreview_bench import Result
from bioreview_bench.leaderboard.ranking.entries import why_unranked
from bioreview_bench.leaderboard.ranking.rows import billions
from bioreview_bench.leaderboard.ranking.standings import _few, bands
from bioreview_bench.leaderboard.ranking.testing import PairTests, make_tests, packed
from bioreview_bench.leaderboard.web.pages.table import echo_alert
from bioreview_bench.stats import max_t
from bioreview_bench.stats.comparison import compare

Make = Callable[..., Any]


def test_the_first_submission_of_a_team_ranks_and_not_the_best(make_table: Make, make_entry: Make) -> None:
    table = make_table(make_entry(1, 0.3), make_entry(2, 0.9), make_entry(3, 0.6))
    assert [(row.submission[-1], row.band) for row in table.rows] == [("1", 1), ("2", None), ("3", None)]
    assert table.rows[1].why_unranked == "The team is ranked by Alpha 1.0, the first it had scored."
    assert {row.n_team_submissions for row in table.rows} == {3}


def test_the_marked_submission_ranks_even_if_it_came_later_and_is_worse(make_table: Make, make_entry: Make) -> None:
    table = make_table(make_entry(1, 0.9), make_entry(2, 0.3, marked=True, name="Marked"))
    assert [(row.system, row.band) for row in table.rows] == [("Marked", 1), ("Alpha", None)]
    assert "Marked 1.0, which it marked before it was scored" in (table.rows[1].why_unranked or "")


def test_withdrawing_the_ranked_submission_frees_no_place_for_a_better_one(
    make_table: Make, make_entry: Make, make_submitted: Make
) -> None:
    gone = make_submitted(1, name="Weak", withdrawn=True)
    table = make_table(make_entry(2, 0.9), withdrawn=(gone,))
    assert [(row.submission[-1], row.band) for row in table.rows] == [("2", None)]
    assert "it withdrew that one" in (table.rows[0].why_unranked or "")
    assert table.rows[0].n_team_submissions == 2


def test_a_team_written_otherwise_is_the_same_team(make_submitted: Make) -> None:
    names = ["Lab One", "lab  one", "ＬＡＢ ONE"]
    reasons = why_unranked([make_submitted(number, team=team) for number, team in enumerate(names)])
    assert [reason is None for reason in reasons.values()] == [True, False, False]


def test_a_user_whose_every_system_ranks_has_one_place_for_each_system(make_table: Make, make_entry: Make) -> None:
    table = make_table(
        make_entry(1, 0.3, ranks_all=True, name="BM25"),
        make_entry(2, 0.6, ranks_all=True, name="Echo"),
        make_entry(3, 0.9, ranks_all=True, name="bm25"),
    )
    assert {(row.system, row.band is None) for row in table.rows} == {("Echo", False), ("BM25", False), ("bm25", True)}


def test_bands_and_tests_are_those_of_compare(
    make_table: Make, make_entry: Make, tested: Make, scored: Callable[..., Result]
) -> None:
    chosen = {"A": 0.9, "B": 0.6, "C": 0.3, "D": 0.0}
    entries = [make_entry(place, share, team=team) for place, (team, share) in enumerate(chosen.items(), start=1)]
    table = make_table(*entries)
    found = compare([scored(share) for share in chosen.values()], list(chosen), draws=500)
    expected = {name: band for band, group in enumerate(found.groups, start=1) for name in group}
    assert {row.team: row.band for row in table.rows} == expected
    assert len(found.groups) > 1  # else the comparison could not fail
    by_pair = {(test.a, test.b): (test.delta_f1, test.p_value, test.p_adjusted) for test in found.tests}
    ranked = [entries[place] for place in range(4)]  # by falling F1, as made above
    all_pairs = tested(ranked)
    for (a, b), expected in by_pair.items():
        place = (list(chosen).index(a), list(chosen).index(b))
        made = (all_pairs.delta_f1[place], all_pairs.p_value[place], all_pairs.p_adjusted[place])
        assert made == pytest.approx(expected, abs=1e-12)


def test_two_systems_have_the_exact_test(make_entry: Make, tested: Make, scored: Callable[..., Result]) -> None:
    high, low = make_entry(1, 0.6, team="H"), make_entry(2, 0.3, team="L")
    [expected] = compare([scored(0.6), scored(0.3)], ["H", "L"]).tests
    assert expected.exact
    found = tested([high, low])
    assert found.p_adjusted[0, 1] == found.p_value[1, 0] == expected.p_value
    assert found.delta_f1[0, 1] == -found.delta_f1[1, 0] == pytest.approx(expected.delta_f1, abs=1e-12)


def test_what_is_remembered_is_updated_and_not_made_again(
    make_entry: Make, tested: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more system, one less, and one whose counts changed give what all at once would give."""
    shares = {1: 0.9, 2: 0.6, 3: 0.3, 4: 0.0}
    entries = {number: make_entry(number, share, team=str(number)) for number, share in shares.items()}
    changed = {**entries, 2: make_entry(2, 0.45, team="2")}

    def agree(found: PairTests, expected: PairTests) -> None:
        assert found.systems == expected.systems
        for name in ("delta_f1", "p_value", "p_adjusted"):
            assert (getattr(found, name) == getattr(expected, name)).all()

    before = tested([entries[1], entries[2], entries[3]]).remembered
    assert before is not None
    made: list[int] = []
    real = max_t._Sums.differences

    def counting(sums: max_t._Sums, system: int) -> Any:
        made.append(system)
        return real(sums, system)

    monkeypatch.setattr(max_t._Sums, "differences", counting)
    more = make_tests(list(entries.values()), counts_of(entries.values()), before)
    assert made == [3]  # the pairs of the fourth
    agree(more, tested(list(entries.values())))
    assert more.remembered is not None
    fewer = [entries[1], entries[3], entries[4]]
    agree(make_tests(fewer, counts_of(fewer), more.remembered), tested(fewer))
    agree(
        make_tests(list(changed.values()), counts_of(changed.values()), more.remembered), tested(list(changed.values()))
    )


def counts_of(entries: Iterable[Any]) -> dict[int, bytes]:
    return {entry.result: packed(entry.record.articles) for entry in entries}


def test_a_band_is_everyone_not_significantly_below_its_first() -> None:
    names = ("a", "b", "c", "d")
    significant = {("a", "c"), ("a", "d"), ("b", "d"), ("c", "d")}  # b and c are not separable
    p = np.array([[0.01 if (a, b) in significant or (b, a) in significant else 0.2 for b in names] for a in names])
    delta = np.sign(np.arange(4)[None, :] - np.arange(4)[:, None]) * 0.1
    assert bands(PairTests(names, 20, delta, p, p)) == {"a": 1, "b": 1, "c": 2, "d": 3}


@pytest.mark.parametrize(
    ("n_units", "p", "said"),
    [
        (5, 0.0625, "5 articles cannot separate any systems: a difference on all of them has p = 0.062."),
        (8, 0.06, "No two of these 4 systems can be told apart: on 8 articles even a difference on all of them has"),
        (8, 0.04, None),  # something differs
        (40, 0.06, None),  # not for want of articles
    ],
)
def test_few_articles_are_said_to_be_why_nothing_differs(n_units: int, p: float, said: str | None) -> None:
    delta, adjusted = np.zeros((4, 4)), np.full((4, 4), p)
    sentences = _few(n_units, PairTests(("a", "b", "c", "d"), n_units, delta, adjusted, adjusted))
    assert [one.startswith(said or "") for one in sentences] == ([True] if said else [])


def test_a_table_of_few_families_says_so_among_its_notices(make_table: Make, make_entry: Make) -> None:
    """Fourteen systems that are all alike, on 12 articles of 11 families: a Holm correction could reject nothing."""
    alike = make_table(*(make_entry(number, 0.6, team=str(number)) for number in range(1, 15)))
    assert "No two of these 14 systems can be told apart: on 11 families of articles even a" in alike.notice[-1]
    differing = make_table(*(make_entry(number, 0.9 - 0.3 * number, team=str(number)) for number in range(4)))
    assert "told apart" not in " ".join(differing.notice)


def test_rows_say_what_the_records_say(make_table: Make, make_entry: Make, scored: Callable[..., Result]) -> None:
    record = scored(0.6).record
    [row] = make_table(make_entry(1, 0.6)).rows
    figures = (record.overall.f1, record.overall.recall, record.controls.skill, record.per_severity["major"].recall)
    shown = (row.f1, row.recall, row.skill, row.recall_major)
    assert [one.value for one in shown] == [round(one or 0, 3) for one in figures]
    assert [row.f1.low, row.f1.high] == [round(one, 3) for one in record.intervals["overall.f1"] or ()]
    assert row.mean_concerns == record.overall.n_pred / 12
    assert row.coverage == 1.0
    assert row.null_f1 == round(record.controls.null_f1 or 0, 3)
    assert row.echo_f1 == round(record.controls.echo_f1 or 0, 3)
    assert row.per_category.keys() == record.per_category.keys()
    assert row.per_category["interpretation"]["intervals"]["f1"] == [
        round(one, 3) for one in record.intervals["per_category.interpretation.f1"] or ()
    ]


def test_nothing_of_an_article_or_a_reference_is_in_a_table(
    make_table: Make, make_entry: Make, demo_split: Any
) -> None:
    text = make_table(make_entry(1, 0.6), make_entry(2, 0.3, team="B")).model_dump_json()
    for article in demo_split:
        assert article.id not in text
        assert all(concern.concern_text not in text for concern in article.concerns)


def test_a_saturated_table_opens_with_that_sentence(make_table: Make, make_entry: Make) -> None:
    entry = make_entry(1, 0.6)
    controls = entry.record.controls.model_copy(update={"saturated": True, "null_match_rate": 0.9981, "skill": None})
    full = entry.record.model_copy(update={"controls": controls})
    table = make_table(
        type(entry)(entry.submitted, 1, full, entry.extras), make_entry(2, 0.3, team="B", withdrawn=True)
    )
    odd = make_table(
        type(entry)(entry.submitted, 1, full, entry.extras), make_entry(2, 0.3, team="B"), make_entry(3, 0.9, team="C")
    )
    assert table.saturated
    assert table.notice[0].startswith("SATURATED: 99.8% of the possible matches are also made by predictions written")
    assert not odd.saturated  # one odd system does not make the contract saturated


def test_v3_test_says_that_its_references_are_open(make_table: Make, make_entry: Make) -> None:
    table = make_table(make_entry(1, 0.6), data="v3")
    assert "The references of v3 test are open to anyone who has v3; a system may have seen them." in table.notice
    assert not any("open to" in sentence for sentence in make_table(make_entry(1, 0.6), data="v4").notice)
    assert len(table.reported) == 10
    assert make_table(make_entry(1, 0.6)).reported == ()


@pytest.mark.parametrize(
    ("own", "n_matched", "said"),
    [
        (0.19, 40, "better than"),
        (0.25, 40, "close to"),
        (0.39, 40, "at least half as high as"),
        (0.41, 40, None),
        (0.19, 9, None),  # too few matches to say
    ],
)
def test_a_copied_paper_that_comes_near_is_said_above_the_table_and_in_its_row(
    make_table: Make, make_entry: Make, own: float, n_matched: int, said: str | None
) -> None:
    entry = make_entry(1, 0.3)
    controls = entry.record.controls.model_copy(update={"echo_match_rate": 0.2, "match_rate": own})
    overall = entry.record.overall.model_copy(update={"n_matched": n_matched})
    record = entry.record.model_copy(update={"controls": controls, "overall": overall})
    table = make_table(type(entry)(entry.submitted, 1, record, entry.extras))
    above = [one for one in table.notice if one.startswith("Copying ten sentences of each paper (match rate 0.200)")]
    assert [f"scores {said} the one system below" in one for one in above] == ([True] if said else [])
    alert = echo_alert(table.rows[0])
    assert bool(alert) == (said is not None)
    assert not alert or f"0.200 against {own:.3f}" in alert


def test_how_many_matches_are_the_same_point_is_said(make_table: Make, make_entry: Make) -> None:
    assert any("are the same point" in one or "Never checked" in one for one in make_table(make_entry(1, 0.3)).notice)


def test_an_undefined_f1_stands_last_and_does_not_rank(make_table: Make, make_entry: Make) -> None:
    entry = make_entry(1, 0.6, team="B")
    overall = entry.record.overall.model_copy(update={"f1": None})
    empty = type(entry)(entry.submitted, 1, entry.record.model_copy(update={"overall": overall}), entry.extras)
    table = make_table(empty, make_entry(2, 0.0))
    assert [(row.team, row.band) for row in table.rows] == [("A", 1), ("B", None)]
    assert "undefined" in (table.rows[1].why_unranked or "")


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("8B", 8.0),
        ("70 b", 70.0),
        ("350M", 0.35),
        ("1.5 trillion", 1500.0),
        ("~7,5B", 7.5),
        ("about 8 billion parameters", 8.0),
        ("8x7B", None),
        ("many", None),
        ("", None),
        (None, None),
        ("9" * 400 + "B", None),
    ],
)
def test_parameters_are_read_as_billions_or_not_at_all(words: str | None, number: float | None) -> None:
    assert billions(words) == number
