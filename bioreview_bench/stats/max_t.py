"""Which of several systems differ? Step-down max-T (Westfall and Young 1993) over label swaps of micro F1.

One matrix of random swaps serves all pairs, so that their dependence is used and many pairs cost no resolution: a
correction of single p-values (Bonferroni, Holm) can reject nothing once draws are fewer than pairs. Every pair's
statistic, |difference of F1|, is divided by the root mean square of its swapped statistics. The pairs are ordered by
statistic; the adjusted p of each is the share of draws in which some pair from its place on reaches its statistic.

`MaxT` keeps what is needed to add or remove a system without going through all pairs again. For each draw that is a
staircase: the pairs, by rising statistic, whose swapped statistic exceeds those of all pairs before it. With n pairs a
staircase has about log(n) steps, and the maximum over any tail of the order can be read off it. Two systems are left to
`significance`, whose test is exact for few articles.

Draws must be many beside systems. A spread found from few is itself uncertain, and of thousands of pairs those with a
spread too small come out on top: of 100 equal systems, some two differ in 8.9 % of comparisons with 199 draws and in
4.7 % with 999, of 300 in 7.3 % with 499 and in 5.2 % with 10,000 (1,000 comparisons each, `benchmarks/board/bands.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_TOLERANCE = 1e-12
_CELLS = 80_000  # pairs times draws computed at a time: what fits a processor's cache
_CANDIDATES = 400_000  # possible steps held at a time
_LEVELS = 64  # statistics at which the maxima of draws are known while pairs are added
_SWAPS = 2_000_000  # cells of the matrix of swaps made at a time


@dataclass(frozen=True)
class SwappedPairs:
    """One entry for each pair of systems, in any order. `delta_f1` is F1 of `a` minus F1 of `b`.

    `spread` is the root mean square of the swapped differences, `n_extreme` the number of draws in which the pair's
    own swapped statistic reaches the observed one.
    """

    a: Integers
    b: Integers
    delta_f1: Floats
    spread: Floats
    n_extreme: Integers

    @property
    def statistic(self) -> Floats:
        """|difference| over spread; 0 for pairs that no swap moves."""
        return _scaled(np.abs(self.delta_f1), self.spread)


@dataclass(frozen=True)
class Staircases:
    """The staircases of all draws, by draw and rising statistic: a step's draw, pair and swapped statistic."""

    draw: Integers
    pair: Integers
    value: Floats


@dataclass(frozen=True)
class MaxT:
    """The tests of every pair of `systems` (labels of the caller's), on one set of articles with the same swaps."""

    draws: int
    seed: int
    systems: tuple[int, ...]
    pairs: SwappedPairs
    steps: Staircases

    def p_values(self) -> Floats:
        """p of each pair for itself."""
        return (1 + self.pairs.n_extreme) / (self.draws + 1)

    def adjusted(self) -> Floats:
        """p of each pair, corrected over all of them; never below its own."""
        statistic = self.pairs.statistic
        order = np.argsort(statistic, kind="stable")
        rising = statistic[order]
        # From a step's statistic to that of the next, the maximum of the draw is the step's value.
        start = np.searchsorted(rising, statistic[self.steps.pair], side="left")
        end = np.searchsorted(rising, self.steps.value + _TOLERANCE, side="right")
        following = np.full(len(start), len(rising))
        same = self.steps.draw[1:] == self.steps.draw[:-1]
        following[:-1][same] = start[1:][same]
        end = np.maximum(start, np.minimum(end, following))
        change = np.bincount(start, minlength=len(rising) + 1) - np.bincount(end, minlength=len(rising) + 1)
        p = (1 + np.cumsum(change)[: len(rising)]) / (self.draws + 1)
        p = np.maximum.accumulate(p[::-1])[::-1]
        adjusted = np.empty_like(p)
        adjusted[order] = p
        return adjusted


def no_systems(draws: int = 10_000, seed: int = 42) -> MaxT:
    """The tests of nothing, to be `updated`. Raises InputError unless there is at least one draw."""
    if draws < 1:
        raise InputError(f"The number of draws cannot be {draws}.", remedy="use 10000")
    none, nothing = np.zeros(0, np.int64), np.zeros(0)
    return MaxT(draws, seed, (), SwappedPairs(none, none, nothing, nothing, none), Staircases(none, none, nothing))


def updated(tests: MaxT, counts: Mapping[int, Any]) -> MaxT:
    """The tests of the systems in `counts`: those that they lack are added, those that are not named are removed.

    `counts`: by system, (units, 3) n_matched, n_ref, n_pred; units in the order of the swap matrix, the same for all.
    What the tests know of a system must have come from the same counts. Raises InputError when lengths or reference
    counts differ.
    """
    staying = tuple(label for label in tests.systems if label in counts)
    added = tuple(label for label in counts if label not in tests.systems)
    if staying == tests.systems and not added:
        return tests
    labels = staying + added
    if not labels:
        return no_systems(tests.draws, tests.seed)
    sums = _sums([np.asarray(counts[label], np.float64) for label in labels], tests.draws, tests.seed)
    if len(staying) < len(tests.systems):
        tests = _without(tests, staying, sums)
    return _extended(tests, labels, sums) if added else tests


