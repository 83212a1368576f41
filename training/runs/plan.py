"""A dry run: the same check, stopped before the run's folder and the device. No GPU and no weights are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bioreview_bench.stats.percentiles import percentiles

from ..console import Console
from ..models import memory
from .run import Checked, Method, Steps, look

Gpu = tuple[int, str]  # bytes, name


def facts(method: Method, config: Any, gpu: Gpu | None, console: Console) -> dict[str, Any]:
    """The plan for machines, and `lines` of it for people. Raises what the run itself would raise."""
    checked = look(method, config, console)
    remarks = [*config.warnings(), *checked.material.remarks, *method.remarks(config, checked.material)]
    if checked.model is not None:
        lengths = method.examples(config, checked.material, checked.model, console).lengths
        source = f"counted with the model's tokenizer; all {len(lengths):,} {method.per_example} validated"
    else:
        lengths, source = method.estimated(config, checked.material)
        reason = checked.absent.message if checked.absent is not None else ""
        remarks.append(f"Nothing is validated and the model is not looked at: {reason}")
        longer = sum(prompt + answer > config.limit for prompt, answer in lengths)
        if longer:
            remarks.append(
                f"{longer:,} {method.per_example} look longer than {config.limit:,} tokens; the run would refuse them."
            )
    if gpu is not None:
        memory.require_device(config, checked.needed, gpu)
    elif config.model.device == "cuda":
        remarks.append("No GPU here to compare with; --gpu-memory GIB compares with one.")
    steps = method.steps(config, len(lengths))
    return {
        "config": config.name,
        "method": method.name,
        "data": checked.material.fingerprint,
        "examples": len(lengths),
        "kept": len(checked.material.kept),
        "lengths": {"from": source, "percentiles": _percentiles(lengths)},
        "steps": {"per_epoch": steps.per_epoch, "total": steps.total, **steps.facts},
        "parameters": {"all": checked.shape.parameters, "adapter": checked.shape.lora_per_rank * config.adapter.r},
        "memory_gib": round(checked.needed.total / memory.GB, 2),
        "remarks": remarks,
        "lines": [*_lines(method, checked, lengths, steps, source), *remarks],
    }


def _lines(
    method: Method, checked: Checked, lengths: Sequence[tuple[int, int]], steps: Steps, source: str
) -> list[str]:
    config, material, shape, t = checked.config, checked.material, checked.shape, checked.config.trl
    data = material.manifest.get("data")
    label = data.get("label") if isinstance(data, Mapping) else data
    epochs = f"{t['num_train_epochs']:g} epochs" if t["max_steps"] < 0 else f"max_steps {t['max_steps']:,}"
    start = [] if config.start is None else [
        f"start       {', '.join(config.start.adapters) or 'the base model'}"
        + (f" ({config.start.last})" if config.start.adapters else "")
    ]  # fmt: skip
    return [
        f"config      {config.name} ({method.name}): {config.model.name}, {config.quantisation.bits} bits, LoRA r "
        f"{config.adapter.r}, learning rate {t['learning_rate']:g}",
        *start,
        f"data        {material.folder}, fingerprint {material.fingerprint}"
        + (f", data {label}" if label else "")
        + f", prompt {material.asked['prompt']['id']}, thinking {'on' if material.asked['thinking'] else 'off'}",
        f"examples    {len(lengths):,} to train on" + (f", {len(material.kept):,} kept" if material.kept else ""),
        *method.described(config, material),
        f"lengths     in tokens, {source}",
        *_table(lengths),
        f"steps       {steps.reason}; {epochs}: {steps.total:,} steps",
        f"parameters  {shape.parameters:,}, of which {shape.quantised:,} in linear layers; adapter "
        f"{shape.lora_per_rank * config.adapter.r:,} ({shape.source})",
        f"memory      about {checked.needed.total / memory.GB:.1f} GiB of GPU memory (an estimate) at "
        f"{config.sequences} x {config.longest:,} tokens",
        *(f"            {line}" for line in checked.needed.lines()),
    ]


def _percentiles(lengths: Sequence[tuple[int, int]]) -> dict[str, dict[str, int]]:
    """Of prompts, answers and both together, by name; of prompts alone where answers are yet to be sampled."""
    columns = {"prompt": [prompt for prompt, _ in lengths]}
    if any(answer for _, answer in lengths):
        columns |= {"answer": [answer for _, answer in lengths], "together": [sum(pair) for pair in lengths]}
    return {name: percentiles(values) for name, values in columns.items()}


def _table(lengths: Sequence[tuple[int, int]]) -> list[str]:
    """The percentiles as lines of a report."""
    found = _percentiles(lengths)
    head = "            " + " " * 9 + "".join(f"{name:>8}" for name in found["prompt"])
    return [
        head,
        *(f"            {name:<9}" + "".join(f"{n:>8,}" for n in row.values()) for name, row in found.items()),
    ]
