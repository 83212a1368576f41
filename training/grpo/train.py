"""Group relative policy optimisation of an adapter, by TRL. Also `accelerate launch -m bioreview_bench.training.grpo`.

As in supervised training, `check` finds everything that can be wrong before anything is written or a model loaded,
`train` writes and trains. The reference of the KL term is the model that training starts from.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config.packages import require_asked_for, require_training
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
from . import data as grpo_data
from .config import GrpoConfig
from .judges import ComposedReward, Judge, Prompt, forget_samples

FREE = tuple(
    f"config.{key}"
    for key in (
        "model.name",
        "data.folder",
        "data.fingerprint",
        "start.adapters",
        "reward.data",
        "keeping.report_to",
        "keeping.keep_checkpoints",
    )
)


@dataclass(frozen=True)
class Job:
    """A run, checked: what to train, on what, who judges, and where."""

    config: GrpoConfig
    asked: grpo_data.Asked
    how: dict[str, Any]
    model: preparing.Model
    start: Start
    prompts: Sequence[Prompt]
    judge: Judge
    needed: memory.Estimate
    out: Path
    command: str
    resumed: Checkpoint | None

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for a run to be resumed."""
        return preparing.identity(self.config, self.model, data=self.asked.fingerprint, start=self.start.digests)


@dataclass(frozen=True)
class Trained:
    """What training made: the trainer with the model in memory, and the summary that stands beside the adapter."""

    trainer: Any
    summary: dict[str, Any]


def check(config: GrpoConfig, out: Path, command: str, talk: Talk) -> Job | None:
    """The run, with everything checked that can be wrong and nothing written; None when it is finished already.

    Raises InputError, DataError, EncoderError, WriteError.
    """
    require_training()
    preparing.require_packages(config)
    require_asked_for(["vllm"] if config.grpo.engine == "vllm" else [])
    arguments.require_batch(config, devices=int(os.environ.get("WORLD_SIZE", "1")))
    asked = grpo_data.read_asked(config)
    for remark in asked.remarks:
        talk.say(remark)
    model = preparing.base_model(config, asked.how["thinking"])
    grpo_data.require_fit(config, asked, model)
    preparing.tell_template(config, model, talk.say)
    start = find_start(config, config.start)
    how = asked_facts(start, asked.how)
    identity = preparing.identity(config, model, data=asked.fingerprint, start=start.digests)
    finished, resumed = found_in(out, identity, FREE, talk.say)
    if finished:
        return None
    needed = needed_memory(config, model.folder)[1]
    memory.require_device(config, needed, memory.device_memory() if config.model.device == "cuda" else None)
    prompts = grpo_data.prompts(config, asked, model.chat, lambda done, of: talk.progress("prompts", done, of))
    judge = grpo_data.judge_of(config, asked)
    require_room(config, start, out)
    return Job(config, asked, how, model, start, prompts, judge, needed, out, command, resumed)


def needed_memory(config: GrpoConfig, folder: Path | None) -> tuple[memory.Shape, memory.Estimate]:
    """As for supervised training; sampling holds keys and values of all that is sampled at once on a device."""
    shape, found = preparing.memory_needed(config, folder)
    at_once = config.training.batch_size * config.grpo.steps_per_generation
    width = 2 if config.quantisation.compute_dtype == "bfloat16" else 4
    cache = 2 * at_once * config.training.max_length * shape.layers * config.architecture.key_value_width * width
    logits = at_once * shape.vocabulary * 8  # in 16 bits and in float32, with the sorted copy for top_p or top_k
    beyond = cache + logits - (found.activations + found.attention + found.output)
    return shape, dataclasses.replace(found, sampling=max(0.0, beyond))


def train(job: Job, talk: Talk) -> Trained:
    """Train, and write the adapter. Raises Stopped with the command that resumes, EncoderError, WriteError."""
    if is_first_process():
        begin(job.out, job.identity)
        forget_samples(job.out, 0 if job.resumed is None else job.resumed.step)
    clock = Clock(job.resumed)
    with without_notices():
        trainer, stop, reward = _trainer(job, talk, clock)
        run_trainer(job, trainer, stop)
    summary = _facts(job, clock, trainer, reward, "finished")
    save_run(trainer, job.out, summary)
    return Trained(trainer, summary)


def _trainer(job: Job, talk: Talk, clock: Clock) -> tuple[Any, Any, ComposedReward]:
    from datasets import Dataset
    from trl.trainer.grpo_config import GRPOConfig

    from ..models.lora import require_adapted
    from ..runs.trainers import Watch
    from . import trainer as grpo_trainer

    config = job.config
    given = GRPOConfig(**grpo_trainer.arguments(config, arguments.common(config, job.out), job.out))
    device = "cpu" if config.model.device == "cpu" else f"cuda:{given.local_process_index}"
    stop = grpo_trainer.StopBetween(talk.say, config.span)
    reward = ComposedReward(job.judge, job.out)

    def keep_checkpoint(folder: Path) -> None:
        write_summary(folder, _facts(job, clock, trainer, reward, "checkpoint"))
        write_log(job.out, trainer.state.log_history)

    rows = {"prompt": [list(map(dict, one.messages)) for one in job.prompts], "key": [one.key for one in job.prompts]}
    with policy(config, job.start, job.out, device, talk.say) as (model, new_adapter):
        trainer = grpo_trainer.SealingGRPOTrainer(
            model=model,
            reward_funcs=reward,
            args=given,
            train_dataset=Dataset.from_dict(rows),
            processing_class=job.model.chat.tokenizer,
            peft_config=new_adapter,
            callbacks=[stop, Watch(talk.say)],
            on_checkpoint=keep_checkpoint,
            tokens=job.model.chat.tokens,
        )
    settle(trainer.model, config, config.start)
    n_trained = require_adapted(trainer.model, config.lora.targets)
    talk.say(
        f"Training {n_trained:,} parameters on {len(job.prompts):,} prompts, {config.prompts_at_once:,} at once with "
        f"{config.grpo.generations} completions each."
    )
    if job.resumed is not None:
        talk.say(f"Going on from {job.resumed.folder} (step {job.resumed.step:,}).")
    return trainer, stop, reward


def _facts(job: Job, clock: Clock, trainer: Any, reward: ComposedReward, what: str) -> dict[str, Any]:
    """The summary. `what` is checkpoint or finished; counts of samples are of this part of the run."""
    state = trainer.state
    history = [row for row in state.log_history if "reward" in row]
    own = {
        "method": "grpo",
        "start": job.start.recorded(),
        **job.how,
        "corpus": {
            "fingerprint": job.asked.fingerprint,
            "data": job.asked.manifest.get("data", {"label": "questions"}),
        },
        "metrics": {
            "first_reward": history[0]["reward"] if history else None,
            "last_reward": history[-1]["reward"] if history else None,
            "groups_without_variance": _mean([row["frac_reward_zero_std"] for row in history]),
            "n_samples": reward.n_scored,
            "n_unrewarded": reward.n_none,
            "n_prompts": len(job.prompts),
            "seconds": {name: round(value, 2) for name, value in trainer.seconds.items()},
            "peak_memory_bytes": peak_memory(),
        },
    }
    return summary_facts(job, clock, trainer.state, what, **own)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def main() -> None:
    """`python -m bioreview_bench.training.grpo CONFIG ...`, as accelerate launches it."""
    from bioreview_bench.cli.main import run

    sys.exit(run(["train", "grpo", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
