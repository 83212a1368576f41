"""Do bands err as rarely as they promise, and do they find what is there? Simulated boards whose true order is known.

    python benchmarks/board/bands.py [--systems 33] [--runs 1000] [--draws 10000] [--articles 278] [--only equal]
    python benchmarks/board/bands.py --systems 300 --into runs.jsonl     a line a run; known ones are not repeated
    python benchmarks/board/bands.py --systems 300 --into runs.jsonl --runs 0     what a stopped simulation has so far
    python benchmarks/board/bands.py --check [--systems 33] [--runs 5]

Articles differ in length and difficulty, which all systems share. Two kinds of boards: `equal`, all systems alike, and
`levels`, each a step better than the last (`--gap`, in log-odds), three systems to a level. Printed are the share of
runs in which any pair of equal systems is called different (it should be 5 % at most; on `equal` boards 5 %) with its
Clopper-Pearson interval, the share of truly different pairs that are found, by how many levels they lie apart, and the
numbers of runs in which a difference is found the wrong way round, and in which a best system is not in band 1.

A run makes the decisions of `stats.max_t`, not its p-values (`decisions`), some twenty times as fast.

--check compares adjusted p-values, bands and decisions with a plain computation: all swapped statistics in one matrix,
F1 as two divisions, maxima over every tail of the order.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from bioreview_bench.stats.comparison import LEVEL, tied_groups
from bioreview_bench.stats.max_t import no_systems, updated

Tables = dict[int, NDArray[np.float64]]  # by system: (articles, 3) n_matched, n_ref, n_pred
Booleans = NDArray[np.bool_]
_PER_LEVEL = 3
_STEPS = (1, 2, 4, 8, 16)
_ROUNDING = 4e-6  # relative, of a statistic in single precision: twenty times what was found
_BLOCK = 500  # draws at a time
_ROWS = 128  # pairs at a time: with a block of draws, what fits a processor's cache


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=int, default=33)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--articles", type=int, default=278)
    parser.add_argument("--gap", type=float, default=0.1)
    parser.add_argument("--first", type=int, default=0, help="seed of the first run: parts of a long simulation add up")
    parser.add_argument("--only", choices=("equal", "levels"))
    parser.add_argument("--into", type=Path, help="a file to which every run adds a line")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    for kind, gap in (("equal", 0.0), ("levels", asked.gap)):
        if asked.only not in (None, kind):
            continue
        began = time.monotonic()
        print(f"{kind}: {asked.systems} systems, {asked.articles} articles, {asked.draws} draws", end=", ", flush=True)
        if asked.check:
            _check(asked, gap)
        else:
            _simulate(asked, gap)
        print(f"  ({time.monotonic() - began:.0f} s)")


def simulated(seed: int, systems: int, articles: int, gap: float) -> Tables:
    """A board. System 0 is the best; `gap` is the difference of log-odds between levels."""
    rng = np.random.default_rng((seed, systems))  # of another stream than the swaps of this seed
    n_ref = 1 + rng.poisson(rng.gamma(4, 1.5, articles))
    difficulty = rng.normal(0, 1, articles)
    n_pred = 1 + rng.poisson(8, (systems, articles))
    quality = -gap * (_levels(systems) - _levels(systems).mean()) if gap else np.zeros(systems)
    own = rng.normal(0, 0.5, (systems, articles))  # how well a system gets on with an article
    chance = 1 / (1 + np.exp(-(quality[:, None] + difficulty + own)))
    n_matched = rng.binomial(np.minimum(n_ref, n_pred), chance)
    return {one: np.column_stack([n_matched[one], n_ref, n_pred[one]]).astype(np.float64) for one in range(systems)}


def _levels(systems: int) -> NDArray[np.int64]:
    return np.arange(systems) // _PER_LEVEL


def _simulate(asked: argparse.Namespace, gap: float) -> None:
    board = {"systems": asked.systems, "articles": asked.articles, "draws": asked.draws, "gap": gap}
    lines = asked.into.read_text().splitlines() if asked.into and asked.into.exists() else []
    runs = {run["seed"]: run for run in map(json.loads, lines) if board.items() <= run.items()}
    for seed in range(asked.first, asked.first + asked.runs):
        if seed not in runs:
            runs[seed] = {**board, "seed": seed, **_run(seed, asked, gap)}
            if asked.into:
                with asked.into.open("a") as file:
                    file.write(json.dumps(runs[seed]) + "\n")
    print(f"{len(runs)} runs")
    if runs:
        _print(list(runs.values()), gap)


def _run(seed: int, asked: argparse.Namespace, gap: float) -> dict[str, Any]:
    """What one board's decisions come to."""
    tables = simulated(seed, asked.systems, asked.articles, gap)
    significant = decisions(tables, asked.draws, seed)
    level = _levels(asked.systems) if gap else np.zeros(asked.systems, np.int64)
    a, b = np.tril_indices(asked.systems, -1)
    f1 = np.array([_f1(*table.sum(axis=0)) for table in tables.values()])
    apart = level[a] - level[b]  # > 0: b is truly better
    first = groups_of(tables, significant)[0]
    return {
        "false_alarm": bool((significant & (apart == 0)).any()),
        "wrong_way": bool((significant & (apart * (f1[a] - f1[b]) > 0)).any()),
        "best_missed": not set(np.flatnonzero(level == 0).tolist()) <= set(first),
        "found": {steps: float(significant[abs(apart) == steps].mean()) for steps in _STEPS if (apart == steps).any()},
    }


