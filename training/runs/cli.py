"""What the commands that train share: their options, talking, the GPU, and a run and a plan told."""

from __future__ import annotations

import functools
import json
import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options

if TYPE_CHECKING:
    from .running import Talk


@dataclass(frozen=True)
class Asked:
    """What was typed. `folder_option` names the option of `folder`; `folder_key` is the setting that it stands for."""

    folder_option: str
    folder_key: str
    config_name: str
    folder: str | None
    model: str | None
    settings: tuple[str, ...]
    out: Path | None
    dry_run: bool
    gpu_memory: float | None
    form: str
    quiet: bool
    adapters: tuple[str, ...] = ()

    @property
    def all_settings(self) -> tuple[str, ...]:
        """Settings and the options that stand for one."""
        found = [*self.settings]
        found += [f"{self.folder_key}={json.dumps(self.folder)}"] if self.folder is not None else []
        found += [f"model.name={json.dumps(self.model)}"] if self.model is not None else []
        found += [f"start.adapters={json.dumps(list(self.adapters))}"] if self.adapters else []
        return tuple(found)

    def again(self, method: str, out: Path) -> str:
        """The command that was typed, as it is typed again."""
        launched = "WORLD_SIZE" in os.environ
        start = f"accelerate launch -m bioreview_bench.training.{method}" if launched else f"bench train {method}"
        words = [self.config_name, "-o", str(out)]
        words += [self.folder_option, self.folder] if self.folder is not None else []
        words += ["--model", self.model] if self.model is not None else []
        for adapter in self.adapters:
            words += ["--adapter", adapter]
        for setting in self.settings:
            words += ["--set", setting]
        return f"{start} {shlex.join(words)}"

    def carry_out(
        self,
        method: str,
        load: Callable[[str, tuple[str, ...]], Any],
        train: Callable[[Any, Path, str, str, Talk], None],
        dry_run: Callable[[Any, tuple[int, str] | None, str, Talk], None],
    ) -> None:
        """Load the config and train by it, or tell its plan."""
        config = load(self.config_name, self.all_settings)
        out = self.out if self.out is not None else Path("runs") / config.name
        with _talking(self.quiet) as talk:
            if self.dry_run:
                dry_run(config, _gpu(self.gpu_memory), self.form, talk)
            elif self.gpu_memory is not None:
                raise click.UsageError("--gpu-memory goes with --dry-run.")
            else:
                train(config, out, self.again(method, out), self.form, talk)


def run_options(
    folder_option: str, folder_key: str, what: str = "", *, adapters: bool = True
) -> Callable[[Callable[[Asked], None]], Callable[..., None]]:
    """The argument and options of a command that trains, handed to it as `Asked`."""
    chain = click.option(
        "--adapter", "adapters", multiple=True, metavar="DIR", help="As --set start.adapters=[DIR, ...]."
    )
    decorators = [
        click.argument("config_name", metavar="CONFIG"),
        click.option(
            "-o", "--out", type=click.Path(path_type=Path), metavar="RUN", help="Folder of the run. Default: runs/NAME."
        ),
        click.option(folder_option, "folder", metavar="DIR", help=f"As --set {folder_key}=DIR{what}."),
        click.option("--model", metavar="MODEL", help="As --set model.name=MODEL: a folder, or ORG/MODEL[@REVISION]."),
        *([chain] if adapters else []),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change a value of the config; may be repeated.",
        ),
        click.option("--dry-run", is_flag=True, help="Lengths, steps, memory; nothing is loaded or written."),
        click.option(
            "--gpu-memory",
            type=click.FloatRange(min=0, min_open=True),
            metavar="GIB",
            help="With --dry-run: check against it.",
        ),
        options.format_option("text", "json"),
        options.quiet_option,
    ]

    def decorate(command: Callable[[Asked], None]) -> Callable[..., None]:
        @functools.wraps(command)
        def called(**given: Any) -> None:
            command(Asked(folder_option, folder_key, **given))

        for decorator in reversed(decorators):
            called = decorator(called)
        return called

    return decorate


def _gpu(stated: float | None) -> tuple[int, str] | None:
    """(bytes, name) of the GPU that is stated in GiB, or of the one here; None without one."""
    from ..models import memory

    return memory.device_memory() if stated is None else (int(stated * memory.GB), f"a GPU of {stated:g} GiB")


@contextmanager
def _talking(quiet: bool) -> Iterator[Talk]:
    """Lines and progress on stderr; nothing when quiet, or in any process but the first."""
    from bioreview_bench.cli.progress import ProgressBar

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
    from ..models.summary import read_summary
    from .folder import ADAPTER
    from .running import is_first_process

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
