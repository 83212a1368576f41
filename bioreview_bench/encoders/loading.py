"""Loading an encoder's files: a plain BERT for a CPU by itself, anything else with sentence-transformers.

Modules are built explicitly, so that nothing is guessed. No code that lies beside the weights is run, nothing is
unpickled beyond tensors, and half a checkpoint is refused. (A BERT does not need sentence-transformers, whose import
costs some seconds and 300 MB; the suite holds its vectors against that library's.)
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from logging import getLogger
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.encoders.adapter import add_adapter
from bioreview_bench.encoders.files import EncoderFiles
from bioreview_bench.encoders.packed_bert import PackedBert, WorkerPool, fits
from bioreview_bench.encoders.registry import CANARY_TEXTS
from bioreview_bench.errors import EncoderError, printable
from bioreview_bench.files.notices import leave_out_known_logs

if TYPE_CHECKING:
    from torch import Tensor

Tokens = Mapping[str, Sequence[Sequence[int]]]  # what a tokenizer returns, without padding

# Most tokens of a batch. A CPU is fastest while a batch's activations stay in its caches; a GPU wants large products.
BUDGET = {"cpu": 1024, "cuda": 32768}
_AGREE = {"fp32": 1e-5, "bf16": 2e-2}  # how far a vector may be from that of the modules, by element


class Engine(Protocol):
    """Turns token lists into vectors. `name` and `device` say what does it and where; it is kept busy by `at_once`
    batches begun before the first of them is asked for.
    """

    name: str
    device: str
    at_once: int

    def begin(self, tokens: Tokens) -> Callable[[], NDArray[np.float32]]:
        """Begin to encode; what is returned waits for the vectors: (n, d) L2-normalised float32."""
        ...


@dataclass(frozen=True)
class Loaded:
    """An engine and the tokenizer that feeds it."""

    tokenise: Callable[[Sequence[str]], Tokens]
    engine: Engine


class ModuleEngine:
    """Any architecture on any device: Transformer, mean Pooling, Normalize, as sentence-transformers runs them.

    Products are in `dtype`; pooling and normalising are in float32.
    """

    name = "modules"
    at_once = 2  # a GPU computes one while the one before is copied

    def __init__(self, transformer: Any, dtype: str, device: str) -> None:
        import torch
        from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

        kinds = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
        self.device = device
        self._transformer = transformer.to(device=device, dtype=kinds[dtype]).eval()
        self._rest = (Pooling(transformer.get_embedding_dimension(), pooling_mode="mean"), Normalize())

    def begin(self, tokens: Tokens) -> Callable[[], NDArray[np.float32]]:
        """Vectors that a GPU may still be computing: (n, d) L2-normalised float32."""
        import torch

        padded = self._transformer.tokenizer.pad(dict(tokens), return_tensors="pt").to(self.device)
        with torch.inference_mode():
            features = self._transformer(dict(padded))
            features["token_embeddings"] = features["token_embeddings"].float()
            for module in self._rest:
                features = module(features)
            found = features["sentence_embedding"]
        return lambda: found.cpu().numpy()


class PackedEngine:
    """A plain BERT on a CPU (see packed_bert)."""

    name = "packed"
    device = "cpu"

    def __init__(self, bert: PackedBert) -> None:
        self._bert = bert
        self._pool = WorkerPool()
        self.at_once = self._pool.n + 1  # one waits, so that no worker does

    def begin(self, tokens: Tokens) -> Callable[[], NDArray[np.float32]]:
        """Vectors that come from the next free core: (n, d) L2-normalised float32."""
        future = self._pool.submit(lambda: self._bert.encode(tokens["input_ids"]))
        return lambda: future.result().numpy()


def load(files: EncoderFiles, max_length: int, dtype: str, device: str | None = None) -> Loaded:
    """The encoder in `dtype` (fp32, bf16, fp16) on `device` (`cpu`, `cuda:0`; None takes a GPU if there is one).

    Raises EncoderError when the files cannot be loaded, or the device is not there or cannot compute in `dtype`.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    leave_out_known_logs()  # of bitsandbytes, which is imported on the way where it is installed
    import torch
    from transformers import AutoConfig
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    _check_device(chosen, dtype)
    with _loading(files):
        config = AutoConfig.from_pretrained(files.folder, **_LOCAL)
    if chosen == "cpu" and fits(config, dtype):
        packed = _packed(files, max_length, dtype)
        if packed is not None:
            return packed
    transformer = _transformer(files, max_length)
    return Loaded(_tokenise(transformer.tokenizer, max_length), ModuleEngine(transformer, dtype, chosen))


