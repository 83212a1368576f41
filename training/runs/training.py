"""Training a run that was checked: clock, signals, checkpoints, what a library or the machine refuses, the summary."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import BenchError
from bioreview_bench.files.notices import known_notices
from bioreview_bench.llm.local.model_files import shown_name
from bioreview_bench.llm.run.manifest import now
from bioreview_bench.results.provenance import git_state

from ..config.load import arguments, resolved
from ..console import Console, is_first_process
from ..models.adapters import chain_summaries, corpora_before
from ..models.lora import require_adapted, save_adapter
from ..models.memory import count_parameters
from ..models.summary import read_summary, versions, write_summary
from .folder import ADAPTER, begin, write_log
from .inputs import template_facts
from .machine import kept, machine_errors
from .processes import offline, wait_for_all
from .run import Run
from .start import policy, settle


class Stopped(BenchError):
    """A signal ended training; the message says which checkpoint is kept."""

    exit_code = 130


@dataclass(frozen=True)
class Trained:
    """What training made: the trainer with the model in memory, and the summary that stands beside the adapter."""

    trainer: Any
    summary: dict[str, Any]


class RunRecord:
    """What a run writes of itself on the way and at the end; seconds are those of all its parts together."""

    def __init__(self, run: Run) -> None:
        before = read_summary(run.resumed.folder) if run.resumed is not None else {}
        self._run = run
        self._parameters = count_parameters(run.model.folder)
        adapters = [*run.start.merged, *([] if run.start.continued is None else [run.start.continued])]
        self._corpora_before = corpora_before(run.model.folder, chain_summaries(adapters))
        self._started = str(before.get("started") or now())
        self._before = float(before.get("seconds") or 0.0)
        self._begun = time.monotonic()

    def checkpoint(self, trainer: Any, folder: Path) -> None:
        """Add a summary to a checkpoint, so that it can be generated with, and write the log so far."""
        write_summary(folder, self.summary(trainer, finished=False))
        write_log(self._run.out, trainer.state.log_history)

    def summary(self, trainer: Any, *, finished: bool) -> dict[str, Any]:
        """The training summary."""
        import torch

        run, state = self._run, trainer.state
        peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
        return {
            "state": "finished" if finished else "checkpoint",
            "method": run.method.name,
            "base_model": shown_name(run.config.model.name),
            "base_digest": run.model.digest,
            "parameters": self._parameters,
            "family": run.model.family.name,
            "chat_template_sha256": run.model.chat.template_sha256,
            "chat_template": template_facts(run.config, run.model),
            "config": run.identity["config"],
            "trl": resolved(trainer.args),
            "versions": versions(),
            "git": git_state().model_dump(),
            "start": run.start.recorded(),
            **run.asked,
            "corpus": run.material.facts(),
            "corpora_before": self._corpora_before,
            "metrics": {**run.method.metrics(run, trainer, finished), "peak_memory_bytes": peak},
            "started": self._started,
            "seconds": round(self._before + time.monotonic() - self._begun, 1),
            "n_steps": state.global_step,
            "n_epochs": state.epoch,
        }


def train(run: Run, console: Console) -> Trained:
    """Train, and write the adapter. Raises Stopped with the command that resumes, EncoderError, WriteError."""
    for warning in run.config.warnings():
        console.say(f"Warning: {warning}")
    with offline(), known_notices(), machine_errors(run):
        given = arguments(run.config, run.out)
        wait_for_all()  # until every process has looked at the folder as it was
        if is_first_process():
            begin(run.out, run.identity)
        record = RunRecord(run)
        trainer, stop = _trainer(run, given, record, console)
        _let_run(run, trainer, stop)
        summary = record.summary(trainer, finished=True)
        if trainer.is_world_process_zero():
            save_adapter(trainer.model, run.out / ADAPTER)
            write_log(run.out, trainer.state.log_history)
            write_summary(run.out / ADAPTER, summary)
        wait_for_all()
    return Trained(trainer, summary)


def _trainer(run: Run, given: Any, record: RunRecord, console: Console) -> tuple[Any, Any]:
    from .trainers import Stop, Watch

    config = run.config
    device = "cpu" if config.model.device == "cpu" else f"cuda:{given.local_process_index}"
    stop = Stop(console, getattr(config, "span", 1))
    with policy(config, run.start, run.out, device, console) as (model, adapter):
        trainer = run.method.trainer(run, given, model, adapter)
    trainer.record = record
    trainer.add_callback(stop)
    trainer.add_callback(Watch(console))
    settle(trainer.model, config)
    n_trained = require_adapted(trainer.model, config.adapter.targets)
    also = run.method.settled(run, trainer)
    console.say(f"Training {n_trained:,} parameters of the adapter on {len(run.examples.train):,} examples.{also}")
    if run.resumed is not None:
        console.say(f"Going on from {run.resumed.folder} (step {run.resumed.step:,}).")
    return trainer, stop


def _let_run(run: Run, trainer: Any, stop: Any) -> None:
    """Let a trainer of TRL run to its end."""
    try:
        with stop.listening():
            trainer.train(resume_from_checkpoint=None if run.resumed is None else str(run.resumed.folder))
    except KeyboardInterrupt:
        raise _stopped(run, "Ctrl-C") from None
    if stop.signal is not None and trainer.state.global_step < trainer.state.max_steps:
        raise _stopped(run, stop.signal.name)


def _stopped(run: Run, why: str) -> Stopped:
    return Stopped(f"Stopped by {why}; {kept(run.out)}.", remedy=f"{run.command}   (goes on from there)")
