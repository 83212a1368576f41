"""Comparing systems on the same articles under the same contract, from their stored results alone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.errors import InputError, printable
from bioreview_bench.results.result import Result
from bioreview_bench.stats.max_t import no_systems, updated
from bioreview_bench.stats.significance import LabelSwapTest, label_swap_test, unit_numbers

LEVEL = 0.05


@dataclass(frozen=True)
class PairComparison:
    """Label-swap test of two systems; `p_adjusted` is corrected over all pairs of the comparison (`max_t`).

    Of more than two systems, both p-values come from one matrix of random swaps, and `exact` is false.
    """

    a: str
    b: str
    delta_f1: float
    n_informative: int
    p_value: float
    p_adjusted: float
    exact: bool


@dataclass(frozen=True)
class Comparison:
    """Systems by falling F1, their pairwise tests, and tied groups, the best first.

    A tied group is everyone not significantly below the group's best at LEVEL.
    """

    names: list[str]
    results: list[Result]
    tests: list[PairComparison]
    groups: list[list[str]]


def compare(results: Sequence[Result], names: Sequence[str], draws: int = 10_000, seed: int = 42) -> Comparison:
    """Compare results of equal signature. Raises InputError naming what differs."""
    if len(results) < 2:
        raise InputError("A comparison needs at least two results.", remedy="bench compare A.result.json B.result.json")
    if len(set(names)) != len(names):
        raise InputError(f"Two systems have the same name: {', '.join(printable(name) for name in names)}.")
    for result, name in zip(results[1:], names[1:], strict=True):
        _check_comparable(results[0], names[0], result, name)
    order = sorted(range(len(results)), key=lambda place: (-(results[place].record.overall.f1 or 0.0), names[place]))
    ranked, ranked_names = [results[place] for place in order], [names[place] for place in order]
    tests = _tests(ranked, ranked_names, draws, seed)
    return Comparison(ranked_names, ranked, tests, _groups(ranked_names, tests))


def swap_test(a: Result, b: Result, draws: int = 10_000, seed: int = 42) -> LabelSwapTest:
    """Label-swap test of two results on the same articles, families swapped whole. Raises InputError as it does."""
    return label_swap_test(rows(a), rows(b), families(a), draws, seed)


def tied_groups(below: NDArray[np.bool_]) -> list[list[int]]:
    """Split systems, numbered by falling F1, into tied groups; `below[a, b]`: b is significantly below a.

    A group is everyone left who is not below the first one left, so that each system is in one group.
    """
    left, groups = np.arange(len(below)), []
    while len(left):
        apart = below[left[0], left]
        apart[0] = False
        groups.append(left[~apart].tolist())
        left = left[apart]
    return groups


_WORDS = {
    "spec": "specification",
    "enc": "encoder",
    "len": "maximum length",
    "dtype": "precision",
    "pool": "pooling",
    "tf": "transform",
    "sim": "similarity",
    "thr": "threshold",
    "match": "matching",
    "null": "donors of each article",
    "fig": "references that need a figure",
}


def differing_fields(a: str, b: str) -> list[str]:
    """The fields in which two signatures differ, in words, with both values."""
    left, right = _fields(a), _fields(b)
    return [
        f"{_WORDS.get(name, name)}: {left.get(name, 'absent')} and {right.get(name, 'absent')}"
        for name in dict.fromkeys([*left, *right])
        if left.get(name) != right.get(name)
    ]


def rows(result: Result) -> NDArray[np.float64]:
    """(articles, 3): n_matched, n_ref, n_pred, in the order of article ids."""
    order = np.argsort(np.array(result.counts.id))
    return np.column_stack([result.counts.n_matched, result.counts.n_ref, result.counts.n_pred])[order]


def families(result: Result) -> list[str]:
    """The family of each row of `rows`."""
    return [result.counts.family[place] for place in np.argsort(np.array(result.counts.id))]


def unit_counts(table: NDArray[np.float64], groups: Sequence[Hashable]) -> NDArray[np.float64]:
    """Rows (articles, 3) summed over groups, (units, 3): what swaps move, in order of first occurrence."""
    units = unit_numbers(len(table), groups)
    summed = np.zeros((int(units.max()) + 1 if len(units) else 0, table.shape[1]))
    np.add.at(summed, units, table)
    return summed


def _fields(signature: str) -> dict[str, str]:
    return dict(part.partition(":")[::2] for part in signature.split("|")[1:])


def _check_comparable(first: Result, first_name: str, other: Result, other_name: str) -> None:
    who = f"{printable(first_name)} and {printable(other_name)}"
    if first.signature != other.signature:
        listed = "\n".join(f"  {printable(line, 300)}" for line in differing_fields(first.signature, other.signature))
        raise InputError(
            f"{who} cannot be compared, their signatures differ:\n{listed}",
            remedy="evaluate both on the same data under the same contract",
        )
    if sorted(first.counts.id) != sorted(other.counts.id):
        raise InputError(
            f"{who} cannot be compared: their results list different articles.", remedy="evaluate both again"
        )


def _tests(results: Sequence[Result], names: Sequence[str], draws: int, seed: int) -> list[PairComparison]:
    if len(results) == 2:
        test = swap_test(results[0], results[1], draws, seed)
        p = test.p_value
        return [PairComparison(names[0], names[1], test.delta_f1, test.n_informative, p, p, test.exact)]
    tables, groups = [rows(result) for result in results], families(results[0])
    tests = updated(no_systems(draws, seed), {place: unit_counts(table, groups) for place, table in enumerate(tables)})
    where = {
        pair: number for number, pair in enumerate(zip(tests.pairs.b.tolist(), tests.pairs.a.tolist(), strict=True))
    }
    p_values, adjusted = tests.p_values(), tests.adjusted()
    units = unit_numbers(len(groups), groups)
    return [
        PairComparison(
            a=names[a],
            b=names[b],
            delta_f1=float(0.0 - tests.pairs.delta_f1[where[a, b]]),
            n_informative=len(np.unique(units[(tables[a] != tables[b]).any(axis=1)])),
            p_value=float(p_values[where[a, b]]),
            p_adjusted=float(adjusted[where[a, b]]),
            exact=False,
        )
        for a, b in combinations(range(len(results)), 2)
    ]


def _groups(names: Sequence[str], tests: Sequence[PairComparison]) -> list[list[str]]:
    place = {name: number for number, name in enumerate(names)}
    below = np.zeros((len(names), len(names)), bool)
    for test in tests:
        below[place[test.a], place[test.b]] = test.p_adjusted < LEVEL and test.delta_f1 > 0
    return [[names[number] for number in group] for group in tied_groups(below)]