def _print(runs: list[dict[str, Any]], gap: float) -> None:
    alarms = sum(run["false_alarm"] for run in runs)
    interval = binomtest(alarms, len(runs)).proportion_ci(method="exact")
    print(f"  equal systems called different in {alarms / len(runs):.2%} of the runs ({alarms} runs", end="")
    print(f", 95% CI {interval.low:.2%} to {interval.high:.2%}; expected {'at most ' if gap else ''}{LEVEL:.0%})")
    if gap:
        shares: dict[int, list[float]] = defaultdict(list)
        for run in runs:
            for steps, share in run["found"].items():
                shares[int(steps)].append(share)
        found = ", ".join(f"{steps} levels {np.mean(of):.1%}" for steps, of in shares.items())
        wrong, missed = (sum(run[what] for run in runs) for what in ("wrong_way", "best_missed"))
        print(f"  truly different pairs found: {found}")
        print(f"  wrong way round in {wrong} runs; a best system outside band 1 in {missed} runs")


def decisions(tables: Tables, draws: int, seed: int) -> Booleans:
    """Which pairs, in the order of `MaxT.pairs`, have an adjusted p below LEVEL.

    Steps down as max-T does, but ends a step as soon as the draws whose maximum over the remaining pairs reaches their
    largest statistic are too many for anything to be rejected (curtailed sampling, Besag and Clifford 1991). Computes
    in single precision; where that leaves a decision open, it is made by `stats.max_t`.
    """
    swaps = _Swaps(tables, draws, seed)
    p = (1 + np.arange(draws)) / (draws + 1)
    allowed = int((p < LEVEL).sum()) - 1  # draws that may reach the statistic of a pair that is rejected
    left = np.ones(len(swaps.observed), bool)
    while left.any() and allowed >= 0:
        maxima = swaps.maxima(left, allowed)
        if maxima is None:
            break
        critical = np.partition(maxima, -1 - allowed)[-1 - allowed]  # those above have at most `allowed` draws
        stepped = left & (swaps.observed > critical * (1 + _ROUNDING))
        if not stepped.any():
            if (swaps.observed[left] >= critical * (1 - _ROUNDING)).any():
                return updated(no_systems(draws, seed), tables).adjusted() < LEVEL
            break
        left &= ~stepped
    return ~left if allowed >= 0 else np.zeros(len(left), bool)


class _Swaps:
    """Observed and swapped statistics of all pairs.

    A system's matches and predictions on its own side less those on the other, X and Y, are kept for every draw. With K
    and C the matches and the references and predictions of both sides of a pair,
    F1 - F1 = 4C * (X - X' - (Y - Y') K/C) / (C**2 - (Y - Y')**2).
    """

    def __init__(self, tables: Tables, draws: int, seed: int) -> None:
        stacked = np.stack(list(tables.values())).astype(np.float32)
        units = stacked.shape[1]
        swaps = np.random.Generator(np.random.PCG64(seed)).integers(0, 2, size=(draws, units)).astype(np.float32)
        sides = np.float32(1) - 2 * swaps.T
        self._matched, self._predicted = (np.ascontiguousarray(stacked[:, :, column] @ sides) for column in (0, 2))
        total = np.stack(list(tables.values())).sum(axis=1)
        self._a, self._b = np.tril_indices(len(tables), -1)
        both = total[self._a] + total[self._b]
        counted = both[:, 1] + both[:, 2]
        self._share = (both[:, 0] / counted).astype(np.float32)
        self._square = (counted**2).astype(np.float32)
        every = np.arange(len(counted))
        squares = np.zeros(len(counted))
        for start in range(0, draws, _BLOCK):
            for pairs, values in self._values(every, slice(start, start + _BLOCK)):
                squares[pairs] += np.einsum("ij,ij->i", values, values)
        spread = 4 * counted * np.sqrt(squares / draws)
        f1 = 2 * total[:, 0] / (total[:, 1] + total[:, 2])
        delta = abs(f1[self._a] - f1[self._b])
        self.observed = np.divide(delta, spread, out=np.zeros_like(delta), where=spread > 0)
        self._scale = np.divide(4 * counted, spread, out=np.zeros_like(delta), where=spread > 0).astype(np.float32)
        self._draws = draws

    def maxima(self, left: Booleans, allowed: int) -> NDArray[np.float32] | None:
        """The largest statistic of the pairs `left` in each draw; None once more than `allowed` reach all of theirs."""
        pairs = np.flatnonzero(left)
        enough = self.observed[left].max() * (1 + _ROUNDING)
        maxima = np.zeros(self._draws, np.float32)
        for start in range(0, self._draws, _BLOCK):
            columns = slice(start, start + _BLOCK)
            for some, values in self._values(pairs, columns):
                values *= self._scale[some][:, None]
                np.maximum(maxima[columns], np.abs(values, out=values).max(axis=0), out=maxima[columns])
            if (maxima[: columns.stop] >= enough).sum() > allowed:
                return None
        return maxima

    def _values(self, pairs: NDArray[np.int64], columns: slice) -> Iterator[tuple[Any, NDArray[np.float32]]]:
        """Swapped differences, less the factor 4C, of a few `pairs` at a time."""
        matched, predicted = (np.ascontiguousarray(of[:, columns]) for of in (self._matched, self._predicted))
        ends = np.searchsorted(self._a[pairs], np.arange(len(matched)), side="right")
        for system in range(1, len(matched)):
            for start in range(ends[system - 1], ends[system], _ROWS):
                some = pairs[start : min(start + _ROWS, ends[system])]
                values, below = matched[self._b[some]], predicted[self._b[some]]
                np.subtract(matched[system], values, out=values)
                np.subtract(predicted[system], below, out=below)
                values -= below * self._share[some][:, None]
                below *= below
                np.subtract(self._square[some][:, None], below, out=below)
                yield some, np.divide(values, below, out=values)


