"""Options and small helpers that commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

data_option = click.option(
    "--data",
    default="v3",
    show_default=True,
    metavar="DATA",
    help="A data folder, demo, a released version (v3, v4), or v3=FOLDER.",
)
split_option = click.option(
    "--split", default="test", show_default=True, metavar="SPLIT", help="train, val (validation), test or all."
)
limit_option = click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N articles.")
allow_extra_option = click.option("--allow-extra", is_flag=True, help="Ignore rows for articles outside the split.")
require_complete_option = click.option(
    "--require-complete", is_flag=True, help="Refuse missing and failed rows (submissions use it)."
)
allow_unfrozen_option = click.option(
    "--allow-unfrozen", is_flag=True, help="Load data that differ from the release, under their own fingerprint."
)
encoder_option = click.option(
    "--encoder", metavar="NAME", help="Another encoder: a name of the registry, hf:REPO@REVISION, or a folder."
)
encoder_path_option = click.option(
    "--encoder-path", type=click.Path(path_type=Path), metavar="DIR", help="Where the contract's encoder is."
)
quiet_option = click.option("--quiet", is_flag=True, help="No progress and no messages.")


def contract_option(
    text: str = "v3, demo, jaccard, judge:openai:MODEL (or google, vllm), or a TOML file.",
) -> Callable[[Any], Any]:
    """`--contract`, as `contract_name`."""
    return click.option("--contract", "contract_name", default="v3", show_default=True, metavar="NAME|FILE", help=text)


def precision_option(*choices: str) -> Callable[[Any], Any]:
    """`--precision`: how the encoder computes."""
    text = "What the encoder computes in. bf16 is faster and another contract."
    if "exact-bf16" in choices:
        text += " exact-bf16 computes in bf16, and again in fp32 what could change a count: same contract as fp32."
    return click.option("--precision", type=click.Choice(choices), help=f"{text} Default: the contract's.")


def format_option(*formats: str) -> Callable[[Any], Any]:
    """`--format`, the first of `formats` being the default."""
    return click.option(
        "--format", "form", type=click.Choice(formats), default=formats[0], show_default=True, help="How to print."
    )


def data_name(given: str, loaded: str) -> str:
    """What data are called in a file that was made on them: a folder's name, else the release's."""
    return Path(given).name if loaded == "local" else loaded


def predictions_path(given: str) -> Path:
    """The path of a predictions file; `demo:NAME` is one of the bundled ones. Raises InputError."""
    if not given.startswith("demo:"):
        return Path(given)
    from importlib import resources

    from bioreview_bench.errors import InputError, printable

    folder = Path(str(resources.files("bioreview_bench.data.demo"))) / "predictions"
    names = sorted(path.stem for path in folder.glob("*.jsonl"))
    name = given.removeprefix("demo:")
    if name not in names:
        raise InputError(
            f'There is no demo file "{printable(name)}".', remedy=f"use {', '.join(f'demo:{known}' for known in names)}"
        )
    return folder / f"{name}.jsonl"


class Messages:
    """Progress and messages on stderr; silent when quiet."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None

    def say(self, text: str) -> None:
        """One line."""
        if not self._quiet:
            click.echo(text, err=True)

    def encoding(self, done: int, total: int) -> None:
        """Progress of encoding: a bar on a terminal, a line at start and end elsewhere."""
        if self._quiet:
            return
        if not sys.stderr.isatty():
            if done in (0, total):
                click.echo(f"Encoding {total:,} texts ..." if done == 0 else "Encoding finished.", err=True)
            return
        if self._bar is None:
            self._start(total)
        self._bar.update(self._task, completed=done)
        if done == total:
            self.stop()

    def judging(self, done: int, total: int) -> None:
        """Progress of a judge: a bar on a terminal, at most eleven lines elsewhere."""
        if self._quiet:
            return
        if not sys.stderr.isatty():
            if done == 0 or done * 10 // total > (done - 1) * 10 // total:
                click.echo(f"Judging: {done:,} of {total:,}", err=True)
            return
        if self._bar is None:
            self._start(total, "Judging")
        self._bar.update(self._task, completed=done)

    def stop(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _start(self, total: int, label: str = "Encoding") -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task("encode", total=total)
