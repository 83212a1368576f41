"""Progress of a run on stderr, and its summary.

Progress of batches on stderr: a line that changes on a terminal, elsewhere a line for every change worth telling.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bioreview_bench.llm.batch.run import Waiting
    from bioreview_bench.llm.calls.progress import Progress, Summary
    from bioreview_bench.llm.run.store import RunStore


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
        from . import report as run_report

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


_STEPS = 10  # lines for the answers of one batch where there is no terminal


class BatchProgress:
    """Shows where every batch stands; silent when quiet."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._status: Any = None
        self._started = time.monotonic()
        self._said: dict[str, tuple[str, int]] = {}

    def show(self, waiting: Sequence[Waiting]) -> None:
        """One look at the batches."""
        if self._quiet:
            return
        if sys.stderr.isatty():
            minutes = int(time.monotonic() - self._started) // 60
            self._draw(
                f"{'; '.join(map(_line, waiting))} - {minutes // 60}:{minutes % 60:02d} h, Ctrl-C leaves them going"
            )
            return
        for batch in waiting:
            now = (batch.status, batch.n_completed * _STEPS // max(1, batch.n_articles))
            if self._said.get(batch.batch_id) != now:
                self._said[batch.batch_id] = now
                click.echo(_line(batch), err=True)

    def stop(self) -> None:
        """Remove the line."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _draw(self, text: str) -> None:
        from rich.console import Console
        from rich.markup import escape

        if self._status is None:
            self._status = Console(stderr=True).status(escape(text))
            self._status.start()
        self._status.update(escape(text))


def _line(batch: Waiting) -> str:
    from bioreview_bench.errors import printable

    failed = f", {batch.n_failed:,} failed" if batch.n_failed else ""
    return (
        f"Batch {printable(batch.batch_id, 60)}: {printable(batch.status, 20)}, "
        f"{batch.n_completed:,} of {batch.n_articles:,} answered{failed}"
    )
