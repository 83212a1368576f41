"""Supervised fine-tuning of an adapter, by TRL. Also `accelerate launch -m bioreview_bench.training.sft CONFIG`.

`check` finds everything that can be wrong before anything is written; `train` writes and trains. What a run's folder
holds is told in `run_folder`, what is checked of model and corpus in `preparing`.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bioreview_bench.errors import DataError
from bioreview_bench.llm.local.model_files import shown_name

from ..config.packages import require_training
from ..config.parts import SftConfig
from ..corpora.files import CORPUS, Corpus
from ..models import memory
from ..models.encode_examples import IGNORED, Example
from ..models.summary import write_summary
from ..runs import arguments, preparing
from ..runs.folder import Checkpoint, begin, found_in, write_log
from ..runs.running import (
    Clock,
    Stopped,
    Talk,
    is_first_process,
    peak_memory,
    run_trainer,
    save_run,
    summary_facts,
    without_notices,
)

__all__ = ["Job", "Stopped", "Talk", "Trained", "check", "is_first_process", "train"]

# Where things are and how much is said about them does not change what is trained.
FREE = tuple(
    f"config.{key}"
    for key in ("model.name", "corpus.folder", "corpus.fingerprint", "keeping.report_to", "keeping.keep_checkpoints")
)


@dataclass(frozen=True)
class Job:
    """A run, checked: what to train, on what, and where. `command` resumes it, from the checkpoint `resumed`."""

    config: SftConfig
    corpus: Corpus
    model: preparing.Model
    examples: preparing.Examples
    needed: memory.Estimate
    out: Path
    command: str
    resumed: Checkpoint | None

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for a run to be resumed."""
        return preparing.identity(self.config, self.model, corpus=self.corpus.fingerprint)


@dataclass(frozen=True)
class Trained:
    """What training made: the model with its adapter, in memory, and the summary that stands beside the adapter."""

    model: Any
    summary: dict[str, Any]


def check(config: SftConfig, out: Path, command: str, talk: Talk) -> Job | None:
    """The run, with everything checked that can be wrong and nothing written; None when it is finished already.

    Raises InputError, DataError, EncoderError.
    """
    require_training()
    preparing.require_packages(config)
    corpus = preparing.agreed_corpus(config)
    model = preparing.find_model(config, corpus)
    identity = preparing.identity(config, model, corpus=corpus.fingerprint)
    finished, resumed = found_in(out, identity, FREE, talk.say)
    if finished:
        return None
    _, needed = preparing.memory_needed(config, model.folder)
    memory.require_device(config, needed, memory.device_memory() if config.model.device == "cuda" else None)
    arguments.require_batch(config, devices=int(os.environ.get("WORLD_SIZE", "1")))
    preparing.tell_template(config, model, talk.say)
    examples = preparing.prove_examples(config, corpus, model, talk.progress)
    return Job(config, corpus, model, examples, needed, out, command, resumed)


def train(job: Job, talk: Talk) -> Trained:
    """Train, and write the adapter. Raises Stopped with the command that resumes, EncoderError, WriteError."""
    if is_first_process():
        begin(job.out, job.identity)
    clock = Clock(job.resumed)
    with without_notices():
        trainer, stop = _trainer(job, talk, clock)
        run_trainer(job, trainer, stop)
    summary = _facts(job, clock, trainer.state, "finished")
    save_run(trainer, job.out, summary)
    return Trained(trainer.model, summary)


