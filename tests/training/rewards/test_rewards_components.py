"""Components of a review's reward, worked out by hand, and the composer that weighs them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioreview_bench.errors import InputError
from bioreview_bench.training.rewards.components import (
    Match,
    allowed,
    confidence,
    confidence_score,
    coverage,
    form,
    groundedness,
    match,
)
from bioreview_bench.training.rewards.composer import RewardComposer
from bioreview_bench.training.rewards.copying import Source
from bioreview_bench.training.rewards.references import PreparedArticle
from bioreview_bench.training.rewards.repetition import repeats
from bioreview_bench.training.rewards.substance import PaperSubject

NAMES = ("groundedness", "coverage", "form", "confidence")
values = st.dictionaries(st.sampled_from(NAMES), st.none() | st.floats(-1, 1))
weights = st.fixed_dictionaries({name: st.floats(0.01, 10) for name in NAMES})


@given(weights, values)
def test_a_component_that_does_not_apply_changes_nothing(given_weights: Any, components: Any) -> None:
    composer = RewardComposer(given_weights)
    applicable = {name: value for name, value in components.items() if value is not None}
    silent = {name: applicable.get(name) for name in NAMES}
    assert composer.score(applicable).total == composer.score(components).total == composer.score(silent).total


@given(weights, values)
def test_the_total_is_the_weighted_mean_of_the_components_that_are_returned(
    given_weights: Any, components: Any
) -> None:
    composed = RewardComposer(given_weights).score(components)
    assert dict(composed.components) == components
    counted = [(given_weights[name], value) for name, value in components.items() if value is not None]
    if not counted:
        assert composed.total is None
    else:
        expected = math.fsum(w * v for w, v in counted) / math.fsum(w for w, _ in counted)
        assert composed.total == pytest.approx(expected, abs=1e-12)


def test_weights_are_renormalised_over_what_applies() -> None:
    composed = RewardComposer({"groundedness": 0.35, "coverage": 0.3, "form": 0.15, "confidence": 0.2}).score(
        {"groundedness": 1, "coverage": None, "confidence": 0.5}
    )
    assert composed.total == pytest.approx((0.35 + 0.1) / 0.55)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"groundedness": 0.0},
        {"groundedness": -1.0},
        {"groundedness": math.nan},
        {"groundedness": True},
        {"groundedness": "1"},
    ],
)
def test_weights_that_mean_nothing_are_refused(wrong: Any) -> None:
    with pytest.raises(InputError):
        RewardComposer(wrong)


def test_a_component_without_weight_or_without_value_is_refused() -> None:
    composer = RewardComposer({"groundedness": 1})
    with pytest.raises(InputError, match="No weight is given for coverage"):
        composer.score({"coverage": 0.5})
    with pytest.raises(InputError, match="groundedness is nan"):
        composer.score({"groundedness": math.nan})


def prepared(references: Any, others: Any = (), stock: Any = ((0, 0, 1),)) -> PreparedArticle:
    def matrix(rows: Any) -> Any:
        return np.array(rows, np.float32)

    places, vectors = tuple(range(len(references))), matrix(references)
    lent = tuple(map(matrix, others))
    return PreparedArticle(None, places, vectors, lent, matrix(stock), Source([]), PaperSubject([]), None)  # type: ignore[arg-type]


def test_a_pair_is_worth_one_at_the_threshold_and_nothing_three_tenths_below() -> None:
    article = prepared([[1, 0, 0]])
    for similarity, worth in ((0.19, 0), (0.26, 0.2), (0.35, 0.5), (0.5, 1), (0.9, 1)):
        vector = np.array([[similarity, math.sqrt(1 - similarity**2), 0]], np.float32)
        found = match(vector, [0], 1, article, 0.5)
        assert found.worth == pytest.approx(worth, abs=1e-6)
        assert groundedness(found) == pytest.approx(worth, abs=1e-6)


def test_what_is_as_close_to_another_article_or_a_stock_comment_is_worth_nothing() -> None:
    vector = np.array([[0.6, 0.8, 0]], np.float32)
    assert match(vector, [0], 1, prepared([[1, 0, 0]], others=[[[0, 1, 0]]]), 0.5).worth == 0
    assert match(vector, [0], 1, prepared([[1, 0, 0]], stock=[[0, 1, 0]]), 0.5).worth == 0
    # 0.54 to a donor leaves 0.06 of the 0.3
    near = prepared([[1, 0, 0]], others=[[[0.9, 0, 0.4]]])
    assert match(vector, [0], 1, near, 0.5).worth == pytest.approx(0.2, abs=1e-6)


def test_of_many_references_of_other_articles_one_in_a_hundred_may_be_as_close() -> None:
    vector = np.array([[0.6, 0.8, 0]], np.float32)
    foreign = [[0, 0, 1]] * 250
    two, three = ([[0, 1, 0]] * n + foreign[n:] for n in (2, 3))
    assert match(vector, [0], 1, prepared([[1, 0, 0]], others=[two[:100], two[100:]]), 0.5).worth == 1
    assert match(vector, [0], 1, prepared([[1, 0, 0]], others=[three]), 0.5).worth == 0


def test_a_reference_is_matched_once_and_by_the_place_of_its_concern() -> None:
    vectors = np.array([[1, 0, 0], [1, 0, 0]], np.float32)
    article = prepared([[1, 0, 0], [0, 1, 0]])
    assert match(vectors, [0, 1], 2, article, 0.5).pairs in (((0, 0, 1.0),), ((1, 0, 1.0),))
    assert match(vectors[:1], [4], 5, article, 0.5).pairs == ((4, 0, 1.0),)
    assert match(vectors[:0], [], 2, article, 0.5).pairs == ()


def test_grounded_weighs_precision_and_recall_alike() -> None:
    few, many = Match(((0, 0, 1.0),), 1, 4), Match(((0, 0, 1.0),), 4, 1)
    assert groundedness(few) == groundedness(many) == pytest.approx(2 / 5)
    assert groundedness(Match((), 0, 4)) == 0


def test_coverage_is_of_majors_and_of_rightly_labelled_kinds(make_article: Any) -> None:
    references = make_article(
        "elife:1",
        [
            {"concern_text": "first concern", "category": "design_flaw", "severity": "major"},
            {"concern_text": "second concern", "category": "design_flaw", "severity": "minor"},
            {"concern_text": "third concern", "category": "interpretation", "severity": "major"},
        ],
    ).concerns
    found = Match(((0, 0, 0.8), (1, 1, 0.4)), 2, 3)
    right = [{"text": "a", "category": "design_flaw"}, {"text": "b", "category": "design_flaw"}]
    # majors 0.8/2; kinds (0.8 + 0)/2
    assert coverage(found, right, references) == pytest.approx((0.4 + 0.4) / 2)
    wrong = [{"text": "a", "category": "other"}, {"text": "b", "category": "design_flaw"}]
    assert coverage(found, wrong, references) == pytest.approx((0.4 + 0.2) / 2)
    # 10 written where 5 are allowed
    assert coverage(Match(found.pairs, 10, 3), right, references) == pytest.approx(0.2)


def test_the_allowed_length_follows_the_article() -> None:
    assert [allowed(n) for n in (1, 3, 4, 8, 40)] == [5, 5, 6, 12, 20]


def test_form_is_a_product_of_shares() -> None:
    good = {"text": "six words are just about enough", "category": "design_flaw", "severity": "major"}
    assert form("ok", [good], [False], 1, 4) == 1
    assert form("repaired", [good], [False], 1, 4) == pytest.approx(0.8)
    assert form("truncated", [good], [False], 1, 4) == pytest.approx(0.5)
    assert form("parse_failed", [], [], 0, 4) == 0
    bare = {"text": good["text"]}
    assert form("ok", [good, bare], [False, False], 2, 4) == pytest.approx(0.75)
    assert form("ok", [good] * 5, [True] + [False] * 4, 5, 4) == pytest.approx(0.75)  # (0.5 - 0.2) / 0.4
    assert form("ok", [good] * 10, [True] + [False] * 9, 10, 7) == 1  # a tenth is forgiven
    assert form("ok", [good, good], [False, True], 2, 4) == 0  # a half is not
    assert form("ok", [good, {**good, "text": "too short"}], [False, False], 2, 4) == pytest.approx(0.5)
    assert form("ok", [good, {**good, "text": "word " * 101}], [False, False], 2, 4) == pytest.approx(0.5)
    assert form("ok", [good] * 12, [False] * 12, 12, 4) == pytest.approx(0.5)


def test_a_repetition_is_known_by_its_words() -> None:
    texts = ["The sample is too small.", "the SAMPLE is too small", "the sample is far too small here", "No blinding."]
    assert repeats(texts) == [False, True, True, False]


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_best_confidence_to_state_is_the_true_one(chance: float, said: float) -> None:
    def expected(stated: float | None) -> float:
        return chance * confidence_score(stated, True) + (1 - chance) * confidence_score(stated, False)

    assert expected(chance) == pytest.approx(chance**2)
    assert expected(said) <= expected(chance) + 1e-12
    assert expected(None) <= expected(said) + 1e-12  # silence never pays


def test_doubt_in_junk_earns_nothing() -> None:
    assert confidence_score(0.0, False) == 0
    assert confidence_score(1.0, True) == 1
    assert confidence_score(1.0, False) == confidence_score(None, False) == -1
    assert confidence([]) == -1
    assert confidence([(0.5, True), (0.5, False)]) == pytest.approx((0.75 - 0.25) / 2)
