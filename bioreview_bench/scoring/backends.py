"""How a contract's texts become comparable: an encoder of this machine, a caller's encoder, or word sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.contracts.transforms import Transform, Vectors
from bioreview_bench.encoders.cache import VectorCache, check_vectors, embed
from bioreview_bench.encoders.files import resolve
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.errors import InputError
from bioreview_bench.files.paths import vectors_root
from bioreview_bench.results.records import Encoder
from bioreview_bench.scoring.spaces import CosineSpace, JaccardSpace, Space

Progress = Callable[[int, int], None]
Fit = Callable[[Vectors], Transform | None]


class Backend(Protocol):
    """`record` and `part` describe what compares the texts; `reusable` says that its scores may be stored."""

    record: Encoder
    part: str
    reusable: bool

    def space(self, texts: Sequence[str], fit: Fit) -> Space:
        """Make the texts comparable; `fit` makes the transform from their vectors."""
        ...

    def serves(self, contract: Contract) -> bool:
        """True when it compares texts as the contract says."""
        ...

    @property
    def device(self) -> str | None:
        """Where encoding ran; None when nothing was encoded."""
        ...


def choose(contract: Contract, encoder: Any, encoder_path: Path | None, progress: Progress) -> Backend:
    """The backend of a contract. Raises InputError, EncoderError before any text is encoded."""
    if encoder is not None:
        return CallerBackend(encoder)
    if contract.similarity == "jaccard":
        return JaccardBackend()
    if contract.similarity == "judge":
        from bioreview_bench.scoring.judge.space import JudgeBackend

        return JudgeBackend(contract)
    return EncoderBackend(contract, encoder_path, progress)


class EncoderBackend:
    """An encoder of this machine, with its vectors cached on disk. Made once, it serves any number of scores."""

    reusable = True

    def __init__(self, contract: Contract, encoder_path: Path | None, progress: Progress) -> None:
        if contract.similarity != "cos":
            raise InputError(
                f"Contract {contract.name} has no encoder.", remedy="name a contract that compares vectors"
            )
        if contract.max_length is None:
            raise InputError(
                f"Contract {contract.name} states no max_length.", remedy="add max_length = N (word pieces)"
            )
        files = resolve(contract, encoder_path)
        self._encoder = LocalEncoder(files, contract.max_length, contract.dtype or "fp32")
        self._progress = progress
        self._encoded = False
        self._encodes = _encoder_of(contract)
        self.record = Encoder(
            id=files.id,
            revision=files.revision,
            weights_sha256=files.weights_sha256,
            files_sha256=files.files_sha256,
            verified=files.verified,
        )
        self.part = files.part

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that could change a raw vector, besides the text."""
        return self._encoder.identity

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """(n, d) raw vectors. Raises EncoderError, WriteError."""
        return embed(texts, self._encoder, VectorCache(vectors_root(), self._encoder.identity), self._noted)

    def space(self, texts: Sequence[str], fit: Fit) -> Space:
        """Cosine space of the texts. Raises EncoderError, WriteError."""
        self._encoded = False
        vectors = self.vectors(texts)
        return CosineSpace(vectors, fit(vectors), owned=True)

    def serves(self, contract: Contract) -> bool:
        """True for contracts of the same encoder, weights and maximum length."""
        return _encoder_of(contract) == self._encodes

    @property
    def device(self) -> str | None:
        """`cpu` or `cuda`, None when every vector was cached."""
        return self._encoder.device if self._encoded else None

    def _noted(self, done: int, total: int) -> None:
        self._encoded = True
        self._progress(done, total)


class CallerBackend:
    """An object with `id` and `encode(texts) -> (n, d) float32, L2-normalised`. No cache sees its vectors."""

    reusable = False
    device = None

    def __init__(self, encoder: Any) -> None:
        if not isinstance(getattr(encoder, "id", None), str) or not callable(getattr(encoder, "encode", None)):
            raise InputError("An encoder needs an `id` (a string) and a method `encode(texts)`.")
        self._encoder = encoder
        self.record = Encoder(id=encoder.id, revision=None, weights_sha256=None, verified=False)
        self.part = str(encoder.id)

    def space(self, texts: Sequence[str], fit: Fit) -> Space:
        """Cosine space of the texts. Raises EncoderError when the encoder returns something else."""
        vectors = np.empty((0, 1), np.float32)
        if texts:
            vectors = np.asarray(self._encoder.encode(list(texts)), np.float32)
            check_vectors(vectors, len(texts), self.part)
        return CosineSpace(vectors, fit(vectors))

    def serves(self, contract: Contract) -> bool:
        """True for every contract that compares vectors."""
        return contract.similarity == "cos"


class JaccardBackend:
    """Word overlap, for contracts that say so."""

    reusable = True
    device = None
    record = Encoder(id=None, revision=None, weights_sha256=None, verified=True)
    part = "-"

    def space(self, texts: Sequence[str], fit: Fit) -> Space:
        """Word-set space of the texts; there is nothing to fit."""
        return JaccardSpace(texts)

    def serves(self, contract: Contract) -> bool:
        """True for contracts of word overlap."""
        return contract.similarity == "jaccard"


def _encoder_of(contract: Contract) -> tuple[object, ...]:
    """The fields of a contract that decide a raw vector."""
    vector = ("weights_sha256", "adapter", "files_sha256", "max_length", "dtype", "pooling")
    return tuple(getattr(contract, field) for field in ("similarity", "encoder", "revision", *vector))
