"""Encoding with sentence-transformers, its modules built explicitly so that nothing is guessed.

torch is imported when the first text is encoded, not before: a run whose vectors are all cached needs none.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.encoders.files import EncoderFiles
from bioreview_bench.errors import EncoderError

# Measured on two cores with MiniLM, sorted by token count: batches of 4-8 ran at 136 GFLOP/s, of 128 at 75.
_BATCH_SIZE = {"cpu": 8, "cuda": 128}
_LIBRARIES = ("sentence-transformers", "transformers", "tokenizers", "torch")

Vectors = NDArray[np.float32]


class LocalEncoder:
    """A transformer on this machine: mean pooling, L2-normalised float32 vectors."""

    def __init__(self, files: EncoderFiles, max_length: int) -> None:
        self.files = files
        self.max_length = max_length
        self.id = files.id
        limit = _positions(files.folder)
        if limit is not None and limit < max_length:
            raise EncoderError(
                f"{files.id} in {files.folder} has {limit} positions; the contract asks for {max_length} word pieces.",
                remedy="use a contract whose max_length the encoder has",
            )

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that could change a vector, besides the text: the key of the vector cache."""
        return {
            "encoder": self.id,
            "revision": self.files.revision,
            "weights_sha256": self.files.weights_sha256,
            "side_sha256": self.files.side_sha256,
            "pooling": "mean",
            "max_length": self.max_length,
            "dtype": "fp32",
            "libraries": {name: _compatible(version(name)) for name in _LIBRARIES},
        }

    @property
    def device(self) -> str:
        """`cpu` or `cuda`; loads the model."""
        return str(self._model.device.type)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, L2-normalised, in the order of `texts`."""
        vectors: Vectors = np.empty((0, 0), np.float32)
        for positions, batch in self.batches(texts) if texts else ():
            if not vectors.size:
                vectors = np.empty((len(texts), batch.shape[1]), np.float32)
            vectors[positions] = batch
        return vectors

    def batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        """Encode in small batches of like length, longest first: (positions in `texts`, their vectors)."""
        import torch

        model = self._model
        tokenizer = model[0].tokenizer
        tokens = tokenizer(list(texts), truncation=True, max_length=self.max_length, return_token_type_ids=None)
        lengths = [len(ids) for ids in tokens["input_ids"]]
        order = sorted(range(len(texts)), key=lambda position: (-lengths[position], position))
        size = _BATCH_SIZE[self.device]
        for start in range(0, len(order), size):
            positions = order[start : start + size]
            batch = {name: [values[position] for position in positions] for name, values in tokens.items()}
            features = dict(tokenizer.pad(batch, return_tensors="pt").to(model.device))
            with torch.inference_mode():
                vectors = model(features)["sentence_embedding"]
            yield positions, vectors.float().cpu().numpy()

    @cached_property
    def _model(self) -> Any:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        import torch
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        # Unless told not to, transformers asks on the terminal whether to run code that lies in the folder.
        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            transformer = Transformer(
                str(self.files.folder),
                max_seq_length=self.max_length,
                model_kwargs={**local, "dtype": torch.float32, "weights_only": True},
                processor_kwargs=dict(local),
                config_kwargs=dict(local),
            )
        except pickle.UnpicklingError as error:  # torch's message explains how to switch the protection off
            raise EncoderError(
                f"{self.files.weights} holds more than tensors; it was not unpickled.", remedy="name another folder"
            ) from error
        except Exception as error:  # a damaged file is a SafetensorError, IndexError or, in tokenizers, an Exception
            raise EncoderError(f"Cannot load {self.files.folder}: {error}", remedy="fetch it again") from error
        _check_complete(self.files.weights, transformer.auto_model)
        modules = [
            transformer,
            Pooling(transformer.get_embedding_dimension(), pooling_mode="mean"),
            Normalize(),
        ]
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return SentenceTransformer(modules=modules, device=device).eval()


def _compatible(release: str) -> str:
    """The part of a version that changes with behaviour: the major number, before 1.0 the minor too."""
    major, minor = release.split(".")[:2]
    return major if major != "0" else f"{major}.{minor}"


def _positions(folder: Path) -> int | None:
    try:
        limit = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("max_position_embeddings")
    except (OSError, ValueError, AttributeError) as error:
        raise EncoderError(
            f"{folder / 'config.json'} is not a model configuration: {error}.", remedy="fetch it again"
        ) from error
    return limit if isinstance(limit, int) else None


def _check_complete(weights: Path, model: Any) -> None:
    """Raise EncoderError when a parameter is not in the file: transformers would draw it at random."""
    if weights.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(weights, framework="np") as stored:
            present = set(stored.keys())
    else:
        import torch

        present = set(torch.load(weights, map_location="meta", weights_only=True))
    prefix = f"{getattr(model, 'base_model_prefix', '')}."
    # Checkpoints of the first BERT releases call layer-norm parameters gamma and beta.
    names = {
        name.removeprefix(prefix)
        .replace("LayerNorm.gamma", "LayerNorm.weight")
        .replace("LayerNorm.beta", "LayerNorm.bias")
        for name in present
    }
    wanted = {name for name, _ in model.named_parameters() if not name.startswith("pooler.")}
    missing = sorted(wanted - names)
    if missing:
        raise EncoderError(
            f"{weights} lacks {len(missing)} of {len(wanted)} parameters ({', '.join(missing[:3])}).",
            remedy="fetch the encoder again",
        )
