"""Attacks on what a board publishes: neither which articles matched nor the labels of a reference can be read off."""

from __future__ import annotations

import csv
import io
import itertools
import json
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench.leaderboard.archive.export import export_board
from bioreview_bench.leaderboard.ranking.build import load_system, load_table
from bioreview_bench.leaderboard.ranking.export import as_csv, as_json, system_csv
from bioreview_bench.leaderboard.ranking.rows import after_cutoff, disclosed_cutoff
from bioreview_bench.leaderboard.ranking.view import AfterCutoff
from bioreview_bench.leaderboard.store.disclosure import shown_p
from bioreview_bench.leaderboard.store.models import Setting
from bioreview_bench.leaderboard.store.settings import SEED, board_seed
from bioreview_bench.leaderboard.store.shown import Figure
from bioreview_bench.leaderboard.store.status import status
from bioreview_bench.leaderboard.worker.run import score_due
from bioreview_bench.stats.significance import label_swap_test
from bioreview_bench.stats.uncertainty import family_units, family_weights

Make = Callable[..., Any]
TRIALS = 16


def counted(article: Any) -> list[Any]:
    """The references that scoring counts."""
    return [one for one in article.concerns if not one.requires_figure_reading and one.category != "figure_issue"]


def content(split: Any, said: dict[str, list[str]]) -> bytes:
    return "".join(json.dumps({"article_id": one.id, "concerns": said[one.id]}) + "\n" for one in split).encode()


def junk(place: int, number: int) -> str:
    return f"zebra{place} quark{number} unrelated remark"


def one_guess_each(split: Any, right: Any) -> bytes:
    """One guess an article, right or wrong, and as many further wrong ones as the article's place says."""
    said = {}
    for place, (article, hit) in enumerate(zip(split, right, strict=True)):
        guess = f"{counted(article)[0].concern_text} Indeed." if hit else junk(place, 99)
        said[article.id] = [guess, *(junk(place, number) for number in range(place))]
    return content(split, said)


def enumerated(split: Any, row: Any, draws: int) -> Any:
    """(articles,) how often each article matched in the ways of matching whose intervals are nearest to `row`'s."""
    n_ref = np.array([len(counted(article)) for article in split], float)
    n_pred = 1.0 + np.arange(len(n_ref))
    units = family_units([article.id for article in split], [article.family for article in split])
    ways = np.array(list(itertools.product([0.0, 1.0], repeat=len(n_ref))))
    ways = ways[~(ways[:, n_ref == 0]).any(axis=1)]
    ways = ways[np.abs(ways.sum(1) / n_ref.sum() - row.recall.value) <= 6e-4]  # the total is public
    [weights] = family_weights(max(units) + 1, draws, 42)
    weights = weights[:, units]
    matched, of_ref, of_pred = ways @ weights.T, weights @ n_ref, weights @ n_pred
    drawn = {"recall": matched / of_ref, "precision": matched / of_pred, "f1": 2 * matched / (of_ref + of_pred)}
    distance = np.zeros(len(ways))
    for metric, values in drawn.items():
        low, high = np.percentile(values, [2.5, 97.5], axis=1)
        shown = getattr(row, metric)
        distance += np.abs(low - shown.low) + np.abs(high - shown.high)
    return ways[distance <= distance.min() + 1e-9].mean(axis=0)


@pytest.fixture
def submit_each(board: Any, add_submitter: Make, make_package: Make) -> Callable[[list[bytes]], list[Any]]:
    """Score files as the first submission of a team each; their rows in this order."""

    def run(files: list[bytes]) -> list[Any]:
        ids = [add_submitter(board, f"u{number}").submit(make_package("S", file)) for number, file in enumerate(files)]
        assert score_due(board) == len(files)
        rows = {row.submission: row for row in load_table(board, "test", "jaccard").rows}
        return [rows[one] for one in ids]

    return run


