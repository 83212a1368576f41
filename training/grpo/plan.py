"""What `bench train grpo --dry-run` says: prompts, groups, steps, memory. No GPU and no weights are needed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dpo.plan import CHARACTERS, model_or_remark
from ..models.memory import GB, Estimate, Shape, require_device
from ..rewards.composer import RewardComposer
from ..runs.preparing import Progress, base_model
from . import data as grpo_data
from . import train as grpo
from .config import GrpoConfig

_PERCENTILES = (0, 50, 95, 100)


@dataclass(frozen=True)
class Steps:
    """Optimiser steps; `left_out` prompts of an epoch fill no whole batch of groups (others in each epoch)."""

    per_epoch: int
    total: int
    left_out: int


@dataclass(frozen=True)
class Plan:
    """A run as it would be. Lengths are tokens of prompts."""

    asked: grpo_data.Asked
    lengths: Sequence[int]
    lengths_from: str
    steps: Steps
    shape: Shape
    needed: Estimate
    remarks: Sequence[str]


def steps(config: GrpoConfig, n_prompts: int) -> Steps:
    """How many steps a run has: whole batches of groups in an epoch, each used for `config.span` steps."""
    batches, left_out = divmod(n_prompts, config.prompts_at_once)
    per_epoch = batches * config.span
    t = config.training
    return Steps(per_epoch, t.max_steps if t.max_steps is not None else math.ceil(t.epochs * per_epoch), left_out)


def plan(config: GrpoConfig, given: tuple[int, str] | None, progress: Progress) -> Plan:
    """Plan a run. Raises what the run itself would raise of data and settings."""
    asked = grpo_data.read_asked(config)
    remarks = list(asked.remarks)
    folder = model_or_remark(config.model.name, remarks)
    if folder is not None:
        model = base_model(config, asked.how["thinking"])
        grpo_data.require_fit(config, asked, model)
        found = grpo_data.prompts(config, asked, model.chat, lambda done, of: progress("prompts", done, of))
        lengths, source = [one.n_tokens for one in found], "counted with the model's tokenizer"
    else:
        grpo_data.require_enough(config, len(asked.prompts))
        lengths, source = [_tokens(one) for _, one in asked.prompts], f"estimated, {CHARACTERS} characters to a token"
        longer = sum(length > config.grpo.max_prompt for length in lengths)
        if longer:
            remarks.append(f"{longer:,} prompts look longer than max_prompt; the run would refuse them.")
    if config.data.kind == "qa":
        grpo_data.judge_of(config, asked)
    else:
        RewardComposer(dict(config.reward.weights))
        remarks.append("References are not embedded in a dry run.")
    shape, needed = grpo.needed_memory(config, folder)
    if given is not None:
        require_device(config, needed, given)
    elif config.model.device == "cuda":
        remarks.append("No GPU here to compare with; --gpu-memory GIB compares with one.")
    return Plan(asked, lengths, source, steps(config, len(lengths)), shape, needed, remarks)


def lines(config: GrpoConfig, made: Plan) -> list[str]:
    """The plan as text."""
    g, s = config.grpo, made.steps
    weights = ", ".join(f"{name} {weight:g}" for name, weight in config.reward.weights.items())
    held = getattr(config.data, "hold_out", [])
    return [
        f"config      {config.name}: {config.model.name}, {config.quantisation.bits} bits, LoRA r {config.lora.r}, "
        f"beta {g.beta:g}, lr {config.optimiser.lr:g}, loss {g.loss_type}",
        f"start       {', '.join(config.start.adapters) or 'the base model'}"
        + (f" ({config.start.last})" if config.start.adapters else ""),
        f"data        {config.data.folder}, fingerprint {made.asked.fingerprint}: {len(made.lengths):,} prompts"
        + (f"; held out: {', '.join(held)}" if held else ""),
        f"reward      {config.reward.kind}: {weights}",
        f"lengths     of prompts in tokens, {made.lengths_from}: "
        + ", ".join(f"{name} {value:,}" for name, value in _percentiles(made.lengths).items())
        + f"; at most {g.max_prompt:,}, and {g.max_completion:,} of a completion",
        f"groups      {g.generations} completions a prompt; {config.prompts_at_once:,} prompts = "
        f"{config.sampled_at_once:,} completions sampled at once, used for {config.span:,} step"
        + ("" if config.span == 1 else "s"),
        f"steps       {s.per_epoch:,} an epoch, {s.total:,} in all"
        + (f"; {s.left_out:,} prompts of each epoch, drawn anew, fill no batch" if s.left_out else ""),
        f"parameters  {made.shape.parameters:,}; adapter {made.shape.lora_per_rank * config.lora.r:,} "
        f"({made.shape.source})",
        f"memory      about {made.needed.total / GB:.1f} GiB of GPU memory (an estimate)",
        *(f"            {line}" for line in made.needed.lines()),
        *made.remarks,
    ]


def facts(config: GrpoConfig, made: Plan) -> dict[str, Any]:
    """The plan for machines."""
    return {
        "config": config.name,
        "data": made.asked.fingerprint,
        "n_prompts": len(made.lengths),
        "lengths": {"from": made.lengths_from, "percentiles": _percentiles(made.lengths)},
        "groups": {
            "generations": config.grpo.generations,
            "prompts_at_once": config.prompts_at_once,
            "sampled_at_once": config.sampled_at_once,
            "steps_for_each": config.span,
        },
        "steps": {"per_epoch": made.steps.per_epoch, "total": made.steps.total, "left_out": made.steps.left_out},
        "memory_gib": round(made.needed.total / GB, 2),
        "remarks": list(made.remarks),
    }


def _percentiles(lengths: Sequence[int]) -> dict[str, int]:
    return {f"p{p}": int(np.percentile(lengths, p, method="inverted_cdf")) for p in _PERCENTILES}


def _tokens(messages: Sequence[Mapping[str, str]]) -> int:
    return -(-sum(len(one["content"]) for one in messages) // CHARACTERS)
