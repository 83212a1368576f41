"""Average precision and AUC over pairs, and their intervals by the bootstrap over families."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.stats.formulas import ratio
from bioreview_bench.stats.uncertainty import Interval, family_units, family_weights, percentiles

_CELLS = 2_000_000  # values of draws held at once, which bounds memory whatever the number of pairs

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs in one column each: the position of their article, the score, and whether they make the same point."""

    article: NDArray[np.intp]
    score: Values
    same: NDArray[np.bool_]


@dataclass(frozen=True)
class Ranked:
    """Pairs counted at the distinct scores of those that make the same point, the only ones where recall steps.

    (units, scores) each: pairs of the same point with that score; those with at least it; all pairs with at least it;
    other pairs with less, those with just it counting half. `others` is (units,): pairs that make no same point.
    """

    at: Values
    same_from: Values
    all_from: Values
    others_below: Values
    others: Values

    @classmethod
    def of(cls, pairs: ScoredPairs, units: NDArray[np.intp]) -> Ranked:
        """`units` gives the unit of each article."""
        levels = np.unique(pairs.score[pairs.same])
        n_units = int(units.max()) + 1 if len(units) else 0
        shape = (n_units, len(levels))
        at, all_from, below = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        others = np.zeros(n_units)
        owner = units[pairs.article]
        for unit in np.unique(owner):
            own, same = pairs.score[owner == unit], pairs.same[owner == unit]
            other = np.sort(own[~same])
            at[unit] = np.bincount(np.searchsorted(levels, own[same]), minlength=len(levels))
            all_from[unit] = len(own) - np.searchsorted(np.sort(own), levels, side="left")
            below[unit] = (np.searchsorted(other, levels, "left") + np.searchsorted(other, levels, "right")) / 2
            others[unit] = len(other)
        return cls(at, at[:, ::-1].cumsum(axis=1)[:, ::-1], all_from, below, others)

    def average_precision(self, weights: Values) -> Values:
        """Sum over scores of precision times the step in recall; `weights` is (draws, units), the result (draws,).

        Without interpolation, equal scores being one threshold. NaN without a pair of the same point.
        """
        steps = weights @ self.at
        precision = np.nan_to_num(ratio(weights @ self.same_from, weights @ self.all_from))
        return ratio((steps * precision).sum(axis=1), steps.sum(axis=1))

    def area(self, weights: Values) -> Values:
        """The chance that a pair of the same point outscores another pair, equal scores counting half.

        NaN where either kind is absent.
        """
        steps = weights @ self.at
        return ratio((steps * (weights @ self.others_below)).sum(axis=1), steps.sum(axis=1) * (weights @ self.others))


def ranking_figures(
    pairs: ScoredPairs, ids: Sequence[str], families: Sequence[str], draws: int, seed: int
) -> tuple[tuple[float, Interval | None], tuple[float, Interval | None]]:
    """Average precision and AUC, each with its 95 % interval; the draws are those of `uncertainty.intervals`."""
    units = family_units(ids, families)
    ranked = Ranked.of(pairs, units)
    n_units = len(ranked.others)
    once = np.ones((1, n_units))
    points = float(ranked.average_precision(once)[0]), float(ranked.area(once)[0])
    if n_units < 2 or draws == 0:
        return (points[0], None), (points[1], None)
    precision, area = [], []
    for drawn in family_weights(n_units, draws, seed):
        for block in _blocks(drawn, max(1, _CELLS // max(1, ranked.at.shape[1]))):
            precision.append(ranked.average_precision(block))
            area.append(ranked.area(block))
    return (
        (points[0], percentiles(np.concatenate(precision), points[0])),
        (points[1], percentiles(np.concatenate(area), points[1])),
    )


def _blocks(weights: Values, rows: int) -> Iterator[Values]:
    for start in range(0, len(weights), rows):
        yield weights[start : start + rows]
