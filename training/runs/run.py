"""One run of training, whatever its method: checked, planned or trained, and reported.

`check` finds everything that can be wrong before anything is written; a dry run is the same check, stopped before the
folder and the device (`runs.plan`); `runs.training` trains what was checked. What differs between SFT, DPO and GRPO is
a `Method`: its data, its trainer, its metrics.
"""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.files.install import install_command
from bioreview_bench.llm.local.model_files import model_folder

from ..config.load import require_asked_for
from ..config.schema import FREE, RunConfig
from ..console import Console
from ..models import memory
from ..models.quantised import missing_kernels, read_model_config
from .inputs import BARE, Material, Model, Start, base_model, template_facts

if TYPE_CHECKING:
    from .folder import Checkpoint


@dataclass(frozen=True)
class Examples:
    """What a trainer gets, validated, and what is kept for evaluation. `lengths` are tokens of (prompt, answer)."""

    train: Sequence[Any]
    kept: Sequence[Any]
    lengths: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Checked:
    """A run as it follows from config, data and the model's files; `absent` says why these were not looked at."""

    config: Any
    material: Material
    model: Model | None
    absent: EncoderError | None
    start: Start
    asked: Mapping[str, Any]
    shape: memory.Shape
    needed: memory.MemoryEstimate


@dataclass(frozen=True)
class Run:
    """A run that can begin. `identity` must be equal for it to be resumed, by `command`, from `resumed`."""

    method: Method
    config: Any
    material: Material
    model: Model
    start: Start
    asked: Mapping[str, Any]
    needed: memory.MemoryEstimate
    examples: Examples
    out: Path
    command: str
    identity: Mapping[str, Any]
    resumed: Checkpoint | None
    judge: Any = None


@dataclass(frozen=True)
class Steps:
    """Optimiser steps, and in words how they come about."""

    per_epoch: int
    total: int
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class Method(ABC):
    """What is a method's own. Its file reads from top to bottom: data, trainer, metrics."""

    name: ClassVar[str]
    per_example: ClassVar[str]  # what lengths are of, for a plan

    @abstractmethod
    def material(self, config: Any) -> Material:
        """The data, checked. Raises DataError, InputError."""

    @abstractmethod
    def examples(self, config: Any, material: Material, model: Model, console: Console) -> Examples:
        """All of them as tokens, each validated. Raises DataError listing those that fail."""

    @abstractmethod
    def estimated(self, config: Any, material: Material) -> tuple[Sequence[tuple[int, int]], str]:
        """(lengths, where they are from) without the model's tokenizer."""

    @abstractmethod
    def steps(self, config: Any, n: int) -> Steps:
        """Of a run with `n` examples."""

    @abstractmethod
    def trainer(self, run: Run, given: Any, model: Any, adapter: Any) -> Any:
        """TRL's trainer, with sealed checkpoints, on `model`; `adapter` None where the model carries it."""

    @abstractmethod
    def metrics(self, run: Run, trainer: Any, finished: bool) -> dict[str, Any]:
        """What came of it, for the training summary."""

    @abstractmethod
    def report(self, summary: Mapping[str, Any], out: Path) -> list[str]:
        """What came of it, for people."""

    def judge(self, config: Any, material: Material) -> Any:
        """Who rewards what is sampled."""
        return None

    def needed(self, config: Any, shape: memory.Shape) -> memory.MemoryEstimate:
        """Memory of the GPU."""
        return memory.estimate(config, shape)

    def described(self, config: Any, material: Material) -> list[str]:
        """Lines of a plan that only this method has."""
        return []

    def remarks(self, config: Any, material: Material) -> list[str]:
        """What else a plan says. Raises what a run would raise."""
        return []

    def settled(self, run: Run, trainer: Any) -> str:
        """Look at the trainer before the first step; what is to be said of it. Raises DataError."""
        return ""


