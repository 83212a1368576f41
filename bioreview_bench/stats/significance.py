"""Is one system better than another on the same articles? Approximate randomisation (label swap) of micro F1.

Under the hypothesis of no difference, the two systems' rows of any article could as well be exchanged (Noreen
1989, approximate randomisation). Whole rows are swapped, of whole families where groups are given.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.errors import InputError

_EXHAUSTIVE = 16  # up to this many differing units all assignments are enumerated
_TOLERANCE = 1e-12
_BLOCK_CELLS = 2_000_000


@dataclass(frozen=True)
class LabelSwapTest:
    """`delta_f1` is F1 of a minus F1 of b; `n_informative` counts units whose rows differ.

    `exact` says that `p_value` (two-sided) comes from all assignments, not from random draws. It is never 0.
    """

    delta_f1: float
    n_informative: int
    p_value: float
    exact: bool


def label_swap_test(
    a: Any, b: Any, groups: Sequence[Hashable] | None = None, draws: int = 10_000, seed: int = 42
) -> LabelSwapTest:
    """Test two systems on rows `(n_matched, n_ref, n_pred)`, one for each article, in the same order.

    `groups` names the family of each row; families are swapped whole, in order of first occurrence.

    Raises InputError when the tables differ in length or in reference counts.

    >>> a = [(3, 4, 4), (2, 3, 5), (4, 4, 6)]
    >>> b = [(1, 4, 4), (1, 3, 5), (2, 4, 6)]
    >>> test = label_swap_test(a, b)
    >>> round(test.delta_f1, 3), test.p_value, test.exact
    (0.385, 0.25, True)
    """
    rows_a, rows_b = _rows(a, "a"), _rows(b, "b")
    if rows_a.shape != rows_b.shape:
        raise InputError(f"The systems have {len(rows_a)} and {len(rows_b)} rows; they must have the same articles.")
    if (rows_a[:, 1] != rows_b[:, 1]).any():
        first = int(np.flatnonzero(rows_a[:, 1] != rows_b[:, 1])[0])
        raise InputError(f"Row {first}: the reference counts differ, so these are not the same articles.")
    if draws < 1:
        raise InputError(f"The number of draws cannot be {draws}.", remedy="use 10000")
    units = unit_numbers(len(rows_a), groups)
    difference = np.zeros((int(units.max()) + 1 if len(units) else 0, 2))
    np.add.at(difference, units, (rows_a - rows_b)[:, [0, 2]])
    moving = np.zeros(len(difference), bool)
    np.logical_or.at(moving, units, (rows_a != rows_b).any(axis=1))
    difference = difference[moving]
    k = len(difference)
    total_a, total_b = rows_a.sum(axis=0), rows_b.sum(axis=0)

    def deltas(swaps: NDArray[Any]) -> NDArray[np.float64]:
        moved = swaps.astype(np.float64) @ difference
        f1_a = _f1(total_a[0] - moved[:, 0], total_a[1], total_a[2] - moved[:, 1])
        f1_b = _f1(total_b[0] + moved[:, 0], total_b[1], total_b[2] + moved[:, 1])
        return f1_a - f1_b

    observed = float(deltas(np.zeros((1, k)))[0])
    if k <= _EXHAUSTIVE:
        assignments = (np.arange(2**k)[:, None] >> np.arange(k)) & 1
        extreme = int((np.abs(deltas(assignments)) >= abs(observed) - _TOLERANCE).sum())
        return LabelSwapTest(observed, k, extreme / 2**k, exact=True)
    generator = np.random.Generator(np.random.PCG64(seed))
    block = max(1, _BLOCK_CELLS // k)
    extreme = 0
    for start in range(0, draws, block):
        swaps = generator.integers(0, 2, size=(min(block, draws - start), k))
        extreme += int((np.abs(deltas(swaps)) >= abs(observed) - _TOLERANCE).sum())
    return LabelSwapTest(observed, k, (extreme + 1) / (draws + 1), exact=False)


def smallest_p(n_units: int) -> float:
    """The least p that a test on `n_units` units can have: only two of all swaps are as far apart as all of it.

    >>> smallest_p(8)
    0.0078125
    """
    return float(min(1.0, 2.0 ** (1 - n_units)))


def _f1(matched: Any, references: Any, predictions: Any) -> NDArray[np.float64]:
    total = np.asarray(references + predictions, np.float64)
    found: NDArray[np.float64] = np.zeros_like(total)
    np.divide(2 * matched, total, out=found, where=total != 0)
    return found


def _rows(table: Any, name: str) -> NDArray[np.float64]:
    rows = np.asarray(table, np.float64)
    if rows.size == 0:
        rows = rows.reshape(0, 3)
    if rows.ndim != 2 or rows.shape[1] != 3:
        raise InputError(f"System {name}: rows are (n_matched, n_ref, n_pred), this has shape {rows.shape}.")
    return rows


def unit_numbers(n: int, groups: Sequence[Hashable] | None) -> NDArray[np.intp]:
    """The number of each row's group, in order of first occurrence; without groups, each row is one.

    Raises InputError unless there is a group for each of the `n` rows.
    """
    if groups is None:
        return np.arange(n)
    if len(groups) != n:
        raise InputError(f"There are {len(groups)} groups for {n} rows.")
    number: dict[Hashable, int] = {}
    return np.array([number.setdefault(group, len(number)) for group in groups], np.intp)
