"""Transforms of raw encoder vectors, applied before cosine (scoring specification, section 4).

They cost no encoding beyond the sentences they learn from: the cache holds raw vectors. `none` is the identity.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.errors import InputError

Vectors = NDArray[np.float32]

# (article id, raw vectors (n, d)) to the vectors that are compared for that article, not yet L2-normalised.
Transform = Callable[[str, Vectors], Vectors]

NONE = "none"
CENTER = "center"
_TOPIC = re.compile(r"topic-([1-9][0-9]?)")


def topic_rank(name: str) -> int | None:
    """k of `topic-k`; None for another transform."""
    found = _TOPIC.fullmatch(name)
    return int(found.group(1)) if found else None


def is_known(name: str) -> bool:
    """True for `none`, `center` and `topic-1` to `topic-99`."""
    return name in (NONE, CENTER) or topic_rank(name) is not None


@dataclass(frozen=True)
class Center:
    """Subtract the mean vector of the train references: what all concerns share says nothing of any of them.

    Source: S. Arora, Y. Liang, T. Ma, "A simple but tough-to-beat baseline for sentence embeddings" (2017), of which
    this is the mean in place of the first component; J. Mu, P. Viswanath, "All-but-the-top" (2018), step 1.
    """

    mean: Vectors

    def __call__(self, article_id: str, vectors: Vectors) -> Vectors:
        """(n, d) less the mean."""
        if vectors.shape[1] != len(self.mean):
            raise InputError(f"The basis has {len(self.mean)} dimensions, the encoder {vectors.shape[1]}.")
        return vectors - self.mean


@dataclass(frozen=True)
class Topic:
    """Remove what the paper is about: project out the main directions of a sample of its own sentences.

    Source: the removal of top components of "All-but-the-top" (Mu and Viswanath 2018), here for each article and
    learnt from the paper's sentences, so that a concern is compared by what it says beyond the paper's subject.
    """

    bases: Mapping[str, NDArray[np.float64]]

    def __call__(self, article_id: str, vectors: Vectors) -> Vectors:
        """(n, d) less the projection on the article's topic directions."""
        basis = self.bases[article_id]
        return (vectors - (vectors @ basis.T) @ basis).astype(np.float32)


def topic_basis(sentences: Vectors, k: int) -> NDArray[np.float64]:
    """(k, d): the first k right singular vectors of the (uncentred) sentence vectors, in float64."""
    return np.linalg.svd(sentences.astype(np.float64), full_matrices=False)[2][:k]


def encode_basis(mean: Vectors) -> str:
    """A mean vector as text, so that a contract carries it: base64 of little-endian float32."""
    return base64.b64encode(np.ascontiguousarray(mean, "<f4").tobytes()).decode("ascii")


def decode_basis(text: str) -> Vectors:
    """The inverse of `encode_basis`. Raises InputError for anything else."""
    try:
        mean = np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float32)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"The contract's basis is not base64 of float32: {error}.") from error
    if not len(mean) or not np.isfinite(mean).all():
        raise InputError("The contract's basis is empty or not finite.")
    return mean
