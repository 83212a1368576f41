"""Agreement of raters, against scikit-learn and a published example; the gold label of a pair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from bioreview_bench import Contract
from bioreview_bench.validity.agreement import ALPHA, KAPPA, label_table, rater_agreement
from bioreview_bench.validity.judgements import DIFFERENT, RELATED, SAME, JudgedText, Judgements
from bioreview_bench.validity.sheets import gold_labels, sheets

JACCARD = Contract.load("jaccard")


def judged(make_article: Callable[..., Any], said: list[dict[str, list[int]]]) -> tuple[Judgements, list[Any]]:
    """One article; each text has, by rater, its labels of the references in order."""
    n = max(len(labels) for text in said for labels in text.values())
    article = make_article("elife:1", [f"Concern number {number}." for number in range(n)])
    ids = [concern.concern_id for concern in article.concerns]
    texts = [
        JudgedText(
            "elife:1",
            f"text {number}",
            {rater: {ids[at]: label for at, label in enumerate(labels) if label} for rater, labels in text.items()},
            "reader",
        )
        for number, text in enumerate(said)
    ]
    return Judgements(tuple(texts), ()), [article]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=12))
def test_two_raters_have_cohens_kappa(pairs: list[tuple[int, int]]) -> None:
    from bioreview_bench import Article

    concerns = [
        {"concern_id": f"c{at}", "concern_text": "A concern of ten.", "category": "other", "severity": "minor"}
        for at in range(len(pairs))
    ]
    article = Article(id="elife:1", source="elife", concerns=concerns)
    labels = {
        rater: {f"c{at}": pair[side] for at, pair in enumerate(pairs) if pair[side]} for side, rater in enumerate("ab")
    }
    found = rater_agreement(Judgements((JudgedText("elife:1", "x", labels, "r"),), ()), [article], JACCARD)
    a, b = zip(*pairs, strict=True)
    assert (found.measure, found.n_pairs) == (KAPPA, len(pairs))
    for value, left, right in (
        (found.labels, a, b),
        (found.same, [one == SAME for one in a], [one == SAME for one in b]),
    ):
        if set(left) == set(right) and len(set(left)) == 1:
            assert value is None
        else:
            assert value == pytest.approx(cohen_kappa_score(left, right))


def test_more_raters_have_krippendorffs_alpha_with_gaps(make_article: Callable[..., Any]) -> None:
    table = np.array(
        [
            [0, 1, 2, 2, 1, 0, 2, 0, 1],
            [0, 1, 2, 2, 1, 1, 2, 0, 1],
            [0, 1, 2, 2, 1, 2, 2, 0, 1],
        ]
    )
    said = [{rater: [int(table[at, unit])] for at, rater in enumerate("abc")} for unit in range(table.shape[1])]
    del said[0]["c"]
    judgements, articles = judged(make_article, said)
    found = rater_agreement(judgements, articles, JACCARD)
    assert found.measure == ALPHA
    assert found.labels == pytest.approx(alpha_by_hand([[t for t in text.values()] for text in said]))
    assert np.isnan(label_table(judgements, articles, JACCARD)).sum() == 1


def alpha_by_hand(units: list[list[list[int]]]) -> float:
    """1 - observed / expected disagreement over the coincidence matrix (Krippendorff 2004, nominal)."""
    coincidence = np.zeros((3, 3))
    for values in ([one[0] for one in unit] for unit in units):
        for first, a in enumerate(values):
            for second, b in enumerate(values):
                if first != second:
                    coincidence[a, b] += 1 / (len(values) - 1)
    totals, n = coincidence.sum(axis=0), coincidence.sum()
    observed = 1 - np.trace(coincidence) / n
    expected = 1 - sum(one * (one - 1) for one in totals) / (n * (n - 1))
    return float(1 - observed / expected)


def test_one_rater_agrees_with_nobody(make_article: Callable[..., Any]) -> None:
    found = rater_agreement(*judged(make_article, [{"a": [2, 0]}]), JACCARD)
    assert (found.measure, found.same, found.labels, found.n_pairs) == (None, None, None, 2)


@pytest.mark.parametrize(
    ("labels", "gold"),
    [
        ([2], SAME),
        ([2, 2], SAME),
        ([2, 1], RELATED),
        ([2, 0], DIFFERENT),
        ([1, 0], DIFFERENT),
        ([2, 2, 0], SAME),
        ([2, 1, 0], RELATED),
        ([1, 0, 0], DIFFERENT),
        ([2, 2, 1, 0], RELATED),
    ],
)
def test_gold_is_the_label_that_more_than_half_reach(
    labels: list[int], gold: int, make_article: Callable[..., Any]
) -> None:
    judgements, articles = judged(make_article, [{f"r{at}": [label] for at, label in enumerate(labels)}])
    assert gold_labels(judgements.texts[0], articles[0].concerns) == [gold]


def test_references_that_need_a_figure_are_left_out(make_article: Callable[..., Any]) -> None:
    article = make_article(
        "elife:1", ["Concern number one.", {"concern_text": "Panel b is dark.", "category": "figure_issue"}]
    )
    text = JudgedText("elife:1", "dark", {"a": {"elife:1:R1C2": SAME}}, "reader")
    (sheet,) = sheets(Judgements((text,), ()), [article], JACCARD)
    assert sheet.gold.tolist() == [[DIFFERENT]]
    assert rater_agreement(Judgements((text,), ()), [article], JACCARD).n_pairs == 1


def test_references_that_raters_did_not_see_count_nowhere(make_article: Callable[..., Any]) -> None:
    article = make_article("elife:1", ["Concern number one.", "Concern number two.", "Concern number three."])
    ids = [concern.concern_id for concern in article.concerns]
    part = JudgedText("elife:1", "one", {"a": {ids[1]: SAME}, "b": {}}, "reader", judged=(ids[1],))
    whole = JudgedText("elife:1", "two", {"a": {ids[0]: SAME}, "b": {ids[0]: SAME}}, "reader")
    judgements = Judgements((part, whole), ())
    first, second = sheets(judgements, [article], JACCARD)
    assert (first.question.texts, first.gold.tolist()) == (("two",), [[SAME, DIFFERENT, DIFFERENT]])
    assert (second.question.texts, second.gold.tolist()) == (("one",), [[DIFFERENT]])
    assert [concern.concern_id for concern in second.question.references] == [ids[1]]
    assert label_table(judgements, [article], JACCARD).tolist() == [[SAME, SAME, 0, 0], [0, SAME, 0, 0]]