# By default transformers asks on the terminal whether to run code that lies in the folder.
_LOCAL: Mapping[str, Any] = MappingProxyType({"local_files_only": True, "trust_remote_code": False})


def _packed(files: EncoderFiles, max_length: int, dtype: str) -> Loaded | None:
    """The packed engine, checked against the library's own forward pass; None, and a warning, where they differ.

    It rests on private operators of torch. Where they are missing or wrong, the modules give the contract's vectors.
    """
    import torch
    from transformers import AutoTokenizer, BertModel

    with _loading(files):
        tokenizer = AutoTokenizer.from_pretrained(files.folder, **_LOCAL)
        family: Any = BertModel
        model = family.from_pretrained(
            files.folder, dtype=torch.float32, weights_only=True, local_files_only=True
        ).eval()
    _check_complete(files.weights, model)
    if files.adapter is not None:
        add_adapter(model, files.adapter)
    tokenise = _tokenise(tokenizer, max_length)
    canary = tokenise(CANARY_TEXTS)["input_ids"]
    try:
        bert = PackedBert(model, dtype, BUDGET["cpu"])
        difference = float((bert.encode(canary) - _by_definition(model, canary)).abs().max())
    except (AttributeError, RuntimeError, TypeError) as error:  # an operator that is gone, or takes something else
        _warn_slow(f"it lacks an operator: {printable(error, 200)}")
        return None
    if not difference <= _AGREE[dtype]:
        _warn_slow(f"packed products in {dtype} are off by {difference:.1e}")
        return None
    return Loaded(tokenise, PackedEngine(bert))


@cache  # once in a process, however many encoders it loads
def _warn_slow(reason: str) -> None:
    import torch

    getLogger(__name__).warning(
        f"Encoding is slower with this torch ({torch.__version__}), by the library's own forward pass: {reason}. "
        "The vectors are the contract's all the same. Next: install the versions of constraints.txt"
    )


def _by_definition(model: Any, texts: Sequence[Sequence[int]]) -> Tensor:
    """(n, d) vectors as the library's own BERT gives them: the mean of a text's last states, L2-normalised."""
    import torch
    from torch.nn.functional import normalize

    with torch.inference_mode():
        states = [model(torch.tensor([list(tokens)])).last_hidden_state[0].mean(0) for tokens in texts]
        return normalize(torch.stack(states), dim=1)


def _tokenise(tokenizer: Any, max_length: int) -> Callable[[Sequence[str]], Tokens]:
    def tokenise(texts: Sequence[str]) -> Tokens:
        found = tokenizer(list(texts), truncation=True, max_length=max_length, return_token_type_ids=None)
        return dict(found)  # without what only the tokenizer needs, which is ten times as large

    return tokenise


def _check_device(device: str, dtype: str) -> None:
    import torch

    kind, _, number = device.partition(":")
    if kind not in BUDGET or (number and not number.isdigit()):
        raise EncoderError(f'There is no device "{device}".', remedy="use cpu, cuda, or cuda:0 and so on")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise EncoderError(
            f"{device} is not on this machine, which has {torch.cuda.device_count()} CUDA devices.",
            remedy="use --devices cpu, or a torch built for this GPU",
        )
    if kind == "cpu" and dtype == "fp16":
        raise EncoderError("A CPU does not encode in fp16.", remedy="use --precision bf16")


def _transformer(files: EncoderFiles, max_length: int) -> Any:
    import torch
    from sentence_transformers.sentence_transformer.modules import Transformer

    with _loading(files):
        transformer = Transformer(
            str(files.folder),
            max_seq_length=max_length,
            model_kwargs={**_LOCAL, "dtype": torch.float32, "weights_only": True},
            processor_kwargs=dict(_LOCAL),
            config_kwargs=dict(_LOCAL),
        )
    _check_complete(files.weights, transformer.auto_model)
    if files.adapter is not None:
        add_adapter(transformer.auto_model, files.adapter)
    return transformer


def trainable(files: EncoderFiles, max_length: int) -> Any:
    """The encoder as sentence-transformers' Transformer module in float32, to be trained. Raises EncoderError."""
    return _transformer(files, max_length)


@contextmanager
def _loading(files: EncoderFiles) -> Iterator[None]:
    try:
        yield
    except pickle.UnpicklingError as error:  # torch's message explains how to switch the protection off
        raise EncoderError(
            f"{files.weights} contains more than tensors; it was not unpickled.", remedy="name another folder"
        ) from error
    except Exception as error:  # a damaged file is a SafetensorError, IndexError or, in tokenizers, an Exception
        raise EncoderError(f"Cannot load {files.folder}: {error}", remedy="fetch it again") from error


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
