"""Rank correlation of two rows of figures, for many rows at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from bioreview_bench.stats.formulas import ratio

Rows = NDArray[np.float64]


def rank_correlations(left: Rows, right: Rows) -> dict[str, Rows]:
    """Spearman's rho and Kendall's tau-b (Kendall 1945) along the last axis of (..., n) figures.

    NaN where a figure is undefined, where either side is all ties, and for fewer than three figures.
    """
    undefined = np.isnan(left).any(axis=-1) | np.isnan(right).any(axis=-1) | (left.shape[-1] < 3)
    rho, tau = spearman(left, right), kendall(left, right)
    return {"spearman": np.where(undefined, np.nan, rho), "kendall": np.where(undefined, np.nan, tau)}


def spearman(left: Rows, right: Rows) -> Rows:
    """Pearson's correlation of ranks, ties sharing their mean rank."""
    a, b = (rankdata(rows, axis=-1) for rows in (left, right))
    a, b = a - a.mean(axis=-1, keepdims=True), b - b.mean(axis=-1, keepdims=True)
    return ratio((a * b).sum(axis=-1), np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1)))


def kendall(left: Rows, right: Rows) -> Rows:
    """Pairs in the same order less pairs in the other, over the geometric mean of untied pairs on either side."""
    first, second = np.triu_indices(left.shape[-1], 1)
    a, b = (np.sign(rows[..., first] - rows[..., second]) for rows in (left, right))
    return ratio((a * b).sum(axis=-1), np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1)))
