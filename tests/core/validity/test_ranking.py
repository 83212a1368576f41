"""Average precision, AUC and rank correlations against scikit-learn and scipy; the bootstrap against a plain one."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from bioreview_bench.stats.uncertainty import family_units, family_weights
from bioreview_bench.validity.rank_correlation import rank_correlations
from bioreview_bench.validity.ranking import ScoredPairs, ranking_figures

_pair = st.tuples(st.integers(0, 4), st.integers(0, 3), st.booleans())


def scored(rows: list[tuple[int, int, bool]]) -> ScoredPairs:
    score, article, same = zip(*rows, strict=True)
    return ScoredPairs(np.array(article, np.intp), np.array(score, float) / 4, np.array(same, bool))


@given(st.lists(_pair, min_size=1, max_size=40))
def test_points_are_those_of_scikit_learn(rows: list[tuple[int, int, bool]]) -> None:
    pairs = scored(rows)
    ids = [f"elife:{number}" for number in range(4)]
    (precision, _), (area, _) = ranking_figures(pairs, ids, ids, draws=0, seed=42)
    if pairs.same.any():
        assert precision == pytest.approx(average_precision_score(pairs.same, pairs.score))
    else:
        assert math.isnan(precision)
    if pairs.same.any() and not pairs.same.all():
        assert area == pytest.approx(roc_auc_score(pairs.same, pairs.score))
    else:
        assert math.isnan(area)


def test_intervals_are_those_of_a_plain_bootstrap_over_families() -> None:
    generator = np.random.default_rng(3)
    n = 120
    pairs = ScoredPairs(generator.integers(0, 6, n), generator.integers(0, 9, n) / 9, generator.random(n) < 0.3)
    ids = [f"elife:{number}" for number in range(6)]
    families = ["one", "one", "two", "three", "four", "five"]
    (_, precision), (_, area) = ranking_figures(pairs, ids, families, draws=300, seed=42)
    units = family_units(ids, families)[pairs.article]
    drawn = np.concatenate(list(family_weights(5, 300, 42)))
    expected = [
        [measure(pairs.same, pairs.score, sample_weight=row[units]) for row in drawn]
        for measure in (average_precision_score, roc_auc_score)
    ]
    assert precision == pytest.approx(np.percentile(expected[0], [2.5, 97.5]))
    assert area == pytest.approx(np.percentile(expected[1], [2.5, 97.5]))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=8))
def test_rank_correlations_are_those_of_scipy(rows: list[tuple[int, int]]) -> None:
    left, right = np.array(rows, float).T
    found = rank_correlations(left, right)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {"spearman": spearmanr(left, right).statistic, "kendall": kendalltau(left, right).statistic}
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(float(value), nan_ok=True)


def test_rank_correlations_of_many_draws_are_those_of_each() -> None:
    left, right = np.random.default_rng(5).random((2, 7, 5))
    left[2, 1] = np.nan
    together = rank_correlations(left, right)
    for name, values in together.items():
        alone = [float(rank_correlations(a, b)[name]) for a, b in zip(left, right, strict=True)]
        assert values.tolist() == pytest.approx(alone, nan_ok=True)
        assert math.isnan(values[2])
    assert math.isnan(rank_correlations(np.array([0.1, 0.2]), np.array([0.1, 0.2]))["kendall"])
