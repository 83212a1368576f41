"""What `bench train dpo --dry-run` says: pairs, lengths, steps, memory. No GPU and no weights are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import EncoderError
from bioreview_bench.llm.local.model_files import model_folder

from ..corpora.files import Rows, asked_by, read_pairs
from ..models.memory import GB, Estimate, Shape, require_device
from ..runs.preparing import Progress, base_model
from ..sft import plan as dry_run
from . import train as dpo
from .config import DpoConfig
from .data import divide, prove_pairs

CHARACTERS = 3  # to a token, where the tokenizer is not at hand


@dataclass(frozen=True)
class Plan:
    """A run as it would be. `lengths` are tokens of prompt and the longer answer."""

    read: Rows
    n_held_out: int
    lengths: Sequence[tuple[int, int]]
    lengths_from: str
    steps: dry_run.Steps
    shape: Shape
    needed: Estimate
    remarks: Sequence[str]


def plan(config: DpoConfig, given: tuple[int, str] | None, progress: Progress) -> Plan:
    """Plan a run; with the model's files at hand every pair is proved. Raises what the run itself would raise."""
    read = read_pairs(Path(config.data.folder), config.data.fingerprint)
    train, apart = divide(read.rows, config.data.held_out, config.training.seed)
    remarks = list(config.warnings())
    folder = model_or_remark(config.model.name, remarks)
    if folder is not None:
        pairs = prove_pairs(config, read, base_model(config, asked_by(read.manifest)["thinking"]), progress).train
        lengths = [(len(one.prompt), one.length - len(one.prompt)) for one in pairs]
        source = f"counted with the model's tokenizer; all {len(read.rows):,} pairs proved"
    else:
        lengths = [(_tokens(row["prompt"]), max(_tokens(row["chosen"]), _tokens(row["rejected"]))) for row in train]
        source = f"estimated, {CHARACTERS} characters to a token"
    shape, needed = dpo.needed_memory(config, folder)
    if given is not None:
        require_device(config, needed, given)
    elif config.model.device == "cuda":
        remarks.append("No GPU here to compare with; --gpu-memory GIB compares with one.")
    return Plan(read, len(apart), lengths, source, dry_run.steps(config, len(train)), shape, needed, remarks)


def model_or_remark(name: str, remarks: list[str]) -> Path | None:
    """The model's folder; None, with a remark added, where it is not on this machine."""
    try:
        return model_folder(name)
    except EncoderError as error:
        remarks.append(f"Nothing is proved and the model is not looked at: {error.message}")
        return None


def lines(config: DpoConfig, made: Plan) -> list[str]:
    """The plan as text."""
    s, t = made.steps, config.training
    return [
        f"config      {config.name}: {config.model.name}, {config.quantisation.bits} bits, LoRA r {config.lora.r}, "
        f"beta {config.dpo.beta:g}, lr {config.optimiser.lr:g}",
        f"start       {', '.join(config.start.adapters) or 'the base model'}"
        + (f" ({config.start.last})" if config.start.adapters else ""),
        f"pairs       {made.read.folder}, fingerprint {made.read.fingerprint}: {s.examples:,} to train on, "
        f"{made.n_held_out:,} held out ({config.data.held_out:,} questions)",
        f"lengths     in tokens, {made.lengths_from}",
        *dry_run.table(made.lengths),
        f"steps       {s.examples:,} pairs / {s.effective_batch} ({t.batch_size} x {t.accumulation} accumulated): "
        f"{s.per_epoch:,} an epoch, {s.total:,} in all",
        f"parameters  {made.shape.parameters:,}; adapter {made.shape.lora_per_rank * config.lora.r:,} "
        f"({made.shape.source})",
        f"memory      about {made.needed.total / GB:.1f} GiB of GPU memory (an estimate) at {t.batch_size} pairs of "
        f"2 x {t.max_length:,} tokens",
        *(f"            {line}" for line in made.needed.lines()),
        *made.remarks,
    ]


def facts(config: DpoConfig, made: Plan) -> dict[str, Any]:
    """The plan for machines."""
    return {
        "config": config.name,
        "data": made.read.fingerprint,
        "n_train": made.steps.examples,
        "n_held_out": made.n_held_out,
        "lengths": {"from": made.lengths_from, "percentiles": dry_run.percentiles(made.lengths)},
        "steps": {"per_epoch": made.steps.per_epoch, "total": made.steps.total},
        "memory_gib": round(made.needed.total / GB, 2),
        "remarks": list(made.remarks),
    }


def _tokens(messages: Sequence[dict[str, str]]) -> int:
    return -(-sum(len(one["content"]) for one in messages) // CHARACTERS)
