"""Progress of a run on stderr, and its summary."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .batch_progress import BatchProgress

if TYPE_CHECKING:
    from bioreview_bench.llm.batch_run import Waiting
    from bioreview_bench.llm.progress import Progress, Summary
    from bioreview_bench.llm.run_store import RunStore

_LINES = 20  # of progress where there is no terminal


class RunProgress:
    """A bar on a terminal, at most twenty lines elsewhere, nothing when quiet."""

    def __init__(self, total: int, quiet: bool) -> None:
        self._total, self._quiet = max(1, total), quiet
        self._bar: Any = None
        self._task: Any = None
        self._said = self._before = 0
        self._batches = BatchProgress(quiet)

    def say(self, text: str) -> None:
        """One line on stderr."""
        if not self._quiet:
            click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """One line on stderr, also when quiet."""
        self.stop()
        click.echo(text, err=True)

    def opened(self, store: RunStore) -> None:
        """Say what is there already."""
        if store.n_repaired:
            self.say(f"A row that was cut while it was written ({store.n_repaired:,} bytes) was removed.")
        self._before = len(store)
        if len(store):
            self.say(f"Going on with {store.folder}: {len(store):,} rows are there.")

    def show(self, progress: Progress) -> None:
        """Where the run is."""
        if self._quiet:
            return
        done = min(self._before + progress.done, self._total)
        retries = f", {progress.retries:,} calls tried again" if progress.retries else ""
        cost = f", ${progress.cost_usd:.4f}" if progress.cost_usd else ""
        if sys.stderr.isatty():
            self._draw(done, f"{progress.limit} at once{retries}{cost}")
        elif done * _LINES // self._total > self._said:
            self._said = done * _LINES // self._total
            click.echo(f"{done:,} of {self._total:,} reviewed{retries}{cost}", err=True)

    def waiting(self, batches: Sequence[Waiting]) -> None:
        """Where the batches are."""
        self._batches.show(batches)

    def stop(self) -> None:
        """Remove the bar."""
        self._batches.stop()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def report(self, folder: Path, store: RunStore, summary: Summary) -> None:
        """The summary and the next commands. Raises RemoteError when articles failed for good."""
        from . import run_report

        if not self._quiet:
            if summary.stopped is not None:
                self.say(f"Stopped: {summary.stopped}.")
            for line in run_report.lines(run_report.facts(folder, store.manifest, store.totals)):
                click.echo(line)
        summary.require_answers(store)

    def _draw(self, done: int, note: str) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("Reviewing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, TextColumn("{task.fields[note]}"), console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("review", total=self._total, note="")
        self._bar.update(self._task, completed=done, note=note)