def look(method: Method, config: RunConfig, console: Console) -> Checked:
    """The part of `check` that needs no GPU, and goes as far as it can without the model's files.

    Raises InputError, DataError, EncoderError.
    """
    require_asked_for(config.packages())
    require_batch(config, devices=int(os.environ.get("WORLD_SIZE", "1")))
    material = method.material(config)
    try:
        folder = model_folder(config.model.name)
    except EncoderError as absent:
        shape = memory.Shape.stated(config)
        return Checked(
            config=config,
            material=material,
            model=None,
            absent=absent,
            start=BARE,
            asked=material.asked,
            shape=shape,
            needed=method.needed(config, shape),
        )
    model = base_model(config, material)
    instead = template_facts(config, model)["instead_of"]
    if instead is not None:
        console.say(
            f"Asked by the template {config.model.chat_template} (model.chat_template), not by the model's own "
            f"(sha256 {instead[:12]})."
        )
    shape = memory.Shape.of(read_model_config(folder), config.adapter.targets, "counted from the model's config.json")
    slow = missing_kernels(read_model_config(folder)) if config.model.device == "cuda" else []
    if slow:
        console.say(
            f"Without {' and '.join(slow)}, not installed here, this model's linear attention is several times slower: "
            f"{install_command('gpu')} --no-build-isolation"
        )
    start, asked = BARE, material.asked
    if config.start is not None:
        from .start import asked_facts, find_start

        start = find_start(config, config.start)
        asked = asked_facts(start, material.asked)
    return Checked(
        config=config,
        material=material,
        model=model,
        absent=None,
        start=start,
        asked=asked,
        shape=shape,
        needed=method.needed(config, shape),
    )


def check(method: Method, config: RunConfig, out: Path, command: str, console: Console) -> Run | None:
    """The run, with everything checked that can be wrong and nothing written; None when it is finished already.

    Raises InputError, DataError, EncoderError, WriteError.
    """
    from .folder import resumed_from

    checked = look(method, config, console)
    if checked.model is None:
        raise checked.absent or EncoderError("The model was not looked at.")
    material, model = checked.material, checked.model
    for remark in material.remarks:
        console.say(remark)
    identity = {
        "method": method.name,
        "config": config.model_dump(mode="json"),
        "base_digest": model.digest,
        "chat_template_sha256": model.chat.template_sha256,
        "data": material.fingerprint,
        "start": checked.start.digests,
        **config.deciding(),
    }
    finished, resumed = resumed_from(out, identity, FREE, console)
    if finished:
        return None
    memory.require_device(config, checked.needed, memory.device_memory() if config.model.device == "cuda" else None)
    examples = method.examples(config, material, model, console)
    judge = method.judge(config, material)
    if checked.start.merged:
        from .start import require_room

        require_room(config, out)
    return Run(
        method=method,
        config=config,
        material=material,
        model=model,
        start=checked.start,
        asked=checked.asked,
        needed=checked.needed,
        examples=examples,
        out=out,
        command=command,
        identity=identity,
        resumed=resumed,
        judge=judge,
    )


def require_batch(config: RunConfig, devices: int) -> None:
    """Raise InputError unless batch size x accumulation x `devices` is the effective batch of the config."""
    batch, accumulation = config.trl["per_device_train_batch_size"], config.trl["gradient_accumulation_steps"]
    found = batch * accumulation * devices
    if found != config.effective_batch:
        raise InputError(
            f"{batch} (trl.per_device_train_batch_size) x {accumulation} (trl.gradient_accumulation_steps) x {devices} "
            f"(devices) = {found}, and effective_batch is {config.effective_batch}.",
            remedy="change one of them with --set; with more devices accumulate less",
        )


def steps_of(config: RunConfig, n: int, what: str) -> Steps:
    """Optimiser steps as transformers counts them on one device, the last of an epoch with what is left."""
    t, batch = config.trl, config.effective_batch
    size, accumulation = t["per_device_train_batch_size"], t["gradient_accumulation_steps"]
    per_epoch = max(1, math.ceil(math.ceil(n / size) / accumulation))
    total = t["max_steps"] if t["max_steps"] > 0 else math.ceil(t["num_train_epochs"] * per_epoch)
    reason = (
        f"{n:,} {what} / {batch} ({size} x {accumulation} accumulated) = {n / batch:,.2f}, so {per_epoch:,} steps an "
        f"epoch (the last of {n % batch or batch})"
    )
    return Steps(per_epoch, total, reason, {"examples": n, "effective_batch": batch})


def losses(history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The last and the first loss of a log."""
    found = [row["loss"] for row in history if "loss" in row]
    return {"train_loss": found[-1] if found else None, "first_train_loss": found[0] if found else None}


def shown(value: float | None) -> str:
    """For a report."""
    return "-" if value is None else f"{value:.4f}"


def estimated_tokens(messages: Sequence[Mapping[str, str]]) -> int:
    """Of the texts of `messages`, three characters to a token, where the tokenizer is not at hand."""
    return -(-sum(len(one["content"]) for one in messages) // 3)
