"""The paired label-swap test of micro F1."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.stats import significance
from bioreview_bench.stats.significance import label_swap_test

Rows = Sequence[tuple[int, int, int]]


def systems(n: int, seed: int = 3, n_same: int = 0) -> tuple[Rows, Rows]:
    """Two systems on n articles, (n_matched, n_ref, n_pred) each; `n_same` rows are equal, scattered among them."""
    random = np.random.default_rng(seed)
    same = set(random.permutation(n)[:n_same].tolist())
    a, b = [], []
    for article in range(n):
        references = int(random.integers(3, 9))
        a.append((int(random.integers(1, references + 1)), references, references + 1))
        b.append(a[-1] if article in same else (int(random.integers(0, references + 1)), references, references + 2))
    return a, b


def f1(rows: Rows) -> float:
    matched, references, predictions = np.sum(rows, axis=0)
    return float(2 * matched / (references + predictions)) if references + predictions else 0.0


def all_swaps(a: Rows, b: Rows) -> float:
    """The exact p-value, by swapping whole rows in every possible way."""
    observed, extreme = abs(f1(a) - f1(b)), 0
    for swaps in itertools.product([False, True], repeat=len(a)):
        first = [right if swap else left for swap, left, right in zip(swaps, a, b, strict=True)]
        second = [left if swap else right for swap, left, right in zip(swaps, a, b, strict=True)]
        extreme += abs(f1(first) - f1(second)) >= observed - 1e-12
    return extreme / 2 ** len(a)


@pytest.mark.parametrize("seed", range(5))
def test_few_differing_units_are_enumerated(seed: int) -> None:
    a, b = systems(8, seed)
    found = label_swap_test(a, b)
    assert found.exact
    assert found.delta_f1 == pytest.approx(f1(a) - f1(b))
    assert found.p_value == pytest.approx(all_swaps(a, b))


def test_sampling_starts_beyond_sixteen_differing_units() -> None:
    a, b = systems(17)
    same = [(2, 3, 4)] * 30
    assert label_swap_test([*a[:16], *same], [*b[:16], *same]).exact
    found = label_swap_test(a, b)
    assert (found.exact, found.n_informative) == (False, 17)


def test_sampled_p_is_close_to_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = systems(14)
    exact = label_swap_test(a, b)
    monkeypatch.setattr(significance, "_EXHAUSTIVE", 0)
    sampled = label_swap_test(a, b, draws=20_000)
    assert (exact.exact, sampled.exact) == (True, False)
    assert 0.05 < exact.p_value < 0.95
    # Four standard errors of a share estimated from 20,000 draws are below 0.015.
    assert sampled.p_value == pytest.approx(exact.p_value, abs=0.015)


def test_p_is_never_zero() -> None:
    best, worst = [(5, 5, 5)] * 60, [(0, 5, 5)] * 60
    assert label_swap_test(best, worst, draws=999).p_value == 1 / 1000
    # Of all assignments, the observed one and its mirror image are as extreme.
    assert label_swap_test(best[:10], worst[:10]).p_value == 2 / 1024


def test_identical_systems_have_p_one() -> None:
    a, _ = systems(30)
    found = label_swap_test(a, a)
    assert (found.delta_f1, found.n_informative, found.p_value) == (0, 0, 1)
    assert label_swap_test([], []).p_value == 1


def test_two_sided_and_symmetric() -> None:
    a, b = systems(12)
    assert label_swap_test(a, b).p_value == label_swap_test(b, a).p_value
    assert label_swap_test(a, b).delta_f1 == -label_swap_test(b, a).delta_f1


def test_families_are_swapped_whole() -> None:
    # Four articles that always win: alone 2 of 16 assignments are as extreme, as two families 2 of 4.
    a, b = [(1, 1, 1)] * 4, [(0, 1, 1)] * 4
    assert label_swap_test(a, b).p_value == 2 / 16
    found = label_swap_test(a, b, groups=["x", "y", "x", "y"])
    assert (found.n_informative, found.p_value) == (2, 2 / 4)


def test_sampled_p_is_repeatable_and_follows_the_documented_stream() -> None:
    a, b = systems(40, n_same=15)
    difference = [position for position in range(40) if a[position] != b[position]]
    assert len(difference) == 25
    swaps = np.random.Generator(np.random.PCG64(5)).integers(0, 2, size=(400, len(difference)))
    extreme = 0
    for draw in swaps:
        first, second = list(a), list(b)
        for position, swap in zip(difference, draw, strict=True):
            if swap:
                first[position], second[position] = second[position], first[position]
        extreme += abs(f1(first) - f1(second)) >= abs(f1(a) - f1(b)) - 1e-12
    found = label_swap_test(a, b, draws=400, seed=5)
    assert 0 < extreme < 400
    assert found.p_value == (extreme + 1) / 401
    assert found == label_swap_test(a, b, draws=400, seed=5)


@pytest.mark.parametrize("cells", [1, 19, 170])
def test_p_does_not_depend_on_the_block_size(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = systems(22, n_same=3)
    whole = label_swap_test(a, b, draws=501)
    assert not whole.exact
    assert 1 / 502 < whole.p_value < 1
    monkeypatch.setattr(significance, "_BLOCK_CELLS", cells)
    assert label_swap_test(a, b, draws=501) == whole


def test_f1_of_nothing_is_zero_here() -> None:
    # One article without references: saying something about it or nothing scores 0 both times.
    found = label_swap_test([(0, 0, 0)], [(0, 0, 3)])
    assert (found.delta_f1, found.p_value, found.n_informative) == (0, 1, 1)


@pytest.mark.parametrize(
    ("a", "b", "groups", "said"),
    [
        ([(1, 1, 1)], [(1, 1, 1), (0, 1, 1)], None, "1 and 2 rows"),
        ([(1, 1, 1), (1, 2, 2)], [(1, 1, 1), (1, 3, 2)], None, "Row 1: the reference counts differ"),
        ([(1, 1)], [(1, 1)], None, "n_matched, n_ref, n_pred"),
        ([(1, 1, 1)], [(0, 1, 1)], ["x", "y"], "2 groups for 1 rows"),
    ],
)
def test_tables_that_do_not_fit_are_refused(a: Rows, b: Rows, groups: list[str] | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        label_swap_test(a, b, groups)


def test_no_draws_is_refused() -> None:
    with pytest.raises(InputError, match="0"):
        label_swap_test([(1, 1, 1)], [(0, 1, 1)], draws=0)
