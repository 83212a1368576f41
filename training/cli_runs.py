"""What the commands that train share: talking, the GPU, a run and a plan told; and options as settings (DPO, GRPO)."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .running import Talk


@dataclass(frozen=True)
class Given:
    """What was typed, without the folder of the run."""

    config_name: str
    data: str | None
    model: str | None
    adapters: tuple[str, ...]
    settings: tuple[str, ...]

    @property
    def all_settings(self) -> tuple[str, ...]:
        """Settings and the options that stand for one."""
        found = [*self.settings]
        found += [f"data.folder={json.dumps(self.data)}"] if self.data is not None else []
        found += [f"model.name={json.dumps(self.model)}"] if self.model is not None else []
        found += [f"start.adapters={json.dumps(list(self.adapters))}"] if self.adapters else []
        return tuple(found)


def command(method: str, given: Given, out: Path) -> str:
    """The command that was typed, as it is typed again."""
    launched = "WORLD_SIZE" in os.environ
    start = f"accelerate launch -m bioreview_bench.training.{method}" if launched else f"bench train {method}"
    words = [given.config_name, "-o", str(out)]
    words += ["--data", given.data] if given.data is not None else []
    words += ["--model", given.model] if given.model is not None else []
    for adapter in given.adapters:
        words += ["--adapter", adapter]
    for setting in given.settings:
        words += ["--set", setting]
    return f"{start} {shlex.join(words)}"


def gpu(stated: float | None) -> tuple[int, str] | None:
    """(bytes, name) of the GPU that is stated in GiB, or of the one here; None without one."""
    from . import memory

    return memory.device_memory() if stated is None else (int(stated * memory.GB), f"a GPU of {stated:g} GiB")


@contextmanager
def talking(quiet: bool) -> Iterator[Talk]:
    """Lines and progress on stderr; nothing when quiet, or in any process but the first."""
    from .progress_bar import ProgressBar
    from .running import Talk, is_first_process

    quiet = quiet or not is_first_process()
    bars: dict[str, ProgressBar] = {}

    def progress(what: str, done: int, of: int) -> None:
        bar = bars.setdefault(what, ProgressBar(f"Proving {what}", of, quiet))
        bar.show(done)
        if done == of:
            bar.stop()

    def say(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    try:
        yield Talk(say, progress)
    finally:
        for bar in bars.values():
            bar.stop()


def finished(
    check: Callable[..., Any], train: Callable[..., Any], config: Any, out: Path, again: str, form: str, talk: Talk
) -> dict[str, Any] | None:
    """Check and train, or find the run finished; its summary, when lines about it are still to be printed."""
    from .run_folder import ADAPTER
    from .running import is_first_process
    from .summary import read_summary

    job = check(config, out, again, talk)
    if job is None:
        talk.say(f"{out} is finished already; nothing was done.")
        summary = read_summary(out / ADAPTER)
    else:
        summary = train(job, talk).summary
    if not is_first_process():
        return None
    if form == "json":
        click.echo(json.dumps(summary, ensure_ascii=False))
        return None
    return summary


def told(form: str, facts: Callable[[], Any], lines: Callable[[], Iterable[str]]) -> None:
    """Print a plan, for machines or for people."""
    if form == "json":
        click.echo(json.dumps(facts(), ensure_ascii=False))
        return
    for line in lines():
        click.echo(line)
