"""Direct preference optimisation of an adapter, by TRL. Also `accelerate launch -m bioreview_bench.training.dpo`.

As in supervised training, `check` finds everything that can be wrong before anything is written, `train` writes and
trains. The reference is the model that training starts from: its own weights with the new adapter switched off, or a
frozen copy of the adapter that is trained on.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError

from ..config.packages import require_training
from ..config.parts import BatchPart
from ..corpora.files import Rows, asked_by, read_pairs
from ..models import memory
from ..models.summary import write_summary
from ..runs import arguments, preparing
from ..runs.folder import Checkpoint, begin, found_in, write_log
from ..runs.running import (
    Clock,
    Talk,
    is_first_process,
    peak_memory,
    run_trainer,
    save_run,
    summary_facts,
    without_notices,
)
from ..runs.start import Start, asked_facts, find_start, policy, require_room, settle
from . import data as dpo_data
from .config import DpoConfig

FREE = tuple(
    f"config.{key}"
    for key in (
        "model.name",
        "data.folder",
        "data.fingerprint",
        "start.adapters",
        "keeping.report_to",
        "keeping.keep_checkpoints",
    )
)


@dataclass(frozen=True)
class Job:
    """A run, checked: what to train, on what, and where."""

    config: DpoConfig
    read: Rows
    model: preparing.Model
    start: Start
    asked: dict[str, Any]
    pairs: dpo_data.Pairs
    needed: memory.Estimate
    out: Path
    command: str
    resumed: Checkpoint | None

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for a run to be resumed."""
        return preparing.identity(self.config, self.model, data=self.read.fingerprint, start=self.start.digests)


@dataclass(frozen=True)
class Trained:
    """What training made: the trainer with the model in memory, and the summary that stands beside the adapter."""

    trainer: Any
    summary: dict[str, Any]


def check(config: DpoConfig, out: Path, command: str, talk: Talk) -> Job | None:
    """The run, with everything checked that can be wrong and nothing written; None when it is finished already.

    Raises InputError, DataError, EncoderError, WriteError.
    """
    require_training()
    preparing.require_packages(config)
    read = read_pairs(Path(config.data.folder), config.data.fingerprint)
    dpo_data.divide(read.rows, config.data.held_out, config.training.seed)
    asking = asked_by(read.manifest)
    model = preparing.base_model(config, asking["thinking"])
    preparing.tell_template(config, model, talk.say)
    start = find_start(config, config.start)
    asked = asked_facts(start, asking)
    identity = preparing.identity(config, model, data=read.fingerprint, start=start.digests)
    finished, resumed = found_in(out, identity, FREE, talk.say)
    if finished:
        return None
    needed = needed_memory(config, model.folder)[1]
    memory.require_device(config, needed, memory.device_memory() if config.model.device == "cuda" else None)
    arguments.require_batch(config, devices=int(os.environ.get("WORLD_SIZE", "1")))
    pairs = dpo_data.prove_pairs(config, read, model, talk.progress)
    require_room(config, start, out)
    return Job(config, read, model, start, asked, pairs, needed, out, command, resumed)


def needed_memory(config: DpoConfig, folder: Path | None) -> tuple[memory.Shape, memory.Estimate]:
    """As for supervised training, with two sequences for each pair."""
    both: BatchPart = config.training.model_copy(update={"batch_size": 2 * config.training.batch_size})
    return preparing.memory_needed(config.model_copy(update={"training": both}), folder)


def train(job: Job, talk: Talk) -> Trained:
    """Train, and write the adapter. Raises Stopped with the command that resumes, EncoderError, WriteError."""
    for warning in job.config.warnings():
        talk.say(f"Warning: {warning}")
    if is_first_process():
        begin(job.out, job.identity)
    clock = Clock(job.resumed)
    with without_notices():
        trainer, stop, before = _trainer(job, talk, clock)
        run_trainer(job, trainer, stop)
        after = _measured(trainer, reference=False)
    summary = _facts(job, clock, trainer.state, "finished", before, after)
    save_run(trainer, job.out, summary)
    return Trained(trainer, summary)


def _trainer(job: Job, talk: Talk, clock: Clock) -> tuple[Any, Any, dict[str, float]]:
    from trl.trainer.dpo_config import DPOConfig

    from ..models.lora import require_adapted
    from ..runs.trainers import Stop, Watch
    from . import trainer as dpo_trainer

    config = job.config
    given = DPOConfig(**dpo_trainer.arguments(config, arguments.common(config, job.out), job.out))
    device = "cpu" if config.model.device == "cpu" else f"cuda:{given.local_process_index}"
    stop = Stop(talk.say)

    def keep_checkpoint(folder: Path) -> None:
        write_summary(folder, _facts(job, clock, trainer.state, "checkpoint", before, None))
        write_log(job.out, trainer.state.log_history)

    with policy(config, job.start, job.out, device, talk.say) as (model, new_adapter):
        trainer: Any = dpo_trainer.SealingDPOTrainer(
            model=model,
            args=given,
            train_dataset=dpo_data.dataset(job.pairs.train),
            eval_dataset=dpo_data.dataset(job.pairs.held_out),
            processing_class=job.model.chat.tokenizer,
            peft_config=new_adapter,
            callbacks=[stop, Watch(talk.say)],
            on_checkpoint=keep_checkpoint,
        )
    settle(trainer.model, config, config.start)
    n_trained = require_adapted(trainer.model, config.lora.targets)
    if len(trainer.train_dataset) != len(job.pairs.train):
        raise DataError("The trainer left out pairs that were proved.", remedy="report this as a defect")
    before = _measured(trainer, reference=True)
    talk.say(
        f"Training {n_trained:,} parameters on {len(job.pairs.train):,} pairs; of {before['n']:,} held-out pairs the "
        f"chosen answer is the likelier one in {before['accuracy']:.1%} before training."
    )
    if job.resumed is not None:
        talk.say(f"Going on from {job.resumed.folder} (step {job.resumed.step:,}).")
    return trainer, stop, before


def _measured(trainer: Any, *, reference: bool) -> dict[str, float]:
    from .trainer import preference

    return preference(trainer, reference=reference).facts()


def _facts(
    job: Job, clock: Clock, state: Any, what: str, before: dict[str, float], after: dict[str, float] | None
) -> dict[str, Any]:
    """The summary. `what` is checkpoint or finished."""
    history = state.log_history
    losses = [row["loss"] for row in history if "loss" in row]
    manifest = job.read.manifest
    own = {
        "method": "dpo",
        "start": job.start.recorded(),
        **job.asked,
        "corpus": {"fingerprint": job.read.fingerprint, "data": manifest.get("data", {"label": "pairs"})},
        "metrics": {
            "train_loss": losses[-1] if losses else None,
            "first_train_loss": losses[0] if losses else None,
            "n_pairs": len(job.pairs.train),
            "held_out": {"before": before, "after": after},
            "peak_memory_bytes": peak_memory(),
        },
    }
    return summary_facts(job, clock, state, what, **own)


def main() -> None:
    """`python -m bioreview_bench.training.dpo CONFIG ...`, as accelerate launches it."""
    from bioreview_bench.cli.main import run

    sys.exit(run(["train", "dpo", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
