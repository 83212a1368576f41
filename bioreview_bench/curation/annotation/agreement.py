"""Agreement of two raters: raw, Cohen's kappa, Krippendorff's alpha, and intervals over families of articles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.stats.agreement import label_agreement
from bioreview_bench.stats.formulas import ratio
from bioreview_bench.stats.sums import Sums
from bioreview_bench.stats.uncertainty import Interval, intervals


@dataclass(frozen=True)
class TwoLabels:
    """What two raters said of one thing, and the article and family that it belongs to."""

    article_id: str
    family: str
    first: str
    second: str


@dataclass(frozen=True)
class PairwiseAgreement:
    """Agreement over `n` things; None where a figure is undefined, as kappa is when both always say one and the same.

    Intervals are 95 % percentile bootstrap intervals over families of articles.
    """

    n: int
    n_articles: int
    raw: float | None
    raw_interval: Interval | None
    kappa: float | None
    kappa_interval: Interval | None
    alpha: float | None


def label_agreements(said: Sequence[TwoLabels], draws: int, seed: int) -> PairwiseAgreement:
    """Agreement of two raters: kappa of Cohen (1960), alpha of Krippendorff (2004) for nominal data."""
    values = sorted({label for two in said for label in (two.first, two.second)})
    ids = sorted({two.article_id for two in said})
    family = {two.article_id: two.family for two in said}
    cells = np.zeros((len(ids), len(values), len(values)))
    for two in said:
        cells[ids.index(two.article_id), values.index(two.first), values.index(two.second)] += 1
    columns = {f"{i}|{j}": cells[:, i, j] for i in range(len(values)) for j in range(len(values))}

    def statistics(sums: Sums) -> dict[str, NDArray[np.float64]]:
        return _raw_and_kappa(sums, len(values))

    bounds = intervals(columns, ids, [family[each] for each in ids], statistics, draws, seed) if said else {}
    point = label_agreement((two.first, two.second) for two in said)
    return PairwiseAgreement(
        n=len(said),
        n_articles=len(ids),
        raw=point["accuracy"],
        raw_interval=bounds.get("raw"),
        kappa=point["kappa"],
        kappa_interval=bounds.get("kappa"),
        alpha=_alpha(said, values),
    )


def _raw_and_kappa(sums: Sums, n_values: int) -> dict[str, NDArray[np.float64]]:
    table = np.stack([np.stack([sums[f"{i}|{j}"] for j in range(n_values)], -1) for i in range(n_values)], -2)
    n = table.sum((-2, -1))
    agree = np.trace(table, axis1=-2, axis2=-1)
    by_chance = (table.sum(-1) * table.sum(-2)).sum(-1)
    return {"raw": ratio(agree, n), "kappa": ratio(agree * n - by_chance, n**2 - by_chance)}


def _alpha(said: Sequence[TwoLabels], values: Sequence[str]) -> float | None:
    if len(values) < 2:
        return None
    from krippendorff import alpha

    table = np.array(
        [[values.index(two.first) for two in said], [values.index(two.second) for two in said]], np.float64
    )
    coefficient = float(alpha(reliability_data=table, level_of_measurement="nominal"))
    return None if math.isnan(coefficient) else coefficient
