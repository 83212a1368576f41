"""Vectors for rewards: those of references come from the core's cache, those of completions are made at once.

Completions are new by nature; storing them would only make the cache grow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.contracts.transforms import Vectors
from bioreview_bench.encoders.cache import VectorCache, check_vectors, embed
from bioreview_bench.encoders.files import resolve
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.errors import InputError
from bioreview_bench.files.paths import vectors_root

Progress = Callable[[int, int], None]


class Vectorizer(Protocol):
    """Raw vectors (n, d), float32, L2-normalised."""

    def known(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts that are asked for again and again."""
        ...

    def new(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts that were just written, in one batch."""
        ...


class CachedVectorizer:
    """The contract's encoder, loaded once. Raises EncoderError when it is unavailable."""

    def __init__(
        self, contract: Contract, encoder_path: Path | None = None, progress: Progress = lambda done, total: None
    ) -> None:
        if contract.similarity != "cos" or contract.max_length is None:
            raise InputError(
                f"Contract {contract.name} compares words, not vectors.",
                remedy="use a contract with an encoder, such as demo-topic",
            )
        self._encoder = LocalEncoder(resolve(contract, encoder_path), contract.max_length)
        self._progress = progress

    def known(self, texts: Sequence[str]) -> Vectors:
        """From the cache, else encoded and stored."""
        return embed(texts, self._encoder, VectorCache(vectors_root(), self._encoder.identity), self._progress)

    def new(self, texts: Sequence[str]) -> Vectors:
        """Encoded, not stored."""
        return self._encoder.encode(texts)


class CallerVectorizer:
    """A caller's encoder: `id` and `encode(texts) -> (n, d)`. No cache sees its vectors."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder

    def known(self, texts: Sequence[str]) -> Vectors:
        """Encoded."""
        vectors = np.asarray(self._encoder.encode(list(texts)), np.float32)
        check_vectors(vectors, len(texts), str(self._encoder.id))
        return vectors

    def new(self, texts: Sequence[str]) -> Vectors:
        """Encoded."""
        return self.known(texts)