def test_enumerating_the_ways_of_matching_against_the_intervals_does_no_better_than_chance(
    demo_split: Any, submit_each: Make
) -> None:
    generator = np.random.default_rng(7)
    possible = np.array([bool(counted(article)) for article in demo_split])
    truths = [possible & (generator.random(len(demo_split)) < 0.5) for _ in range(TRIALS)]
    rows = submit_each([one_guess_each(demo_split, right) for right in truths])
    assert all(row.band is not None for row in rows)  # of those that do not rank, less is published
    chance = np.mean([right[possible].mean() ** 2 + (1 - right[possible].mean()) ** 2 for right in truths])
    for draws in (200, 2000):  # the board's own number, and one that evens the seed out
        hits = []
        for row, right in zip(rows, truths, strict=True):
            votes = enumerated(demo_split, row, draws)
            guessed = np.isin(np.arange(len(votes)), np.argsort(-votes, kind="stable")[: right.sum()])
            hits.append((guessed == right)[possible].mean())
        assert np.mean(hits) <= chance + 2 * np.sqrt(0.25 / (TRIALS * possible.sum())), draws


def guessed_from_p(shown: Callable[[float], float]) -> float:
    """How often, above chance, the best guess is right that knows the total and the p-value beside an empty file.

    Eight articles with four references each, a guess an article and different padding; all ways of matching.
    """
    n = 8
    ways = np.array(list(itertools.product([0, 1], repeat=n)))
    padded, empty = [1 + place for place in range(n)], [(0, 4, 0)] * n
    alike: dict[tuple[int, float], list[int]] = {}
    for number, way in enumerate(ways):
        p = label_swap_test([(m, 4, pred) for m, pred in zip(way, padded, strict=True)], empty).p_value
        alike.setdefault((int(way.sum()), shown(p)), []).append(number)
    right = 0.0
    for (total, _), members in alike.items():
        share = np.sort(ways[members].mean(axis=0))[::-1]
        right += len(members) * (share[:total].sum() + (1 - share[total:]).sum()) / n
    chance = (ways.mean(axis=1) ** 2 + (1 - ways.mean(axis=1)) ** 2).mean()
    return float(right / len(ways) - chance)


def test_a_p_value_beside_a_file_of_known_matches_tells_no_article() -> None:
    assert guessed_from_p(float) > 0.03  # all digits
    assert guessed_from_p(shown_p) < 0.01


def one_probe(split: Any, reference: Any) -> bytes:
    """One right concern, and one wrong one for every other article."""
    said = {}
    for place, article in enumerate(split):
        own = any(one is reference for one in article.concerns)
        said[article.id] = [f"{reference.concern_text} Indeed." if own else junk(place, 0)]
    return content(split, said)


def labelled(split: Any) -> list[Any]:
    """A reference of every pair of category and severity that occurs."""
    found = {(one.category, one.severity): one for article in split for one in counted(article)}
    return list(found.values())


def without_identity(row: Any) -> dict[str, Any]:
    """What a row says, but whose it is and the intervals, which are drawn anew for every file."""
    told = json.loads(row.model_dump_json(exclude={"submission", "team", "band", "why_unranked", "badges"}))
    return {
        name: value["value"] if isinstance(value, dict) and "low" in value else value for name, value in told.items()
    }


def test_one_concern_shows_neither_the_category_nor_the_severity_of_what_it_matched(
    demo_split: Any, submit_each: Make
) -> None:
    probes = labelled(demo_split)
    assert len({one.category for one in probes}) > 5
    rows = submit_each([one_probe(demo_split, one) for one in probes])
    assert {row.recall.value for row in rows} == {0.016}  # each matched one of 64
    assert [without_identity(row) for row in rows] == [without_identity(rows[0])] * len(rows)


