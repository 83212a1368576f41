"""Step-down max-T over label swaps, against plain loops; adding and removing systems, against all at once."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.stats import max_t
from bioreview_bench.stats.max_t import MaxT, no_systems, updated

Table = Any  # (units, 3): n_matched, n_ref, n_pred
DRAWS, SEED = 300, 7


def systems(n: int, units: int, seed: int = 1) -> dict[int, Table]:
    """Systems of different quality on the same references; the third is the second once more."""
    rng = np.random.default_rng(seed)
    references = rng.integers(0, 8, units)
    found = {}
    for label in range(n):
        predicted = rng.integers(0, 8, units)
        matched = rng.binomial(np.minimum(references, predicted), rng.uniform(0.1, 0.9))
        found[label] = np.column_stack([matched, references, predicted])
    found[2] = found[1].copy()
    return found


def f1(rows: Table) -> float:
    matched, references, predicted = (int(number) for number in rows.sum(axis=0))
    return 2 * matched / (references + predicted) if references + predicted else 0.0


def by_plain_loops(tables: dict[int, Table]) -> dict[tuple[int, int], tuple[float, float, float]]:
    """(a, b) to difference, p and adjusted p, as the specification words it."""
    units = len(next(iter(tables.values())))
    swaps = np.random.Generator(np.random.PCG64(SEED)).integers(0, 2, size=(DRAWS, units))
    observed, swapped, own, delta = {}, {}, {}, {}
    for a, b in combinations(tables, 2):
        delta[a, b] = f1(tables[a]) - f1(tables[b])
        moved = []
        for draw in swaps:
            one = [tables[b][unit] if swap else tables[a][unit] for unit, swap in enumerate(draw)]
            other = [tables[a][unit] if swap else tables[b][unit] for unit, swap in enumerate(draw)]
            moved.append(abs(f1(np.array(one)) - f1(np.array(other))))
        spread = (sum(value * value for value in moved) / DRAWS) ** 0.5
        observed[a, b] = abs(delta[a, b]) / spread if spread else 0.0
        swapped[a, b] = [value / spread if spread else 0.0 for value in moved]
        own[a, b] = (1 + sum(value >= observed[a, b] - 1e-12 for value in swapped[a, b])) / (DRAWS + 1)
    order = sorted(observed, key=lambda pair: -observed[pair])
    found, highest = {}, 0.0
    for place, pair in enumerate(order):
        most = [max(swapped[other][draw] for other in order[place:]) for draw in range(DRAWS)]
        p = (1 + sum(value >= observed[pair] - 1e-12 for value in most)) / (DRAWS + 1)
        highest = max(highest, p)
        found[pair] = (delta[pair], own[pair], highest)
    return found


def found_in(tests: MaxT) -> dict[tuple[int, int], tuple[float, float, float]]:
    """The same of a tests; the earlier label first."""
    columns = (tests.pairs.a, tests.pairs.b, tests.pairs.delta_f1, tests.p_values(), tests.adjusted())
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {(min(a, b), max(a, b)): (delta if a < b else -delta, p, adjusted) for a, b, delta, p, adjusted in rows}


def agree(found: Any, expected: Any) -> None:
    assert found.keys() == expected.keys()
    for pair in expected:
        assert found[pair] == pytest.approx(expected[pair], abs=1e-12), pair


@pytest.mark.parametrize(("n", "units"), [(3, 4), (5, 8), (7, 30), (9, 60)])
def test_all_pairs_are_those_of_plain_loops(n: int, units: int) -> None:
    tables = systems(n, units)
    expected = by_plain_loops(tables)
    agree(found_in(updated(no_systems(DRAWS, SEED), tables)), expected)
    assert expected[1, 2] == (0.0, 1.0, 1.0)  # identical systems
    adjusted = [p for _, _, p in expected.values()]
    assert len(set(adjusted)) > 1  # else the comparison could not fail


def test_adding_one_after_the_other_is_the_same_as_all_at_once() -> None:
    tables = systems(9, 40)
    tests = no_systems(DRAWS, SEED)
    for n in range(1, len(tables) + 1):
        tests = updated(tests, {label: tables[label] for label in range(n)})
    whole = updated(no_systems(DRAWS, SEED), tables)
    assert found_in(tests) == found_in(whole)


@pytest.mark.parametrize("gone", [{0}, {8}, {2, 5}, {1, 2, 3, 4}, set(range(8))])
def test_removing_leaves_what_the_others_alone_would_have(gone: set[int]) -> None:
    tables = systems(9, 40)
    left = {label: table for label, table in tables.items() if label not in gone}
    tests = updated(updated(no_systems(DRAWS, SEED), tables), left)
    assert tests.systems == tuple(left)
    assert found_in(tests) == found_in(updated(no_systems(DRAWS, SEED), left))


def test_removing_and_adding_at_once_and_adding_again() -> None:
    tables = systems(9, 40)
    first = {label: tables[label] for label in (0, 3, 4, 6, 7)}
    second = {label: tables[label] for label in (0, 1, 4, 7, 8)}
    tests = updated(updated(no_systems(DRAWS, SEED), first), second)
    assert found_in(tests) == found_in(updated(no_systems(DRAWS, SEED), second))
    back = updated(updated(tests, {}), first)
    assert found_in(back) == found_in(updated(no_systems(DRAWS, SEED), first))


def test_the_order_of_systems_changes_no_p_value() -> None:
    tables = systems(6, 30)
    turned = {label: tables[label] for label in reversed(tables)}
    agree(found_in(updated(no_systems(DRAWS, SEED), turned)), found_in(updated(no_systems(DRAWS, SEED), tables)))


def test_blocks_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = systems(8, 40)
    whole = updated(no_systems(DRAWS, SEED), tables)
    monkeypatch.setattr(max_t, "_CELLS", 3 * DRAWS)
    monkeypatch.setattr(max_t, "_CANDIDATES", 1000)
    monkeypatch.setattr(max_t, "_SWAPS", 333)
    assert found_in(updated(no_systems(DRAWS, SEED), tables)) == found_in(whole)


def test_many_pairs_cost_no_resolution() -> None:
    """Forty systems have 780 pairs; of 300 draws none reaches a clear difference, and p is still 1/301."""
    rng = np.random.default_rng(3)
    references = np.full(200, 6)
    tables = {}
    for label in range(40):
        matched = rng.binomial(6, 0.9 if label == 0 else 0.1, 200)
        tables[label] = np.column_stack([matched, references, np.full(200, 6)])
    found = found_in(updated(no_systems(DRAWS, SEED), tables))
    assert {found[0, other][2] for other in range(1, 40)} == {1 / 301}
    assert min(p for pair, (_, _, p) in found.items() if 0 not in pair) > 0.05


def test_a_step_down_needs_less_than_a_single_step() -> None:
    """Once clear pairs are out of the way, the others are compared with a smaller maximum."""
    tables = systems(9, 60)
    tests = updated(no_systems(DRAWS, SEED), tables)
    adjusted, own = tests.adjusted(), tests.p_values()
    assert (adjusted >= own).all()
    order = np.argsort(-tests.pairs.statistic)
    assert (np.diff(adjusted[order]) >= 0).all()


def test_without_references_or_predictions_nothing_differs() -> None:
    rng = np.random.default_rng(5)
    empty = {label: np.column_stack([np.zeros(9), np.zeros(9), rng.integers(0, 5, 9)]) for label in range(3)}
    assert {p for _, p, adjusted in found_in(updated(no_systems(50), empty)).values()} == {1.0}
    silent = {label: np.column_stack([np.zeros(9), np.full(9, 4), np.zeros(9)]) for label in range(3)}
    assert {adjusted for _, p, adjusted in found_in(updated(no_systems(50), silent)).values()} == {1.0}


def test_other_articles_and_no_draws_are_refused() -> None:
    tables = systems(3, 10)
    with pytest.raises(InputError, match="not the same articles"):
        updated(no_systems(), {0: tables[0], 1: tables[1][:9]})
    with pytest.raises(InputError, match="not the same articles"):
        updated(no_systems(), {0: tables[0], 1: tables[1] + [0, 1, 0]})
    with pytest.raises(InputError, match="shape"):
        updated(no_systems(), {0: [(1, 2)], 1: [(1, 2)]})
    with pytest.raises(InputError, match="number of draws cannot be 0"):
        no_systems(0)
