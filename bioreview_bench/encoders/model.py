"""An encoder of this machine: what decides its vectors, and encoding in batches.

torch is imported when the first text is encoded, not before: a run whose vectors are all cached needs none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.encoders.files import EncoderFiles
from bioreview_bench.errors import EncoderError
from bioreview_bench.files.prefetch import prefetch
from bioreview_bench.files.reading import read_json

if TYPE_CHECKING:
    from bioreview_bench.encoders.loading import Loaded, Tokens

_WINDOW = 1024  # texts tokenised at once; beyond that, sorting by length gains nothing
_WASTE = 1 / 8  # share of a padded batch that may be padding
_LIBRARIES = ("sentence-transformers", "transformers", "tokenizers", "torch")

Vectors = NDArray[np.float32]


class LocalEncoder:
    """A transformer on this machine: mean pooling, L2-normalised float32 vectors.

    `dtype` is that of its matrix products (fp32, bf16, fp16). `device` is `cpu`, `cuda` or `cuda:N`; None takes a GPU
    if there is one.
    """

    def __init__(self, files: EncoderFiles, max_length: int, dtype: str = "fp32", device: str | None = None) -> None:
        self.files = files
        self.max_length = max_length
        self.dtype = dtype
        self.id = files.id
        self._wanted = device
        limit = _positions(files.folder)
        if limit is not None and limit < max_length:
            raise EncoderError(
                f"{files.id} in {files.folder} has {limit} positions; the contract asks for {max_length} word pieces.",
                remedy="use a contract whose max_length the encoder has",
            )

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that could change a vector, besides the text: the key of the vector cache."""
        adapter = {} if self.files.adapter is None else {"adapter_sha256": self.files.adapter.sha256}
        return {
            **adapter,
            "encoder": self.id,
            "revision": self.files.revision,
            "weights_sha256": self.files.weights_sha256,
            "side_sha256": self.files.side_sha256,
            "pooling": "mean",
            "max_length": self.max_length,
            "dtype": self.dtype,
            "libraries": {name: _compatible(version(name)) for name in _LIBRARIES},
        }

    @property
    def device(self) -> str:
        """`cpu` or `cuda`; loads the model."""
        return self._loaded.engine.device.partition(":")[0]

    @property
    def engine(self) -> str:
        """What computes (`packed` or `modules`, see loading); loads the model."""
        return self._loaded.engine.name

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, L2-normalised, in the order of `texts`."""
        vectors: Vectors = np.empty((0, 0), np.float32)
        for positions, batch in self.batches(texts) if texts else ():
            if not vectors.size:
                vectors = np.empty((len(texts), batch.shape[1]), np.float32)
            vectors[positions] = batch
        return vectors

    def batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        """Encode in batches of like length, longest first: (positions in `texts`, their vectors)."""
        engine = self._loaded.engine
        begun: deque[tuple[list[int], Callable[[], Vectors]]] = deque()
        for positions, tokens in self._token_batches(texts):
            begun.append((positions, engine.begin(tokens)))
            if len(begun) == engine.at_once:
                positions, vectors = begun.popleft()
                yield positions, vectors()
        for positions, vectors in begun:
            yield positions, vectors()

    def _token_batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Tokens]]:
        from bioreview_bench.encoders.loading import BUDGET

        budget = BUDGET[self.device]
        for window, tokens in self._tokenised(texts):
            for batch in plan([len(ids) for ids in tokens["input_ids"]], budget):
                chosen = {name: [rows[place] for place in batch] for name, rows in tokens.items()}
                yield [window[place] for place in batch], chosen

    def _tokenised(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Tokens]]:
        """Windows of `texts` and their tokens; while one is encoded, the next is tokenised."""
        tokenise = self._loaded.tokenise
        made = ((window, tokenise([texts[position] for position in window])) for window in windows(texts, _WINDOW))
        with prefetch(made, 1) as found:
            yield from found

    @cached_property
    def _loaded(self) -> Loaded:
        from bioreview_bench.encoders.loading import load

        return load(self.files, self.max_length, self.dtype, self._wanted)


def _compatible(release: str) -> str:
    """The part of a version that changes with behaviour: the major number, before 1.0 the minor too."""
    major, minor = release.split(".")[:2]
    return major if major != "0" else f"{major}.{minor}"


def _positions(folder: Path) -> int | None:
    limit = read_json(folder / "config.json", EncoderError, "fetch it again").get("max_position_embeddings")
    return limit if isinstance(limit, int) else None


def plan(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions of `lengths` (tokens of each text) in batches, longest first.

    A batch has at most `budget` tokens, padding included, or one text; at most an eighth of it is padding.
    """
    order = sorted(range(len(lengths)), key=lambda position: (-lengths[position], position))
    batch: list[int] = []
    used = 0
    for position in order:
        if batch:
            padded = lengths[batch[0]] * (len(batch) + 1)
            if padded > budget or padded - used - lengths[position] > _WASTE * padded:
                yield batch
                batch, used = [], 0
        batch.append(position)
        used += lengths[position]
    if batch:
        yield batch


def windows(texts: Sequence[str], size: int) -> Iterator[list[int]]:
    """Positions of `texts` in windows of `size`, longest text first, so that a window holds like lengths.

    Characters stand in for tokens here: windows are tokenised one by one, while the one before is encoded.
    """
    order = sorted(range(len(texts)), key=lambda position: (-len(texts[position]), position))
    for start in range(0, len(order), size):
        yield order[start : start + size]