def groups_of(tables: Tables, significant: Booleans) -> list[list[int]]:
    """The bands, the best first; `significant` in the order of `MaxT.pairs`."""
    f1 = np.array([_f1(*table.sum(axis=0)) for table in tables.values()])
    below = np.zeros((len(f1), len(f1)), bool)
    below[np.tril_indices(len(f1), -1)] = significant
    below |= below.T
    order = np.argsort(-f1, kind="stable")
    return [order[group].tolist() for group in tied_groups(np.triu(below[np.ix_(order, order)]))]


def _check(asked: argparse.Namespace, gap: float) -> None:
    worst, same, decided = 0.0, 0, 0
    for seed in range(asked.first, asked.first + asked.runs):
        tables = simulated(seed, asked.systems, asked.articles, gap)
        tests = updated(no_systems(asked.draws, seed), tables)
        expected = plainly(tables, asked.draws, seed)
        adjusted = tests.adjusted()
        plain = np.array(
            [expected[pair][1] for pair in zip(tests.pairs.a.tolist(), tests.pairs.b.tolist(), strict=True)]
        )
        worst = max(worst, float(abs(adjusted - plain).max()))
        same += groups_of(tables, adjusted < LEVEL) == groups_of(tables, plain < LEVEL)
        decided += bool((decisions(tables, asked.draws, seed) == (adjusted < LEVEL)).all())
    print(f"{asked.runs} runs")
    print(f"  largest difference of an adjusted p: {worst:.1e}; equal bands in {same} runs, decisions in {decided}")


def plainly(tables: Tables, draws: int, seed: int) -> dict[tuple[int, int], tuple[float, float]]:
    """By pair: the difference of F1 and the adjusted p, as the specification words it."""
    swaps = np.random.Generator(np.random.PCG64(seed)).integers(0, 2, size=(draws, len(tables[0])))
    pairs = [(b, a) for a, b in combinations(tables, 2)]
    observed, swapped, delta = np.zeros(len(pairs)), np.zeros((len(pairs), draws)), np.zeros(len(pairs))
    moved = {one: swaps @ table for one, table in tables.items()}
    total = {one: table.sum(axis=0) for one, table in tables.items()}
    for place, (a, b) in enumerate(pairs):
        delta[place] = _f1(*total[a]) - _f1(*total[b])
        one, other = total[a] - moved[a] + moved[b], total[b] - moved[b] + moved[a]
        values = np.abs(_f1(*one.T) - _f1(*other.T))
        spread = np.sqrt(np.mean(values**2))
        if spread:
            observed[place], swapped[place] = abs(delta[place]) / spread, values / spread
    order = np.argsort(-observed, kind="stable")
    tails = np.maximum.accumulate(swapped[order][::-1], axis=0)[::-1]
    p = (1 + (tails >= observed[order][:, None] - 1e-12).sum(axis=1)) / (draws + 1)
    p = np.maximum.accumulate(p)
    return {pairs[number]: (delta[number], p[place]) for place, number in enumerate(order.tolist())}


def _f1(matched: float, references: float, predictions: float) -> float:
    """Also of arrays."""
    return 2 * matched / (references + predictions)


if __name__ == "__main__":
    main()
