"""Intervals by a bootstrap over families of articles (scoring specification, section 5).

Versions of one manuscript share their reviews' subject, so families are drawn, not articles. Null counts
travel with their article; donors are not redrawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.errors import InputError
from bioreview_bench.files.prefetch import prefetch
from bioreview_bench.stats.formulas import micro, with_intervals
from bioreview_bench.stats.sums import Sums

if TYPE_CHECKING:
    import pandas

Interval = tuple[float, float]
Statistic = Callable[[Sums], Mapping[str, NDArray[np.float64]]]

_BLOCK_CELLS = 2_000_000  # weights held at once, which bounds memory whatever the number of articles
_BLOCKS_PREFETCHED = 4
_DEFINED = 0.95  # share of draws in which a statistic must be defined


def bootstrap(table: pandas.DataFrame, draws: int = 10_000, seed: int = 42) -> dict[str, Interval | None]:
    """95 % intervals of micro recall, precision and F1.

    `table` has one row for each article with `id`, `family`, `n_ref`, `n_pred`, `n_matched`. An interval is None
    when there are fewer than two families, or the point or more than 5 % of the draws are undefined.

    >>> import pandas
    >>> table = pandas.DataFrame(
    ...     {"id": ["a", "b"], "family": ["a", "b"], "n_ref": [4, 4], "n_pred": [4, 4], "n_matched": [1, 3]}
    ... )
    >>> bootstrap(table)["f1"]
    (0.25, 0.75)
    """
    columns = {
        name: np.asarray(table[column], np.float64)
        for name, column in (("R", "n_ref"), ("P", "n_pred"), ("M", "n_matched"))
    }
    return intervals(
        columns,
        list(table["id"]),
        list(table["family"]),
        lambda sums: micro(sums["M"], sums["R"], sums["P"]),
        draws,
        seed,
    )


def intervals(
    columns: Sums,
    ids: Sequence[str],
    families: Sequence[str],
    statistics: Statistic = with_intervals,
    draws: int = 10_000,
    seed: int = 42,
    weights: Iterable[NDArray[np.float64]] | None = None,
) -> dict[str, Interval | None]:
    """95 % percentile intervals of `statistics`, a function of the sums of `columns` (each of length n articles).

    `weights`: what `drawing` gives for the same articles, draws and seed, where the drawing was begun before.
    """
    if draws < 0:
        raise InputError(f"The number of draws cannot be {draws}.", remedy="use 0 for no intervals, or 10000")
    units = family_units(ids, families)
    n_units = int(units.max()) + 1 if len(units) else 0
    names = list(columns)
    by_unit = np.zeros((n_units, len(names)))
    for position, name in enumerate(names):
        by_unit[:, position] = np.bincount(units, weights=columns[name], minlength=n_units) if n_units else 0
    point = statistics({name: np.asarray(by_unit[:, position].sum()) for position, name in enumerate(names)})
    if n_units < 2 or draws == 0:
        return dict.fromkeys(point)
    blocks = [
        statistics(dict(zip(names, (drawn @ by_unit).T, strict=True)))
        for drawn in (family_weights(n_units, draws, seed) if weights is None else weights)
    ]
    return {
        name: percentiles(np.concatenate([block[name] for block in blocks]), float(value))
        for name, value in point.items()
    }


def family_units(ids: Sequence[str], families: Sequence[str]) -> NDArray[np.intp]:
    """The unit of each article: families numbered in the order of their smallest article id."""
    smallest: dict[str, str] = {}
    for article_id, family in zip(ids, families, strict=True):
        smallest[family] = min(smallest.get(family, article_id), article_id)
    number = {family: unit for unit, family in enumerate(sorted(smallest, key=lambda family: smallest[family]))}
    return np.array([number[family] for family in families], np.intp)


@contextmanager
def drawing(
    ids: Sequence[str], families: Sequence[str], draws: int, seed: int
) -> Iterator[Iterator[NDArray[np.float64]]]:
    """`family_weights` of these articles, drawn in a thread while the counts that they weigh are being made."""
    units = family_units(ids, families)
    n_units = int(units.max()) + 1 if len(units) else 0
    if n_units < 2 or draws < 1:
        yield iter(())
        return
    with prefetch(family_weights(n_units, draws, seed), _BLOCKS_PREFETCHED) as weights:
        yield weights


def family_weights(n_units: int, draws: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each family is drawn: (block, n_units) arrays, together `draws` rows of one random stream."""
    generator = np.random.Generator(np.random.PCG64(seed))
    share = [1 / n_units] * n_units
    block = max(1, _BLOCK_CELLS // n_units)
    for start in range(0, draws, block):
        yield generator.multinomial(n_units, share, size=min(block, draws - start)).astype(np.float64)


def percentiles(values: NDArray[Any], point: float) -> Interval | None:
    """95 % interval of a statistic from its draws; None when the point or more than 5 % of them are undefined."""
    defined = values[~np.isnan(values)]
    if np.isnan(point) or len(defined) < _DEFINED * len(values):
        return None
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)
