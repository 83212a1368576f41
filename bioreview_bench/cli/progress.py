"""Progress on stderr: a bar on a terminal, a few lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
from typing import Any

import click


class ProgressBar:
    """Of `total` items (0 while it is not known). Where there is no terminal, at most `lines` lines."""

    def __init__(self, label: str, total: int, quiet: bool, lines: int = 10) -> None:
        self._label, self._total, self._quiet, self._lines = label, max(1, total), quiet, lines
        self._bar: Any = None
        self._task: Any = None
        self._printed = 0

    def show(self, done: int, note: str = "") -> None:
        """`done` of the total are finished; `note` stands behind."""
        if self._quiet:
            return
        if sys.stderr.isatty():
            self._draw(done, note)
        elif done * self._lines // self._total > self._printed:
            self._printed = done * self._lines // self._total
            click.echo(f"{self._label}: {done:,} of {self._total:,}{note and f', {note}'}", err=True)

    def stop(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _draw(self, done: int, note: str) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn(self._label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            note_column = TextColumn("{task.fields[note]}", markup=False)
            self._bar = Progress(*columns, note_column, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("work", total=self._total, note="")
        self._bar.update(self._task, completed=done, note=note)
