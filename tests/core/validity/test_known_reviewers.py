"""Which of two contracts is to be believed, from reviewers whose points are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Contract
from bioreview_bench.data.split import Split
from bioreview_bench.scoring.backends import choose
from bioreview_bench.validity.known_report import blocks, verdict
from bioreview_bench.validity.known_reviewers import ReviewerScore, Trial, believed, try_contract

POINTS = {"restated": 10, "half": 5, "copying": 0}


def trial(name: str, **given: tuple[float, int, int]) -> Trial:
    """A trial of three reviewers; F1, matches and right ones by name."""
    scores = tuple(ReviewerScore(who, POINTS[who], f1, None, n, same) for who, (f1, n, same) in given.items())
    return Trial(name, "signature", scores)


GOOD = trial("good", restated=(0.6, 30, 30), half=(0.3, 20, 15), copying=(0.0, 0, 0))
BAD = trial("bad", restated=(0.9, 40, 30), half=(0.5, 30, 15), copying=(0.7, 30, 0))


def test_a_trial_counts_matches_points_and_pairs_in_the_wrong_order() -> None:
    assert (GOOD.points, GOOD.n_matched, GOOD.n_same, GOOD.share) == (15, 50, 45, 0.9)
    assert (GOOD.n_pairs, GOOD.wrong) == (3, [])
    assert (BAD.n_pairs, BAD.wrong, BAD.share) == (3, [("copying", "half")], 0.45)


def test_a_reviewer_who_scores_the_same_with_fewer_points_is_in_the_wrong_order() -> None:
    level = trial("level", restated=(0.0, 0, 0), half=(0.0, 0, 0), copying=(0.0, 0, 0))
    assert level.wrong == [("half", "restated"), ("copying", "restated"), ("copying", "half")]
    assert level.share is None


def test_the_contract_that_is_better_in_both_respects_is_believed() -> None:
    assert believed(GOOD, BAD) is believed(BAD, GOOD) is GOOD
    text = (
        "Believe good: 45 of 50 matches are the same point, and 0 of 3 pairs of reviewers are ranked wrongly. "
        "Under bad, 45 of 100 matches are the same point, and 1 of 3 pairs of reviewers are ranked wrongly."
    )
    assert verdict(GOOD, BAD) == verdict(BAD, GOOD) == text


def test_a_better_contract_whose_matches_are_mostly_wrong_is_not_recommended() -> None:
    worse = trial("worse", restated=(0.2, 40, 10), half=(0.5, 30, 5), copying=(0.7, 30, 0))
    assert believed(worse, BAD) is BAD
    assert verdict(worse, BAD).startswith("Believe neither contract, though bad is the better one. Under bad, 45 of")


@pytest.mark.parametrize(
    "other",
    [
        trial("other", restated=(0.6, 30, 30), half=(0.3, 20, 15), copying=(0.0, 0, 0)),
        trial("other", restated=(0.6, 30, 30), half=(0.1, 10, 10), copying=(0.2, 2, 0)),
    ],
    ids=["as good", "better in one respect only"],
)
def test_contracts_that_are_equal_or_each_better_in_one_respect_are_not_decided(other: Trial) -> None:
    assert believed(GOOD, other) is None
    assert verdict(GOOD, other).startswith("Nothing here says which contract is to be believed. Under good, 45 of 50")


def test_too_few_matches_decide_nothing() -> None:
    few = trial("few", restated=(0.4, 20, 20), half=(0.1, 9, 9), copying=(0.0, 0, 0))
    assert believed(few, BAD) is None
    assert verdict(few, BAD) == "Too few matches to say which contract is to be believed (few 29, bad 100)."


def test_the_table_is_ranked_by_the_contract_to_be_believed_and_marks_who_stands_too_high() -> None:
    table, _, controls, contract = blocks(BAD, GOOD)
    assert [row[0] for row in table.rows] == ["restated", "half", "copying"]  # type: ignore[union-attr]
    assert [row[2:] for row in table.rows] == [  # type: ignore[union-attr]
        ["10", "0.90 ", "30/40", "0.60 ", "30/30"],
        ["5", "0.50 ", "15/30", "0.30 ", "15/20"],
        ["0", "0.70!", "0/30", "0.00 ", "0/0"],
    ]
    assert [note.text for note in controls.notes] == [  # type: ignore[union-attr]
        "Under bad, copying makes none of the points and scores 0.70, no lower than half (5 points); under good, "
        "reviewers that make none score at most 0.00, below all who make some."
    ]
    assert [note.text for note in contract.notes] == [verdict(BAD, GOOD)]  # type: ignore[union-attr]


def test_what_a_stricter_contract_does_not_find_is_said() -> None:
    strict = trial("strict", restated=(0.3, 30, 30), half=(0.1, 5, 5), copying=(0.0, 0, 0))
    notes = blocks(BAD, strict)[3].notes  # type: ignore[union-attr]
    assert notes[-1].text == "It is strict: of the 15 points that these texts make it finds 35, bad 45."


def test_a_match_counts_as_the_same_point_only_with_the_concern_that_the_text_makes(
    make_article: Callable[..., Any], write_jsonl: Callable[..., Path]
) -> None:
    article = make_article("elife:1", ["The sample is far too small.", "No control group was ever imaged."])
    first, second = (concern.concern_id for concern in article.concerns)
    texts = [
        {"text": "The sample is far too small.", "makes": first},
        {"text": "No control group was ever imaged.", "makes": first},
    ]
    path = write_jsonl([{"article_id": "elife:1", "concerns": texts}], "restated.jsonl")
    contract = Contract.load("jaccard")
    backend = choose(contract, None, None, lambda done, total: None)
    found = try_contract(contract, backend, Split.of([article]), {"restated": path})
    assert found.scores == (ReviewerScore("restated", 1, 1.0, None, 2, 1),)
    assert second not in {text["makes"] for text in texts}
