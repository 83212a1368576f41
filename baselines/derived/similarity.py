"""Cosine similarity of concerns under a contract's encoder, for removing and merging near-copies.

Only the encoder and its maximum length are taken from the contract; its threshold and transform play no part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.errors import InputError

Similarity = Callable[[Sequence[str]], NDArray[np.float64]]  # n texts to (n, n)

# Vectors are float32: equal ones have a dot product of 1 only to within this, and a threshold of 1 means equality.
ROUNDING = 1e-6


class TextEncoder(Protocol):
    """Whatever embeds texts: `part` names it as a signature does."""

    part: str

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) L2-normalised float32."""
        ...


def contract_encoder(
    contract: Contract, encoder_path: Path | None, progress: Callable[[int, int], None]
) -> TextEncoder:
    """The contract's encoder with its cache on disk. Raises InputError when it has none, EncoderError."""
    if contract.encoder is None:
        raise InputError(
            f"Contract {contract.name} has no encoder, so nothing measures how near two concerns are.",
            remedy="use --contract v3 or demo",
        )
    from bioreview_bench.scoring.backends import EncoderBackend

    return EncoderBackend(contract, encoder_path, progress)


def cosines(texts: Iterable[str], encoder: TextEncoder) -> Similarity:
    """Embed every distinct text once; what is returned answers for any of them. Raises EncoderError, WriteError."""
    distinct = list(dict.fromkeys(texts))
    vectors = encoder.vectors(distinct) if distinct else np.empty((0, 1), np.float32)
    place = {text: position for position, text in enumerate(distinct)}

    def similarity(asked: Sequence[str]) -> NDArray[np.float64]:
        chosen = vectors[[place[text] for text in asked]].astype(np.float64)
        found: NDArray[np.float64] = chosen @ chosen.T
        return found

    return similarity
