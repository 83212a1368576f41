"""What every run of training does around its trainer: talk, keep time, stop on a signal, and say how to go on.

What is trained, and how a run is checked beforehand, is each method's own (`sft`, `dpo`, `grpo`).
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bioreview_bench.errors import BenchError, EncoderError, cannot_write, printable
from bioreview_bench.llm.local.model_files import shown_name
from bioreview_bench.llm.run.manifest import now
from bioreview_bench.results.provenance import git_state

from ..config.parts import RunConfig
from ..models import memory
from ..models.summary import read_summary, versions, write_summary
from .folder import ADAPTER, Checkpoint, checkpoints, last_whole, write_log
from .preparing import Model, template_facts

Progress = Callable[[str, int, int], None]


class Stopped(BenchError):
    """A signal ended training; the message says which checkpoint is kept."""

    exit_code = 130


@dataclass(frozen=True)
class Talk:
    """How a run speaks to its user: a line, and progress of (what, done, of)."""

    say: Callable[[str], None]
    progress: Progress


class Running(Protocol):
    """A checked run. `command` resumes it, from the checkpoint `resumed`."""

    @property
    def config(self) -> RunConfig:
        """What was asked for."""
        ...

    @property
    def model(self) -> Model:
        """The base model."""
        ...

    @property
    def needed(self) -> memory.Estimate:
        """Memory that it was estimated to need."""
        ...

    @property
    def out(self) -> Path:
        """Its folder."""
        ...

    @property
    def command(self) -> str:
        """What the user types to go on."""
        ...

    @property
    def resumed(self) -> Checkpoint | None:
        """Where it goes on from."""
        ...


class Clock:
    """Seconds of training: those of earlier parts of the run, and those since now."""

    def __init__(self, resumed: Checkpoint | None) -> None:
        before = read_summary(resumed.folder) if resumed is not None else {}
        self.started = str(before.get("started") or now())
        self._before = float(before.get("seconds") or 0.0)
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """So far, all parts together."""
        return round(self._before + time.monotonic() - self._begun, 1)


def is_first_process() -> bool:
    """True in the process that writes and reports; others only compute."""
    return os.environ.get("RANK", "0") == "0"


def run_trainer(job: Running, trainer: Any, stop: Any) -> None:
    """Let a trainer of TRL run to its end. Raises Stopped, EncoderError (memory), WriteError."""
    import torch

    try:
        with stop.listening():
            trainer.train(resume_from_checkpoint=None if job.resumed is None else str(job.resumed.folder))
    except KeyboardInterrupt:
        raise _stopped(job, "Ctrl-C") from None
    except torch.OutOfMemoryError as error:
        raise EncoderError(
            f"The GPU's memory does not suffice (estimated: {job.needed.total / memory.GB:.0f} GiB): "
            f"{printable(error, 200)}",
            remedy="a larger GPU, or a smaller training.batch_size with more accumulation, into a new folder",
        ) from error
    except OSError as error:
        raise cannot_write(job.out, error) from error
    if stop.signal is not None and trainer.state.global_step < trainer.state.max_steps:
        raise _stopped(job, stop.signal.name)


def save_run(trainer: Any, out: Path, summary: dict[str, Any]) -> None:
    """Write the trained adapter, its summary and the log. Every process calls it, and goes on when they are written.

    Raises WriteError.
    """
    if trainer.is_world_process_zero():
        from ..models.lora import save_adapter

        save_adapter(trainer.model, out / ADAPTER)
        write_log(out, trainer.state.log_history)
        write_summary(out / ADAPTER, summary)
    trainer.accelerator.wait_for_everyone()


def summary_facts(job: Running, clock: Clock, state: Any, what: str, **own: Any) -> dict[str, Any]:
    """A summary: what every run states, and the method's `own`. `what` is checkpoint or finished."""
    return {
        "state": what,
        "base_model": shown_name(job.config.model.name),
        "base_digest": job.model.digest,
        "family": job.model.family.name,
        "chat_template_sha256": job.model.chat.template_sha256,
        "chat_template": template_facts(job.config, job.model),
        "config": job.config.model_dump(mode="json"),
        "versions": versions(),
        "git": git_state().model_dump(),
        **own,
        "started": clock.started,
        "seconds": clock.seconds,
        "n_steps": state.global_step,
        "n_epochs": state.epoch,
    }


def peak_memory() -> int | None:
    """Bytes that torch has held on this process's GPU at most; None without one."""
    import torch

    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


@contextmanager
def without_notices() -> Iterator[None]:
    """Leave out that names of arguments will change in a later version; TRL itself still uses these."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _stopped(job: Running, why: str) -> Stopped:
    last, _ = last_whole(checkpoints(job.out))
    kept = f"{last.folder} is whole (step {last.step:,})" if last is not None else "no checkpoint is whole yet"
    return Stopped(f"Stopped by {why}; {kept}.", remedy=f"{job.command}   (goes on from there)")
