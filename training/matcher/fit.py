"""Training one adapter: sentence-transformers' trainer, with LoRA factors of PEFT on an encoder that stays as it is."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.encoders.files import EncoderFiles
from bioreview_bench.errors import EncoderError
from bioreview_bench.files.notices import leave_out_known_logs

from .papers import TaughtPaper
from .settings import Settings

_LINEAR = ("query", "key", "value", "dense", "q", "k", "v", "o")  # of a BERT, and of an MPNet
Factors = Mapping[str, tuple[NDArray[np.float16], NDArray[np.float16]]]


@dataclass(frozen=True)
class FittedMatcher:
    """(rank, in) and (out, rank) float16 factors by module of the base, and how training went."""

    factors: Factors
    n_weights: int
    n_steps: int
    losses: tuple[float, ...]


def fit(
    files: EncoderFiles, papers: Sequence[TaughtPaper], settings: Settings, say: Callable[[str], None]
) -> FittedMatcher:
    """Train on `papers`. `say` gets the loss of each epoch. Raises EncoderError."""
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerModelCardData,
        SentenceTransformerTrainer,
    )
    from transformers import PrinterCallback, ProgressCallback, set_seed

    from .loss import PaperBatches, PointLoss, Relations

    _be_quiet()
    with _threads(settings.threads):
        set_seed(settings.seed)
        about = SentenceTransformerModelCardData(generate_widget_examples=False)  # they would be encoded, with a bar
        model = SentenceTransformer(modules=_modules(files, settings.max_length), device="cpu", model_card_data=about)
        names = _targets(model[0].auto_model, settings.first_layer)
        _freeze(model, names, settings)
        relations = Relations(papers)
        twice = frozenset(number for number, paper in enumerate(papers) if paper.real)
        loss = PointLoss(model, relations, settings)

        def batches(dataset: Any, **_: Any) -> PaperBatches:
            return PaperBatches(relations, settings.papers_at_once, twice, settings.shares, settings.seed)

        with tempfile.TemporaryDirectory() as scratch:
            trainer = SentenceTransformerTrainer(
                model=model,
                args=_arguments(settings, Path(scratch), batches),
                train_dataset=_dataset(relations),
                loss=loss,
            )
            trainer.remove_callback(PrinterCallback)
            trainer.remove_callback(ProgressCallback)
            trainer.add_callback(_teller(say))
            trainer.train()
        losses = tuple(float(row["loss"]) for row in trainer.state.log_history if "loss" in row)
        bert: Any = model[0].auto_model
        factors = {name: _factors(bert.get_submodule(name)) for name in names}
    if not all(np.isfinite(part).all() for pair in factors.values() for part in pair):
        raise EncoderError("Training diverged: a factor is not a finite number.", remedy="--lr with a smaller value")
    n_weights = sum(part.size for pair in factors.values() for part in pair)
    return FittedMatcher(factors, n_weights, trainer.state.global_step, losses)


def _modules(files: EncoderFiles, max_length: int) -> list[Any]:
    from sentence_transformers.sentence_transformer.modules import Pooling

    from bioreview_bench.encoders.loading import trainable

    transformer = trainable(files, max_length)
    return [transformer, Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")]


def _targets(model: Any, first_layer: int) -> list[str]:
    """Names of the linear modules of the layers from `first_layer` on. Raises EncoderError when there are none."""
    import torch

    found = [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name.rpartition(".")[2] in _LINEAR and _layer(name) >= first_layer
    ]
    if not found:
        raise EncoderError(
            f"The base has no layers of a BERT or MPNet from layer {first_layer} on.",
            remedy="--first-layer 0, or another base",
        )
    return found


def _layer(name: str) -> int:
    """The number of the layer that a module belongs to; -1 for one outside the layers."""
    parts = name.split(".")
    return int(parts[parts.index("layer") + 1]) if "layer" in parts else -1


def _freeze(model: Any, names: Sequence[str], settings: Settings) -> None:
    """Add factors to the modules `names`; everything else stays."""
    from peft import LoraConfig

    alpha: Any = settings.scale * settings.rank  # which PEFT divides by the rank
    model[0].auto_model.add_adapter(
        LoraConfig(
            r=settings.rank,
            lora_alpha=alpha,
            lora_dropout=0.0,
            bias="none",
            target_modules=list(names),
        )
    )


def _factors(module: Any) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    down, up = (part["default"].weight.detach().numpy() for part in (module.lora_A, module.lora_B))
    return down.astype(np.float16), up.astype(np.float16)


def _dataset(relations: Any) -> Any:
    from datasets import Dataset

    return Dataset.from_dict(
        {"text": [text.text for text in relations.texts], "label": list(range(len(relations.texts)))}
    )


def _arguments(settings: Settings, scratch: Path, batches: Any) -> Any:
    from sentence_transformers import SentenceTransformerTrainingArguments

    return SentenceTransformerTrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=settings.epochs,
        batch_sampler=batches,
        per_device_train_batch_size=1,  # papers_at_once decides
        learning_rate=settings.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=settings.warmup,  # below 1 it is a share of all steps
        weight_decay=settings.weight_decay,
        optim="adamw_torch",
        max_grad_norm=1.0,
        seed=settings.seed,
        data_seed=settings.seed,
        use_cpu=True,
        bf16=False,  # the loss says where bfloat16 is used
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to="none",
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="epoch",
        log_level="error",
    )


def _teller(say: Callable[[str], None]) -> Any:
    from transformers import TrainerCallback

    class Teller(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if logs and "loss" in logs:
                say(f"epoch {state.epoch:.0f} of {args.num_train_epochs:.0f}: loss {logs['loss']:.4f}")

    return Teller()


def _be_quiet() -> None:
    """Libraries that are imported on the way show bars and complain of kernels that are not used here."""
    from datasets.utils.logging import disable_progress_bar
    from transformers.utils import logging

    disable_progress_bar()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    getLogger("sentence_transformers").setLevel("ERROR")
    leave_out_known_logs()


@contextmanager
def _threads(n: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