@dataclass(frozen=True)
class _Sums:
    """Totals of each system, and what the swaps of each draw take away from it; draw 0 swaps nothing."""

    references: float
    matched: Floats  # (systems,)
    predicted: Floats
    swapped_matched: NDArray[np.float32]  # (systems, 1 + draws), exact: counts far below 2**24
    swapped_predicted: NDArray[np.float32]

    def of_draws(self, columns: Integers) -> _Sums:
        """For some draws only."""
        return _Sums(
            self.references,
            self.matched,
            self.predicted,
            self.swapped_matched[:, columns],
            self.swapped_predicted[:, columns],
        )

    def differences(self, system: int) -> Iterator[tuple[slice, Floats]]:
        """F1 of `system` minus F1 of each system before it, in every draw, a few of them at a time.

        With m and t the matches and the references and predictions on the system's side, K and C those of both sides,
        F1 - F1 = 2m/t - 2(K-m)/(C-t) = 2(Cm - Kt) / t(C-t): integers up to one division.
        """
        side_matched = self.matched[system] - self.swapped_matched[system].astype(np.float64)
        side_total = self.references + self.predicted[system] - self.swapped_predicted[system].astype(np.float64)
        step = max(1, _CELLS // len(side_total))
        for start in range(0, system, step):
            rows = slice(start, min(system, start + step))
            both_matched = (self.matched[system] + self.matched[rows])[:, None]
            both_total = (2 * self.references + self.predicted[system] + self.predicted[rows])[:, None]
            matched = self.swapped_matched[rows] + side_matched
            total = self.swapped_predicted[rows] + side_total
            below = both_total - total
            below *= total
            matched *= both_total
            total *= both_matched
            matched -= total
            matched *= 2
            # Without references nothing can match, and every F1 is 0.
            yield rows, np.divide(matched, below, out=matched) if self.references else np.zeros_like(matched)


def _sums(tables: list[Floats], draws: int, seed: int) -> _Sums:
    first = tables[0]
    for table in tables:
        if table.ndim != 2 or table.shape[1] != 3:
            raise InputError(f"Rows are (n_matched, n_ref, n_pred), these have shape {table.shape}.")
        if table.shape != first.shape or (table[:, 1] != first[:, 1]).any():
            raise InputError("The systems' reference counts differ, so these are not the same articles.")
    units = len(first)
    stacked = np.stack(tables)[:, :, [0, 2]].transpose(1, 2, 0).reshape(units, -1).astype(np.float32)
    swapped = np.zeros((2 * len(tables), 1 + draws), np.float32)
    generator = np.random.Generator(np.random.PCG64(seed))
    block = max(1, _SWAPS // max(1, units))
    for start in range(0, draws, block):
        swaps = generator.integers(0, 2, size=(min(block, draws - start), units)).astype(np.float32)
        swapped[:, 1 + start : 1 + start + len(swaps)] = (swaps @ stacked).T
    totals = np.stack([table.sum(axis=0) for table in tables])
    n = len(tables)
    return _Sums(float(totals[0, 1]), totals[:, 0], totals[:, 2], swapped[:n], swapped[n:])


def _extended(tests: MaxT, labels: tuple[int, ...], sums: _Sums) -> MaxT:
    """Add the pairs of every label that the tests lack with those before it."""
    n_old = len(tests.pairs.a)
    n_pairs = len(labels) * (len(labels) - 1) // 2
    delta, spread, n_extreme = np.zeros(n_pairs), np.zeros(n_pairs), np.zeros(n_pairs, np.int64)
    delta[:n_old], spread[:n_old], n_extreme[:n_old] = (
        tests.pairs.delta_f1,
        tests.pairs.spread,
        tests.pairs.n_extreme,
    )
    a, b = [tests.pairs.a], [tests.pairs.b]
    stairs = _Stairs(tests.steps, _scaled(np.abs(delta), spread), np.arange(tests.draws))
    place = n_old
    for system in range(len(tests.systems), len(labels)):
        for rows, differences in sums.differences(system):
            where = slice(place, place + len(differences))
            place = where.stop
            delta[where] = differences[:, 0]
            swapped = np.abs(differences[:, 1:])
            spread[where] = np.sqrt(np.einsum("ij,ij->i", swapped, swapped) / tests.draws)
            swapped = _scaled(swapped, spread[where, None])
            observed = _scaled(np.abs(delta[where]), spread[where])
            stairs.statistic[where] = observed
            n_extreme[where] = stairs.add(np.arange(where.start, where.stop), swapped).sum(axis=1)
            a.append(np.full(len(differences), labels[system]))
            b.append(np.array(labels[rows], np.int64))
    pairs = SwappedPairs(np.concatenate(a), np.concatenate(b), delta, spread, n_extreme)
    return MaxT(tests.draws, tests.seed, labels, pairs, stairs.finished())


def _without(tests: MaxT, staying: tuple[int, ...], sums: _Sums) -> MaxT:
    """Remove systems; only the draws in whose staircase one of them has a step are gone through again.

    The first systems of `sums` are those that stay.
    """
    kept = np.isin(tests.pairs.a, staying) & np.isin(tests.pairs.b, staying)
    old = tests.pairs
    pairs = SwappedPairs(old.a[kept], old.b[kept], old.delta_f1[kept], old.spread[kept], old.n_extreme[kept])
    again = np.unique(tests.steps.draw[~kept[tests.steps.pair]])
    whole = ~np.isin(tests.steps.draw, again)
    number = np.cumsum(kept) - 1
    steps = Staircases(tests.steps.draw[whole], number[tests.steps.pair[whole]], tests.steps.value[whole])
    stairs = _Stairs(steps, pairs.statistic, again)
    place = {label: where for where, label in enumerate(staying)}
    index = np.zeros((len(staying), len(staying)), np.int64)
    a, b = (np.array([place[label] for label in side.tolist()], np.int64) for side in (pairs.a, pairs.b))
    index[a, b] = index[b, a] = np.arange(len(a))
    few = sums.of_draws(1 + again)
    for system in range(1, len(staying)) if len(again) else ():
        for rows, differences in few.differences(system):
            numbers = index[system, rows]
            stairs.add(numbers, _scaled(np.abs(differences), pairs.spread[numbers][:, None]))
    return MaxT(tests.draws, tests.seed, staying, pairs, stairs.finished())


class _Stairs:
    """Staircases while pairs are added to those of `draws`; the others stay as they are.

    Few values become steps. Most others do not exceed what their draw already reaches at a lower statistic, one of
    `_levels`, and are left out before anything is sorted.
    """

    def __init__(self, steps: Staircases, statistic: Floats, draws: Integers) -> None:
        self.statistic = statistic
        self._steps, self._draws = steps, draws
        self._candidates: list[tuple[Integers, Integers, Floats]] = []  # draws, pairs, values
        self._size = 0
        self._set_floor()

    def add(self, pairs: Integers, values: Floats) -> NDArray[np.bool_]:
        """Add the swapped statistics `values` (pairs, draws); which of them reach the pair's own statistic."""
        own = self.statistic[pairs]
        reaching = values >= own[:, None] - _TOLERANCE
        # A value below the pair's own statistic reaches no statistic of this or of a later pair.
        rising = reaching & (values > self._floor[np.searchsorted(self._levels, own, side="right")])
        row, column = np.divmod(np.flatnonzero(rising), len(self._draws))
        self._candidates.append((self._draws[column], pairs[row], values[row, column]))
        self._size += len(row)
        if self._size >= _CANDIDATES:
            self._merge()
            self._set_floor()
        return reaching

    def finished(self) -> Staircases:
        """All staircases."""
        self._merge()
        return self._steps

    def _merge(self) -> None:
        old = self._steps
        draw, pair, value = (
            np.concatenate(columns) for columns in zip((old.draw, old.pair, old.value), *self._candidates, strict=True)
        )
        self._candidates, self._size = [], 0
        order = np.lexsort((self.statistic[pair], draw))
        # The running maximum inside each draw: draws are far apart on a scale of ranks.
        rank = np.empty(len(value), np.int64)
        rank[np.argsort(value, kind="stable")] = np.arange(len(value))
        height = (draw * len(value) + rank)[order]
        kept = np.ones(len(order), bool)
        kept[1:] = height[1:] > np.maximum.accumulate(height)[:-1]
        order = order[kept]
        self._steps = Staircases(draw[order], pair[order], value[order])

    def _set_floor(self) -> None:
        """Row k of the floor: the largest value, in each draw, of the pairs up to the k-th level; none for k = 0."""
        steps = self._steps
        here = np.isin(steps.draw, self._draws)
        statistic = self.statistic[steps.pair[here]]
        self._levels = np.quantile(statistic, np.linspace(0, 1, _LEVELS)) if len(statistic) else np.zeros(0)
        self._floor = np.full((1 + len(self._levels), len(self._draws)), -1.0)
        row = 1 + np.searchsorted(self._levels, statistic, side="left")
        np.maximum.at(self._floor, (row, np.searchsorted(self._draws, steps.draw[here])), steps.value[here])
        np.maximum.accumulate(self._floor, axis=0, out=self._floor)


def _scaled(values: Floats, spread: Floats) -> Floats:
    return np.divide(values, spread, out=np.zeros(np.broadcast_shapes(values.shape, spread.shape)), where=spread > 0)
