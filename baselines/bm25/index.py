"""BM25 scores of every document for a query, by the bm25s library.

The library's own top-k selection partitions, which leaves the order of ties open; callers sort the scores.

Maximal marginal relevance: a selection that is relevant and does not repeat itself.

Words of a paper or a concern, as the lexical reviewers see them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.errors import DataError, EncoderError
from bioreview_bench.files.install import install_command

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
        raise EncoderError("BM25 needs the package bm25s, which is not installed.", remedy=install_command("baselines"))


def library() -> dict[str, str]:
    """Name and installed version of the library, for a run's description."""
    return {"bm25s": version("bm25s")}


def ranked(scores: NDArray[np.float64]) -> list[int]:
    """Documents with a positive score, best first, ties in document order."""
    order = np.argsort(-scores, kind="stable")
    return [int(place) for place in order if scores[place] > 0]


def select(relevance: Sequence[float], words: Sequence[frozenset[str]], n: int, weight: float) -> list[int]:
    """Positions of at most n candidates, in the order chosen (Carbonell and Goldstein, SIGIR 1998).

    Each step takes the candidate with the greatest weight * relevance - (1 - weight) * s, s being its greatest
    Jaccard similarity to those already chosen; the earlier candidate on ties. Relevance is divided by its maximum
    first, so that both parts lie in [0, 1].
    """
    top = max(relevance, default=0.0) or 1.0
    nearest = [0.0] * len(relevance)
    left = list(range(len(relevance)))
    chosen: list[int] = []
    while left and len(chosen) < n:
        best = max(left, key=lambda place: (weight * relevance[place] / top - (1 - weight) * nearest[place], -place))
        left.remove(best)
        chosen.append(best)
        for place in left:
            nearest[place] = max(nearest[place], jaccard(words[place], words[best]))
    return chosen


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """|intersection| / |union|; 0 for two empty sets."""
    union = len(left | right)
    return len(left & right) / union if union else 0.0


_WORD = re.compile(r"[A-Za-z0-9]+")
_SHORTEST = 3  # characters


def tokens(text: str, stop_words: Collection[str]) -> list[str]:
    """Runs of ASCII letters and digits, lower-cased, of at least three characters, without `stop_words`."""
    words = (word.lower() for word in _WORD.findall(text))
    return [word for word in words if len(word) >= _SHORTEST and word not in stop_words]


def paper_text(title: str | None, abstract: str | None, sections: Mapping[str, str], limit: int) -> str:
    """Title, abstract and section texts (not their headings) in file order, one a line, cut at `limit` characters."""
    return "\n".join([title or "", abstract or "", *sections.values()])[:limit]
