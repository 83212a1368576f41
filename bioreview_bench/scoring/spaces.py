"""Spaces in which texts are compared. A space answers one question: how similar are these texts to those?

Both spaces hold the texts of a TextPool; texts are named by their position in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from bioreview_bench.contracts.transforms import Transform
from bioreview_bench.scoring.texts import Indices

Vectors = NDArray[np.float32]

_BLOCK = 1024  # rows normalised at once


class Space(Protocol):
    """Similarity of texts, as seen from one article."""

    def similarity(self, rows: Indices, columns: Indices, article_id: str) -> NDArray[np.floating]:
        """(len(rows), len(columns)) similarities."""
        ...


class CosineSpace:
    """Cosine of embedded texts, after the contract's transform (None for the transform `none`)."""

    def __init__(self, vectors: Vectors, transform: Transform | None, *, owned: bool = False) -> None:
        # Vectors that nobody else reads (`owned`) are normalised where they are.
        self._vectors = vectors if transform is not None else normalised(vectors, vectors if owned else None)
        self._transform = transform

    def similarity(self, rows: Indices, columns: Indices, article_id: str) -> NDArray[np.floating]:
        """(len(rows), len(columns)) float32 cosines."""
        cosines: NDArray[np.floating] = self.compared(rows, article_id) @ self.compared(columns, article_id).T
        return cosines

    def compared(self, rows: Indices, article_id: str) -> Vectors:
        """(len(rows), d) the unit vectors that are compared, as seen from an article."""
        found = self._vectors[rows]
        return found if self._transform is None else normalised(self._transform(article_id, found))


class JaccardSpace:
    """Overlap of word sets: |intersection| / |union|, 0 for two texts without words. A diagnostic."""

    _WORD = re.compile(r"[a-z0-9]{3,}")

    def __init__(self, texts: Sequence[str]) -> None:
        words = [sorted(set(self._WORD.findall(text.lower()))) for text in texts]
        vocabulary = {word: column for column, word in enumerate(sorted({word for row in words for word in row}))}
        columns = [vocabulary[word] for row in words for word in row]
        starts = np.concatenate([[0], np.cumsum([len(row) for row in words])]).astype(np.int64)
        shape = (len(texts), max(1, len(vocabulary)))
        self._incidence = csr_array((np.ones(len(columns)), np.array(columns, np.int64), starts), shape=shape)
        self._sizes = np.diff(starts).astype(np.float64)

    def similarity(self, rows: Indices, columns: Indices, article_id: str) -> NDArray[np.floating]:
        """(len(rows), len(columns)) float64 overlaps; the article makes no difference."""
        if not len(rows) or not len(columns):
            return np.zeros((len(rows), len(columns)))
        shared = (self._incidence[rows] @ self._incidence[columns].T).toarray()
        union = self._sizes[rows][:, None] + self._sizes[columns][None, :] - shared
        overlap: NDArray[np.floating] = np.zeros_like(shared)
        np.divide(shared, union, out=overlap, where=union > 0)
        return overlap


def normalised(vectors: Vectors, out: Vectors | None = None) -> Vectors:
    """L2-normalised float32 rows, in `out` if given; a zero row, which a transform can leave, stays zero."""
    found: Vectors = np.empty_like(vectors) if out is None else out
    for start in range(0, len(vectors), _BLOCK):
        rows = vectors[start : start + _BLOCK]
        norms = np.linalg.norm(rows, axis=1, keepdims=True)  # makes a copy of what it is given
        np.divide(rows, np.where(norms > 0, norms, 1), out=found[start : start + _BLOCK])
    return found
