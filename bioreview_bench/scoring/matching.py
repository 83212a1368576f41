"""One-to-one matching of predictions with references: the most eligible pairs first, then the closest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from bioreview_bench.errors import InputError

# Cost of an ineligible pair. Eligible ones cost at most 2, so one more eligible pair always wins
# (scoring specification, section 2).
_INELIGIBLE = 1e6

Indices = NDArray[np.intp]


def assign(similarity: Any, threshold: float) -> tuple[Indices, Indices]:
    """Match rows (predictions) with columns (references) of a similarity matrix.

    `similarity` is (n_predictions, n_references); a pair is eligible when its similarity, compared in its own
    dtype, is at least `threshold`. Returns (prediction indices, reference indices) of the matched pairs: among
    one-to-one assignments one with the most eligible pairs, and among those one with the greatest total
    similarity. Ties beyond that are scipy's choice.

    Raises InputError for a matrix that is not two-dimensional or holds NaN.

    >>> predictions, references = assign([[0.9, 0.8], [0.7, 0.1]], threshold=0.65)
    >>> list(zip(predictions.tolist(), references.tolist()))  # two pairs, though 0.9 alone is the closest
    [(0, 1), (1, 0)]
    """
    matrix = np.asarray(similarity)
    if matrix.ndim != 2:
        if matrix.size:
            raise InputError(f"Similarities must be a matrix (predictions, references), this has shape {matrix.shape}.")
        matrix = matrix.reshape(0, 0)
    if np.isnan(matrix).any():
        raise InputError("Similarities hold NaN.")
    eligible = matrix >= float(threshold)  # a numpy scalar would promote float32 similarities
    if not eligible.any():
        return np.empty(0, np.intp), np.empty(0, np.intp)
    rows, columns = linear_sum_assignment(np.where(eligible, 1.0 - matrix.astype(np.float64), _INELIGIBLE))
    matched = eligible[rows, columns]
    return rows[matched], columns[matched]


def max_matches(eligible: NDArray[np.bool_]) -> int:
    """The largest number of one-to-one pairs among the eligible ones: `len(assign(...)[0])` without the pairs."""
    n_rows, n_columns = int(eligible.any(axis=1).sum()), int(eligible.any(axis=0).sum())
    bound = min(n_rows, n_columns)
    # With one row or column left, or all pairs eligible, the bound is reached.
    if bound <= 1 or eligible.all():
        return bound
    rows, columns = linear_sum_assignment(eligible, maximize=True)
    return int(eligible[rows, columns].sum())
