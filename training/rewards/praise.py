"""Which parts of a concern praise, by the encoder: no list of words holds all the ways to say that all is well.

A logistic regression tells the sentences of `praise.txt`, which were written for this, from those of the train
references, which criticise, so that one in a hundred of the latter, left out of the fit, is taken for praise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts.transforms import Vectors
from bioreview_bench.data.comparable import comparable
from bioreview_bench.data.sentences import pick

FEWEST, MOST = 100, 2_000  # parts of references to learn from; with fewer the words of `polarity` decide alone
_TAKEN_FOR_PRAISE = 0.01
_FOLDS = 5
_ABBREVIATED = "".join(rf"(?<!\b{one}\.)" for one in ("[a-z]", "e\\.g", "i\\.e", "vs", "fig", "figs", "al", "cf", "no"))
# A sentence ends before white space, whatever marks stand between, or the number of a footnote.
_PART = re.compile(rf"(?<=[.!?。]){_ABBREVIATED}[^\w\s]*\s\W*|(?<=[a-z][.!?])\d{{1,2}}\s+|[;:()\[\]–—]+")
_LETTER = re.compile(r"[^\W\d_]")


def parts(text: str) -> list[str]:
    """Sentences, and what stands on either side of a colon, a semicolon, a dash or a bracket, as texts are compared.

    >>> parts("This is excellent. Others may say: the sample is small")
    ['this is excellent.', 'others may say', 'the sample is small']
    """
    return [part for part in split(text) if _LETTER.search(part)]


def split(text: str) -> list[str]:
    """As `parts`, with those that have no letter ("10/10")."""
    return [part.strip() for part in _PART.split(comparable(text)) if part.strip()]


class PraiseTest:
    """Learns from parts of references at once. `encode` gives vectors (n, d) of texts."""

    def __init__(self, references: Sequence[str], encode: Callable[[Sequence[str]], Vectors]) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import cross_val_predict

        criticism = list(dict.fromkeys(part for text in references for part in parts(text)))
        criticism = [criticism[place] for place in pick(len(criticism), MOST)]
        self._model = None
        if len(criticism) < FEWEST:
            return
        praise = resources.files(__package__).joinpath("praise.txt").read_text(encoding="utf-8").splitlines()
        vectors = np.concatenate([encode(criticism), encode(list(map(comparable, praise)))]).astype(np.float64)
        praising = np.arange(len(vectors)) >= len(criticism)
        model = LogisticRegression(C=10, class_weight="balanced", max_iter=2_000)
        left_out = cross_val_predict(model, vectors, praising, cv=_FOLDS, method="decision_function")
        self._least = float(np.quantile(left_out[~praising], 1 - _TAKEN_FOR_PRAISE))
        self._model = model.fit(vectors, praising)

    def praises(self, vectors: Vectors) -> NDArray[np.bool_]:
        """(n,) whether each part of vectors (n, d) praises."""
        if self._model is None or not len(vectors):
            return np.zeros(len(vectors), bool)
        return np.asarray(self._model.decision_function(vectors.astype(np.float64)) > self._least)
