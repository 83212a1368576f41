"""Percentiles of whole numbers, each an observed value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PERCENTILES = (0, 5, 25, 50, 75, 95, 99, 100)


def percentiles(values: Sequence[int], at: Sequence[int] = PERCENTILES) -> dict[str, int]:
    """`p0` .. `p100` by the nearest rank above; {} for no values.

    >>> percentiles([3, 1, 2], at=(0, 50, 100))
    {'p0': 1, 'p50': 2, 'p100': 3}
    """
    if not values:
        return {}
    found = np.percentile(np.array(values), at, method="inverted_cdf")
    return {f"p{p}": int(value) for p, value in zip(at, found, strict=True)}
