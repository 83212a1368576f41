"""Progress of long work on stderr: a bar on a terminal, at most ten lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
from typing import Any

import click

_LINES = 10


class ProgressBar:
    """Of `total` items; `stop` removes the bar."""

    def __init__(self, label: str, total: int, quiet: bool) -> None:
        self._label, self._total, self._quiet = label, max(1, total), quiet
        self._bar: Any = None
        self._task: Any = None
        self._said = 0

    def stop(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def show(self, done: int) -> None:
        """`done` of the total are finished."""
        if self._quiet:
            return
        if sys.stderr.isatty():
            self._draw(done)
        elif done * _LINES // self._total > self._said:
            self._said = done * _LINES // self._total
            click.echo(f"{self._label}: {done:,} of {self._total:,}", err=True)

    def _draw(self, done: int) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn(self._label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("work", total=self._total)
        self._bar.update(self._task, completed=done)
