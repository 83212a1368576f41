"""Label-swap tests of ranked systems, each made once and kept: a board compares the same two again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from bioreview_bench.results.result import Result
from bioreview_bench.stats.comparison import LEVEL, swap_test, tied_groups
from bioreview_bench.stats.significance import holm

from .entries import Entry
from .view import PairTest

Pair = tuple[int, int]  # results' numbers, the smaller first
Test = tuple[float, float]  # F1 of the first minus F1 of the second, and p
_SAME = 1e-9


def missing_tests(
    ranked: Sequence[Entry], known: Mapping[Pair, Test], draws: int, load: Callable[[int], Result]
) -> dict[Pair, Test]:
    """Make the tests of the ranked that are not known, or known for another F1 than the records have.

    `load` gets a result's number; only results with a test to make are loaded. All must be of one signature.
    """
    results: dict[int, Result] = {}
    made: dict[Pair, Test] = {}
    for one, other in combinations(sorted(ranked, key=lambda entry: entry.result), 2):
        pair = (one.result, other.result)
        if pair in known and abs(known[pair][0] - (_f1(one) - _f1(other))) <= _SAME:
            continue
        for number in pair:
            if number not in results:
                results[number] = load(number)
        test = swap_test(results[one.result], results[other.result], draws)
        made[pair] = (test.delta_f1, test.p_value)
    return made


def corrected(ranked: Sequence[Entry], tests: Mapping[Pair, Test]) -> list[PairTest]:
    """The tests of all pairs of `ranked` (the best first), Holm-corrected over them."""
    pairs = list(combinations(ranked, 2))
    found = [_oriented(tests, a.result, b.result) for a, b in pairs]
    adjusted = holm([p for _, p in found])
    return [
        PairTest(a=a.submitted.id, b=b.submitted.id, delta_f1=delta, p_value=p, p_holm=p_holm)
        for (a, b), (delta, p), p_holm in zip(pairs, found, adjusted, strict=True)
    ]


def bands(ranked: Sequence[str], tests: Sequence[PairTest]) -> dict[str, int]:
    """Band of each submission, 1 is best: those of a band are not significantly below its first."""
    below = {(test.a, test.b) for test in tests if test.p_holm < LEVEL and test.delta_f1 > 0}
    return {name: band for band, group in enumerate(tied_groups(ranked, below), start=1) for name in group}


def by_f1(key: Callable[[Entry], float | None]) -> Callable[[Entry], tuple[bool, float, str, str]]:
    """A sort key: the highest figure first, undefined ones last, the earlier submission first among equals."""

    def rank(entry: Entry) -> tuple[bool, float, str, str]:
        value = key(entry)
        return value is None, -(value or 0.0), entry.submitted.created_at.isoformat(), entry.submitted.id

    return rank


def _oriented(tests: Mapping[Pair, Test], a: int, b: int) -> Test:
    if a < b:
        return tests[a, b]
    delta, p = tests[b, a]
    return -delta, p


def _f1(entry: Entry) -> float:
    return entry.record.overall.f1 or 0.0
