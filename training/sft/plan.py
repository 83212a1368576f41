"""What `bench train sft --dry-run` says: lengths, steps and why so many, memory. No GPU and no weights are needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..config.parts import RunConfig, SftConfig
from ..corpora.files import Corpus
from ..models.memory import GB, Estimate, Shape, require_device
from ..runs.preparing import Progress, memory_needed, model_or_reason, prove_examples

_PERCENTILES = (0, 5, 25, 50, 75, 95, 99, 100)


@dataclass(frozen=True)
class Plan:
    """A run as it would be. Lengths are tokens of (prompt, answer) for every training example."""

    lengths: Sequence[tuple[int, int]]
    lengths_from: str
    steps: Steps
    shape: Shape
    needed: Estimate
    remarks: Sequence[str]


@dataclass(frozen=True)
class Steps:
    """Optimiser steps: `per_epoch` = examples / effective batch, rounded up; the last step has `last_batch`."""

    examples: int
    effective_batch: int
    per_epoch: int
    total: int
    last_batch: int


def steps(config: RunConfig, n_examples: int) -> Steps:
    """How many steps a run of `n_examples` has, as transformers counts them on one device."""
    part = config.training
    batches = math.ceil(n_examples / part.batch_size)
    per_epoch = max(1, math.ceil(batches / part.accumulation))
    total = part.max_steps if part.max_steps is not None else math.ceil(part.epochs * per_epoch)
    rest = n_examples % part.effective_batch or part.effective_batch
    return Steps(n_examples, part.effective_batch, per_epoch, total, rest)


def plan(config: SftConfig, corpus: Corpus, given: tuple[int, str] | None, progress: Progress) -> Plan:
    """Plan a run. With the model's files at hand every example is encoded and proved; without, the corpus's counts
    are used. `given` is a device's (bytes, name) to check against. Raises what the run itself would raise."""
    model, reason = model_or_reason(config, corpus)
    shape, needed = memory_needed(config, None if model is None else model.folder)
    remarks = []
    if model is not None:
        examples = prove_examples(config, corpus, model, progress)
        found = [(one.n_prompt, one.n_target) for one in examples.train]
        source = f"counted with the model's tokenizer; all {len(found):,} examples proved"
    else:
        found = [(int(row["n_prompt_tokens"]), int(row["n_target_tokens"])) for row in corpus.train]
        counter = corpus.manifest.get("lengths", {}).get("counted_by") or corpus.manifest["counter"]["name"]
        source = f"as the corpus states them (counter: {counter})"
        remarks.append(f"Examples are not proved and the model is not looked at: {reason}")
    longer = sum(prompt + target > config.training.max_length for prompt, target in found)
    if longer:
        remarks.append(
            f"{longer:,} examples look longer than max_length {config.training.max_length:,}; the run would refuse "
            "them."
        )
    if config.training.packing:
        remarks.append("Packing joins short examples, so there will be fewer steps than this.")
    if given is None and config.model.device == "cuda":
        remarks.append("No GPU here to compare with; --gpu-memory GIB compares with one.")
    elif given is not None:
        require_device(config, needed, given)
    return Plan(found, source, steps(config, len(found)), shape, needed, remarks)


def lines(config: SftConfig, corpus: Corpus, made: Plan) -> list[str]:
    """The plan as text."""
    s, t = made.steps, config.training
    data = corpus.manifest["data"]
    label = data.get("label") if isinstance(data, dict) else data
    epochs = f"{t.epochs:g} epochs" if t.max_steps is None else f"max_steps {t.max_steps:,}"
    return [
        f"config      {config.name}: {config.model.name}, {config.quantisation.bits} bits, LoRA r {config.lora.r}",
        f"corpus      {corpus.folder}, fingerprint {corpus.fingerprint}, data {label}, prompt "
        f"{corpus.manifest['prompt']['id']}, thinking {'on' if config.corpus.thinking else 'off'}",
        f"examples    {s.examples:,} train, {len(corpus.val):,} val"
        + (
            f" ({min(config.keeping.eval_examples, len(corpus.val)):,} evaluated)"
            if config.keeping.eval_examples
            else ""
        ),
        f"lengths     in tokens, {made.lengths_from}",
        *table(made.lengths),
        f"steps       {s.examples:,} examples / {s.effective_batch} ({t.batch_size} x {t.accumulation} accumulated) = "
        f"{s.examples / s.effective_batch:,.2f}, so {s.per_epoch:,} steps an epoch (the last of {s.last_batch}); "
        f"{epochs}: {s.total:,} steps",
        f"parameters  {made.shape.parameters:,}, of which {made.shape.quantised:,} in linear layers; adapter "
        f"{made.shape.lora_per_rank * config.lora.r:,} ({made.shape.source})",
        f"memory      about {made.needed.total / GB:.1f} GiB of GPU memory (an estimate) at {t.batch_size} x "
        f"{t.max_length:,} tokens",
        *(f"            {line}" for line in made.needed.lines()),
        *made.remarks,
    ]


def facts(config: SftConfig, corpus: Corpus, made: Plan) -> dict[str, Any]:
    """The plan for machines."""
    return {
        "config": config.name,
        "corpus": corpus.fingerprint,
        "lengths": {"from": made.lengths_from, "percentiles": percentiles(made.lengths)},
        "steps": {
            "examples": made.steps.examples,
            "effective_batch": made.steps.effective_batch,
            "per_epoch": made.steps.per_epoch,
            "total": made.steps.total,
        },
        "parameters": {"all": made.shape.parameters, "adapter": made.shape.lora_per_rank * config.lora.r},
        "memory_gib": round(made.needed.total / GB, 2),
        "remarks": list(made.remarks),
    }


def percentiles(lengths: Sequence[tuple[int, int]]) -> dict[str, dict[str, int]]:
    """Of prompts, answers and both together, by name."""
    table = np.array(lengths)
    columns = {"prompt": table[:, 0], "answer": table[:, 1], "together": table.sum(axis=1)}
    return {
        name: {f"p{p}": int(np.percentile(values, p, method="inverted_cdf")) for p in _PERCENTILES}
        for name, values in columns.items()
    }


def table(lengths: Sequence[tuple[int, int]]) -> list[str]:
    """The percentiles as lines of a report."""
    head = "            " + " " * 9 + "".join(f"{f'p{p}':>8}" for p in _PERCENTILES)
    rows = [
        f"            {name:<9}" + "".join(f"{value:>8,}" for value in values.values())
        for name, values in percentiles(lengths).items()
    ]
    return [head, *rows]