def _trainer(job: Job, talk: Talk, clock: Clock) -> tuple[Any, Any]:
    from trl.trainer.sft_config import SFTConfig

    from ..models.lora import lora_config, name_base, require_adapted
    from ..models.quantised import load_base
    from ..runs.trainers import SealingSFTTrainer, Stop, Watch

    config = job.config
    given = SFTConfig(**arguments.sft(config, job.out))
    device = "cpu" if config.model.device == "cpu" else f"cuda:{given.local_process_index}"
    talk.say(f"Loading {config.model.name} on {device} ...")
    base = load_base(job.model.folder, config.quantisation, attention=config.model.attention, device=device)
    stop = Stop(talk.say)

    def keep_checkpoint(folder: Path) -> None:
        write_summary(folder, _facts(job, clock, trainer.state, "checkpoint"))  # so that it can be generated with
        write_log(job.out, trainer.state.log_history)

    trainer = SealingSFTTrainer(
        model=base,
        args=given,
        train_dataset=_dataset(job.examples.train),
        eval_dataset=_dataset(job.examples.val) if job.examples.val else None,
        processing_class=job.model.chat.tokenizer,
        peft_config=lora_config(base, config.lora),
        callbacks=[stop, Watch(talk.say)],
        on_checkpoint=keep_checkpoint,
    )
    name_base(trainer.model, shown_name(config.model.name))
    n_trained = require_adapted(trainer.model, config.lora.targets)
    _require_unchanged(trainer.train_dataset, job.examples.train)
    talk.say(f"Training {n_trained:,} parameters of the adapter on {len(job.examples.train):,} examples.")
    if job.resumed is not None:
        talk.say(f"Going on from {job.resumed.folder} (step {job.resumed.step:,}).")
    return trainer, stop


def _dataset(examples: Sequence[Example]) -> Any:
    from datasets import Dataset

    return Dataset.from_dict(
        {"input_ids": [one.input_ids for one in examples], "labels": [one.labels for one in examples]}
    )


def _require_unchanged(dataset: Any, examples: Sequence[Example]) -> None:
    """What the trainer holds must be what was proved. Raises DataError."""
    table = dataset.with_format("numpy")
    if "seq_lengths" in dataset.column_names:  # packed: other rows, the same tokens
        carrying = sum(int((row["labels"] != IGNORED).sum()) for row in table)
        same = carrying == sum(one.n_target for one in examples)
    else:
        same = len(dataset) == len(examples) and all(
            np.array_equal(row["input_ids"], one.input_ids) and np.array_equal(row["labels"], one.labels)
            for row, one in zip(table, examples, strict=True)
        )
    if not same:
        raise DataError("The trainer changed the examples that were proved.", remedy="report this as a defect")


def _facts(job: Job, clock: Clock, state: Any, what: str) -> dict[str, Any]:
    """The summary. `what` is checkpoint or finished."""
    manifest, train = job.corpus.manifest, job.examples.train
    losses = [row["loss"] for row in state.log_history if "loss" in row]
    evaluated = [row["eval_loss"] for row in state.log_history if "eval_loss" in row]
    own = {
        "prompt": {"id": manifest["prompt"]["id"], "sha256": manifest["prompt"]["sha256"]},
        "thinking": job.config.corpus.thinking,
        "system": job.config.corpus.system,
        "budget": manifest["budget"],
        "counter": manifest["counter"],
        "corpus": {
            "sha256": hashlib.sha256((job.corpus.folder / CORPUS).read_bytes()).hexdigest(),
            "fingerprint": job.corpus.fingerprint,
            "data": manifest["data"],
            "recipe": manifest.get("recipe"),
        },
        "metrics": {
            "train_loss": losses[-1] if losses else None,
            "first_train_loss": losses[0] if losses else None,
            "eval_loss": evaluated[-1] if evaluated else None,
            "eval_ids": [one.article_id for one in job.examples.val],
            "n_examples": len(train),
            "n_prompt_tokens": sum(one.n_prompt for one in train),
            "n_target_tokens": sum(one.n_target for one in train),
            "peak_memory_bytes": peak_memory(),
        },
    }
    return summary_facts(job, clock, state, what, **own)


def main() -> None:
    """`python -m bioreview_bench.training.sft CONFIG ...`, as accelerate launches it."""
    from bioreview_bench.cli.main import run

    sys.exit(run(["train", "sft", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