def test_nor_does_it_in_a_second_submission_or_in_what_its_team_sees(
    board: Any, demo_split: Any, add_submitter: Make, make_package: Make, content_of: Make
) -> None:
    told = []
    for number, probe in enumerate(labelled(demo_split)[:6]):
        team = add_submitter(board, f"u{number}")
        team.submit(make_package("First", content_of(0.9)))
        told.append(team.submit(make_package("Probe", one_probe(demo_split, probe))))
    score_due(board)
    rows = [row for row in load_table(board, "test", "jaccard").rows if row.submission in told]
    assert [without_identity(row) for row in rows] == [without_identity(rows[0])] * len(told)
    assert (rows[0].per_category, rows[0].per_severity, rows[0].per_source) == ({}, {}, {})
    assert (rows[0].recall_major.value, rows[0].f1_macro.value) == (None, None)
    own = [
        {**one.results[0].model_dump(exclude={"at"}), "f1": one.results[0].f1.value}
        for one in map(status_of(board), told)
    ]
    for one in own:
        assert not any("categor" in name or "severity" in name or "exact" in name for name in one)


def status_of(board: Any) -> Callable[[str], Any]:
    return lambda submission: status(board, submission)


def test_parts_of_a_ranked_row_have_no_counts_and_small_sources_no_figures(
    board: Any, add_submitter: Make, make_package: Make, content_of: Make
) -> None:
    one = add_submitter(board).submit(make_package("A", content_of(0.9)))
    score_due(board)
    [row] = load_table(board, "test", "jaccard").rows
    assert row.per_category["interpretation"]["f1"] is not None
    assert row.per_category["writing_clarity"]["n_ref"] == 4
    for name, part in row.per_category.items():
        told = [part[metric] for metric in ("recall", "precision", "f1")], list(part["intervals"].values())
        assert (told == ([None] * 3, [None] * 3)) is (part["n_ref"] < 10), name
    # Six optional references: they would be what major and minor ones lack of the whole.
    assert {name: part["recall"] is None for name, part in row.per_severity.items()} == {
        "major": False,
        "minor": True,
        "optional": True,
    }
    for kind in (row.per_category, row.per_severity, row.per_source):
        for part in kind.values():
            assert not {"n_pred", "n_matched"} & part.keys()
    for part in row.per_source.values():
        figures = [part["f1"], part["recall"], part["controls"]["skill"], *part["intervals"].values()]
        assert figures == [None] * len(figures)
    view, _ = load_system(board, one)
    for text in (as_json(load_table(board, "test", "jaccard")), as_json(view), system_csv(view)):
        assert "n_matched" not in text
        assert "exact_match_rate" not in text


def test_nor_does_it_beside_another_teams_file_with_one_concern_less(
    board: Any, demo_split: Any, add_submitter: Make, make_package: Make
) -> None:
    probes = labelled(demo_split)[:4]
    known = {article.id: [one.concern_text for one in counted(article) if one not in probes] for article in demo_split}
    add_submitter(board, "base").submit(make_package("Base", content(demo_split, known)))
    told = []
    for number, probe in enumerate(probes):
        said = {
            article.id: known[article.id] + [probe.concern_text for one in article.concerns if one is probe]
            for article in demo_split
        }
        told.append(add_submitter(board, f"u{number}").submit(make_package(f"S{number}", content(demo_split, said))))
    score_due(board)
    rows = {row.submission: row for row in load_table(board, "test", "jaccard").rows}
    assert all(rows[one].band is not None for one in told)
    seen = [{**without_identity(rows[one]), "system": ""} for one in told]
    assert seen == [seen[0]] * len(told)


