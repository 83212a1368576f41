"""Progress on stderr: a bar on a terminal; elsewhere a line at once, one a minute, and one at the end."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import click

from bioreview_bench.llm.calls.prices import dollars
from bioreview_bench.llm.calls.watching import Progress, Watcher

EVERY = 60.0  # seconds between two lines where there is no terminal


class ProgressBar:
    """Of `total` items, of which `before` were finished by an earlier run; it is shown from its making to `stop`.

    `unit` stands behind the numbers, `note` behind these. Where there is no terminal a thread of its own writes the
    lines, so that a wait of an hour shows signs of life.
    """

    def __init__(self, label: str, total: int, quiet: bool, *, before: int = 0, unit: str = "", note: str = "") -> None:
        self._label, self._total, self._quiet, self._unit = label, max(1, total), quiet, unit
        self._done, self._note, self._until = before, note, 0.0
        self._bar: Any = None
        self._task: Any = None
        self._stopped = threading.Event()
        self._limit_said = float("-inf")
        self._printing = threading.RLock()
        if quiet:
            return
        if before:
            click.echo(f"{label}: resumed at {self._count(before)}", err=True)
        if sys.stderr.isatty():
            self._draw()
            return
        if not before:
            self._print()
        threading.Thread(target=self._keep_printing, daemon=True).start()

    def show(self, done: int, note: str = "", until: float = 0.0, changed: bool = False) -> None:
        """`done` of the total are finished; `note` stands behind. A rate limit holds calls up `until` then (epoch).

        A note that has `changed` is not kept until the minute is over.
        """
        self._done, self._note, self._until = min(done, self._total), note, until
        if self._quiet or self._stopped.is_set():
            return
        if self._bar is not None:
            self._draw()
        elif self._done == self._total:
            self.stop()
            self._print()
        elif changed or (self._is_limited() and time.monotonic() - self._limit_said >= EVERY):
            self._print()

    def stop(self) -> None:
        """Remove the bar; write no more lines."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        with self._printing:  # a line that has begun ends before this does
            self._stopped.set()

    def _keep_printing(self) -> None:
        while not self._stopped.wait(EVERY):
            with self._printing:
                if not self._stopped.is_set():
                    self._print()

    def _print(self) -> None:
        with self._printing:
            note = self._said()
            if self._is_limited():
                self._limit_said = time.monotonic()
            click.echo(f"{self._label}: {self._count(self._done)}{note and f', {note}'}", err=True)

    def _count(self, done: int) -> str:
        return f"{done:,}/{self._total:,}{self._unit and f' {self._unit}'}"

    def _is_limited(self) -> bool:
        return self._until > time.time()

    def _said(self) -> str:
        until = time.strftime("%H:%M:%S", time.localtime(self._until))
        return ", ".join(filter(None, [f"rate-limited until {until}" if self._is_limited() else "", self._note]))

    def _draw(self) -> None:
        if self._bar is None:
            self._bar, self._task = _rich_bar(self._label, self._total, self._unit, self._said)
        self._bar.update(self._task, completed=self._done)


def _rich_bar(label: str, total: int, unit: str, said: Callable[[], str]) -> tuple[Any, Any]:
    """A bar that has begun, and its task; `said` is asked for the note whenever the bar is drawn."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    class Note(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(said())

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn(), Note())
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    bar.start()
    return bar, bar.add_task("work", total=total)


class CallConsole(Watcher):
    """Shows how calls to a model go, under `label`; when quiet, warnings only. `price_date` stands with dollars."""

    def __init__(self, label: str, quiet: bool, price_date: str | None = None) -> None:
        self._label, self._quiet, self.price_date = label, quiet, price_date
        self._bar: ProgressBar | None = None
        self._before = 0

    def say(self, text: str) -> None:
        """One line on stderr."""
        if not self._quiet:
            click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """One line on stderr, also when quiet."""
        self.stop()
        click.echo(text, err=True)

    def begun(self, n_before: int, n_all: int) -> None:
        """Show where the run stands, unless nothing is left to do."""
        self.stop()
        self._before = n_before
        if n_before < n_all:
            self._bar = ProgressBar(self._label, n_all, self._quiet, before=n_before)

    def show(self, progress: Progress) -> None:
        """Where single calls are."""
        if self._bar is None:
            return
        notes = [f"{progress.limit} at once"] if sys.stderr.isatty() and progress.limit > 1 else []
        plural = "s" * (progress.retries != 1)
        notes += [f"{progress.retries:,} call{plural} tried again"] if progress.retries else []
        notes += [dollars(progress.cost_usd, self.price_date)] if progress.cost_usd else []
        self._bar.show(self._before + progress.done, ", ".join(notes), progress.resumes_at)

    def stop(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
