"""Assignment: the most eligible pairs first, then the greatest total similarity."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from bioreview_bench.errors import InputError
from bioreview_bench.scoring.matching import assign, max_matches

# Multiples of 0.05, so that ties and similarities equal to the threshold are common.
GRID = st.integers(-20, 20).map(lambda step: step / 20)


def matrices() -> st.SearchStrategy[np.ndarray]:
    shapes = st.tuples(st.integers(0, 5), st.integers(0, 5))
    return shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=GRID))


def best(similarity: np.ndarray, threshold: float) -> tuple[int, float]:
    """(most pairs, greatest total among those) over all one-to-one assignments."""
    if similarity.shape[0] > similarity.shape[1]:
        similarity = similarity.T
    n_rows, n_columns = similarity.shape
    found = []
    for columns in permutations(range(n_columns), n_rows):
        values = [similarity[row, column] for row, column in enumerate(columns)]
        eligible = [value for value in values if value >= threshold]
        found.append((len(eligible), sum(eligible)))
    most = max(number for number, _ in found)
    return most, max(total for number, total in found if number == most)


def test_conformance(shared: Path) -> None:
    for case in json.loads((shared / "conformance" / "matching.json").read_text()):
        similarity = np.array(case["similarity"], np.float64)
        rows, columns = assign(similarity, case["threshold"])
        assert len(rows) == case["n_matched"], case["name"]
        assert similarity[rows, columns].sum() == pytest.approx(case["total_similarity"], abs=1e-5), case["name"]


@given(matrices(), GRID)
# Two pairs of similarity 0 beat one of 1: what an ineligible pair costs must outweigh any similarity.
@example(np.array([[1.0, 0.0], [0.0, -0.9]]), 0.0)
@settings(deadline=None, max_examples=200)
def test_no_assignment_has_more_pairs_or_as_many_with_a_greater_total(similarity: np.ndarray, threshold: float) -> None:
    rows, columns = assign(similarity, threshold)
    number, total = best(similarity, threshold)
    assert len(set(rows.tolist())) == len(set(columns.tolist())) == len(rows) == number
    assert (similarity[rows, columns] >= threshold).all()
    assert similarity[rows, columns].sum() == pytest.approx(total, abs=1e-6)


@given(matrices(), GRID)
@settings(deadline=None, max_examples=200)
def test_max_matches_is_the_number_of_assigned_pairs(similarity: np.ndarray, threshold: float) -> None:
    assert max_matches(similarity >= threshold) == len(assign(similarity, threshold)[0])


def test_large_sparse_problem_is_still_maximal() -> None:
    # About two eligible partners for each row: greedy choices leave pairs on the table.
    similarity = np.random.default_rng(5).random((300, 300))
    eligible = similarity >= 0.993
    partners = maximum_bipartite_matching(csr_array(eligible), perm_type="column")
    expected = int((partners >= 0).sum())
    assert 150 < expected < 300
    assert len(assign(similarity, 0.993)[0]) == max_matches(eligible) == expected


@pytest.mark.parametrize("threshold", [0.65, np.float64(0.65)], ids=["float", "numpy scalar"])
def test_threshold_is_compared_in_the_dtype_of_the_similarities(threshold: float) -> None:
    # float32(0.65) is below the float64 number 0.65.
    single = np.array([[0.65]], np.float32)
    assert len(assign(single, threshold)[0]) == 1
    assert len(assign(single.astype(np.float64), threshold)[0]) == 0


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nobody_to_match(shape: tuple[int, int]) -> None:
    rows, columns = assign(np.zeros(shape), 0.0)
    assert len(rows) == len(columns) == 0
    assert max_matches(np.zeros(shape, bool)) == 0


def test_empty_list_is_an_empty_matrix() -> None:
    assert len(assign([], 0.5)[0]) == 0


def test_nan_is_refused_even_beside_eligible_pairs() -> None:
    with pytest.raises(InputError, match="NaN"):
        assign([[0.9, np.nan]], 0.5)


def test_a_row_of_similarities_is_no_matrix() -> None:
    with pytest.raises(InputError, match=r"\(2,\)"):
        assign([0.9, 0.8], 0.5)
