"""BM25 scores of every document for a query, by the bm25s library.

The library's own top-k selection partitions, which leaves the order of ties open; callers sort the scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.errors import DataError, EncoderError

# The usual Robertson values, and those of the published recipe.
K1, B = 1.5, 0.75


class Bm25Index:
    """Scores with Lucene's idf, ln(1 + (N - df + 0.5) / (df + 0.5)), which is never negative.

    The term-frequency part is tf / (tf + k1 (1 - b + b length / mean length)): variant `lucene` of Kamphuis et
    al., "Which BM25 do you mean?" (ECIR 2020). Float64, and terms are added in alphabetical order, so that a score
    does not depend on the order of anything. Raises DataError when no document has a word, EncoderError when the
    library is not installed.
    """

    def __init__(self, documents: Sequence[Sequence[str]], k1: float = K1, b: float = B) -> None:
        require_library()
        from bm25s import BM25

        vocabulary = {word: place for place, word in enumerate(sorted({word for words in documents for word in words}))}
        if not vocabulary:
            raise DataError("No train article has a word to search for.", remedy="name data with article texts")
        ids = [[vocabulary[word] for word in words] for words in documents]
        self._vocabulary = vocabulary
        self._bm25 = BM25(k1=k1, b=b, method="lucene", dtype="float64", backend="numpy", csc_backend="numpy")
        self._bm25.index((ids, vocabulary), create_empty_token=False, show_progress=False)
        self._n = len(ids)

    def scores(self, words: Iterable[str]) -> NDArray[np.float64]:
        """(documents,) scores; every distinct word of the query counts once."""
        known = [self._vocabulary[word] for word in sorted(set(words)) if word in self._vocabulary]
        if not known:
            return np.zeros(self._n)
        found: NDArray[np.float64] = self._bm25.get_scores_from_ids(known)
        return found


def require_library() -> None:
    """Raise EncoderError, with the command that installs it, when bm25s is absent."""
    if find_spec("bm25s") is None:
        raise EncoderError(
            "BM25 needs the package bm25s, which is not installed.", remedy="pip install 'bioreview-bench[baselines]'"
        )


def library() -> dict[str, str]:
    """Name and installed version of the library, for a run's description."""
    return {"bm25s": version("bm25s")}


def ranked(scores: NDArray[np.float64]) -> list[int]:
    """Documents with a positive score, best first, ties in document order."""
    order = np.argsort(-scores, kind="stable")
    return [int(place) for place in order if scores[place] > 0]