def test_every_published_figure_has_three_decimals_at_most(
    board: Any, add_submitter: Make, make_package: Make, content_of: Make
) -> None:
    one = add_submitter(board).submit(make_package("A", content_of(0.6)))
    add_submitter(board, "bo").submit(make_package("B", content_of(0.3)))
    score_due(board)
    view, _ = load_system(board, one)
    table = load_table(board, "test", "jaccard")
    numbers: list[float] = []

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name not in ("tests", "mean_concerns", "coverage", "billions"):
                    collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)
        elif isinstance(value, float):
            numbers.append(value)

    for text in (as_json(table), as_json(view), status(board, one).model_dump_json()):
        collect(json.loads(text))
    assert len(numbers) > 50
    assert [one for one in numbers if round(one, 3) != one] == []
    [line, _] = csv.DictReader(io.StringIO(as_csv(table), newline=""))
    assert len(line["f1"]) <= 5


def test_the_seed_is_the_boards_own_and_leaves_it_nowhere(
    make_board: Make, tmp_path: Path, add_submitter: Make, make_package: Make, content_of: Make
) -> None:
    shown = []
    for name in ("one", "two"):
        board = make_board(tmp_path / f"{name}.sqlite")
        submission = add_submitter(board).submit(make_package("A", content_of(0.6)))
        score_due(board)
        [row] = load_table(board, "test", "jaccard").rows
        view, _ = load_system(board, submission)
        shown.append((row.f1, row.recall))
        export_board(board, tmp_path / f"{name}.zip")
        with board.reading() as session:
            secret = session.get(Setting, SEED).value["hex"]
        assert board_seed(board) == int(secret, 16)
        with zipfile.ZipFile(tmp_path / f"{name}.zip") as archive:
            texts = [archive.read(entry).decode() for entry in archive.namelist()]
        for text in (*texts, as_json(view), as_json(load_table(board, "test", "jaccard"))):
            assert secret not in text
            assert str(int(secret, 16)) not in text
    assert shown[0] != shown[1]


def test_results_of_an_earlier_release_show_no_interval_of_the_public_seed(
    board: Any, add_submitter: Make, make_package: Make, content_of: Make
) -> None:
    from sqlalchemy import select

    from bioreview_bench.leaderboard.ranking.build import rebuild_table
    from bioreview_bench.leaderboard.store.models import ResultRow

    one = add_submitter(board).submit(make_package("A", content_of(0.6)))
    score_due(board)
    with board.session() as session:
        row = session.scalars(select(ResultRow)).one()
        row.extras = {"exact_match_rate": 0.0}
    [shown] = rebuild_table(board, "test", "jaccard").rows
    assert shown.f1.bounds is None
    assert status(board, one).results[0].f1.bounds is None


def test_nor_after_a_cutoff() -> None:
    figures = {"f1": 0.51234, "recall": 0.4, "precision": 0.6, "skill": 0.1, "intervals": {"f1": [0.41234, 0.6]}}
    kept = {"after_cutoff": {"cutoff": "2024-01-01", "n_dated": 50, "n_articles": 25, "figures": figures}}
    assert after_cutoff(kept).f1 == Figure(value=0.512)
    assert after_cutoff({**kept, "intervals": {}}).f1 == Figure(value=0.512, low=0.412, high=0.6)


@pytest.mark.parametrize(
    ("band", "n_later", "share", "shown"),
    [(1, 25, 0.6, True), (1, 40, 0.6, True), (1, 35, 0.6, False), (None, 25, 0.6, False), (1, 25, 0.1, False)],
)
def test_a_date_chosen_by_the_team_isolates_no_few_articles(
    band: int | None, n_later: int, share: float, shown: bool, make_table: Make, make_entry: Make
) -> None:
    [row] = make_table(make_entry(1, share)).rows
    figures = {name: Figure(value=0.5) for name in ("f1", "skill", "recall", "precision")}
    after = AfterCutoff(cutoff=date(2024, 1, 1).isoformat(), n_dated=45, n_articles=n_later, reason=None, **figures)
    found = disclosed_cutoff(after, row.model_copy(update={"band": band}), 45 if n_later != 40 else 40)
    assert (found.f1.value is not None) is shown
    assert (found.reason is None) is shown
