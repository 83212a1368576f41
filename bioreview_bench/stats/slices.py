"""Slices of a result: figures over articles with one value of a field, or recall of references with one label.

All come from the table of counts; intervals from the same draws over families as those of the headline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.results.counts import LABELLED, SLICED, ArticleCounts
from bioreview_bench.stats.formulas import micro, ratio
from bioreview_bench.stats.uncertainty import Interval, intervals

BY_CONCERN = tuple(kind for kind, _, _ in (*LABELLED, *SLICED))


@dataclass(frozen=True)
class Slice:
    """One value of a field. `precision` and `f1` are None where references, not articles, are sliced.

    `interval` is that of recall for references, of F1 for articles.
    """

    value: str
    n_articles: int
    n_ref: int
    n_matched: int
    recall: float | None
    precision: float | None
    f1: float | None
    interval: Interval | None


def by_concern(counts: ArticleCounts, kind: str, draws: int = 10_000, seed: int = 42) -> list[Slice]:
    """Recall of the references with each label of a kind (BY_CONCERN), for labels that occur."""
    labels = next(labels for name, labels, _ in (*LABELLED, *SLICED) if name == kind)
    references, matched = getattr(counts, f"{kind}_ref"), getattr(counts, f"{kind}_matched")
    columns = {
        f"{count}.{k}": table[:, k] for count, table in (("R", references), ("M", matched)) for k in range(len(labels))
    }
    found = intervals(
        columns,
        counts.id,
        counts.family,
        lambda sums: {str(k): ratio(sums[f"M.{k}"], sums[f"R.{k}"]) for k in range(len(labels))},
        draws,
        seed,
    )
    return [
        Slice(
            label,
            int((references[:, k] > 0).sum()),
            int(references[:, k].sum()),
            int(matched[:, k].sum()),
            _point(ratio(matched[:, k].sum(), references[:, k].sum())),
            None,
            None,
            found[str(k)],
        )
        for k, label in enumerate(labels)
        if references[:, k].any()
    ]


def by_article(counts: ArticleCounts, values: Sequence[str], draws: int = 10_000, seed: int = 42) -> list[Slice]:
    """Recall, precision and F1 over the articles of each value, in the order of values; `values` has one an article.

    Raises ValueError when there are not as many values as articles.
    """
    if len(values) != len(counts):
        raise ValueError(f"{len(values)} values for {len(counts)} articles")
    names = sorted(set(values))
    members = {name: np.array([value == name for value in values], np.float64) for name in names}
    base = {"R": counts.n_ref, "P": counts.n_pred, "M": counts.n_matched}
    columns = {f"{letter}.{name}": column * members[name] for letter, column in base.items() for name in names}
    found = intervals(
        columns,
        counts.id,
        counts.family,
        lambda sums: {name: _figures(sums, name)["f1"] for name in names},
        draws,
        seed,
    )
    sums = {name: np.asarray(column.sum()) for name, column in columns.items()}
    return [
        Slice(
            name,
            int(members[name].sum()),
            int(sums[f"R.{name}"]),
            int(sums[f"M.{name}"]),
            interval=found[name],
            **{metric: _point(value) for metric, value in _figures(sums, name).items()},
        )
        for name in names
    ]


def _figures(sums: Mapping[str, NDArray[np.float64]], name: str) -> dict[str, NDArray[np.float64]]:
    return micro(sums[f"M.{name}"], sums[f"R.{name}"], sums[f"P.{name}"])


def _point(value: NDArray[np.float64]) -> float | None:
    return None if np.isnan(value) else float(value)
