"""V1, grounded match: concerns that this article's reviewers raised, and no other article's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from bioreview_bench.transforms import Vectors

from .references import Prepared

HALF_WIDTH = 0.1  # a pair at the contract's threshold is worth one half, this far above it 1, this far below 0
BETA = 0.5  # precision counts more than recall, so that a short review is no loss and a long one no gain


@dataclass(frozen=True)
class Match:
    """One-to-one pairs of positions (concern, reference) with a worth in (0, 1]; `n_written` counts every concern."""

    pairs: tuple[tuple[int, int, float], ...]
    n_written: int
    n_references: int

    @property
    def worth(self) -> float:
        """Sum over the pairs."""
        return sum(value for _, _, value in self.pairs)


def match(vectors: Vectors, counts: Sequence[bool], n_written: int, article: Prepared, threshold: float) -> Match:
    """Match concerns with the article's references.

    `vectors` are the concerns' (m, d) in the article's space; `counts` says which may be matched at all (copies may
    not); `n_written` is how many were written, m or more. A pair of similarity s is worth
    `clip((s - max(threshold - 0.1, other)) / 0.2, 0, 1)`, where `other` is the concern's greatest similarity to a
    stock comment or to a reference of a donor article. The assignment has the greatest total worth.
    """
    if not len(vectors):
        return Match((), n_written, len(article.references))
    other = np.max([(vectors @ held.T).max(axis=1) for held in (article.stock, *article.others)], axis=0)
    floor = np.maximum(threshold - HALF_WIDTH, other)
    worth: NDArray[np.float64] = np.clip(
        ((vectors @ article.vectors.T).astype(np.float64) - floor[:, None]) / (2 * HALF_WIDTH), 0, 1
    )
    worth[~np.asarray(counts, bool)] = 0
    rows, columns = linear_sum_assignment(worth, maximize=True)
    pairs = tuple(
        (int(row), int(column), float(worth[row, column]))
        for row, column in zip(rows, columns, strict=True)
        if worth[row, column] > 0
    )
    return Match(pairs, n_written, len(article.references))


def grounded(found: Match) -> float:
    """F-beta of the match: (1 + b2) * worth / (b2 * references + concerns), b = 0.5; 0 when nothing was written.

    Source: C. J. van Rijsbergen, Information Retrieval (1979), chapter 7, with worths in place of counts.
    """
    if not found.n_written:
        return 0.0
    squared = BETA**2
    return (1 + squared) * found.worth / (squared * found.n_references + found.n_written)
