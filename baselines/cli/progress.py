"""Progress of a run on stderr, and its summary."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bioreview_bench.cli.progress import ProgressBar
from bioreview_bench.errors import printable
from bioreview_bench.llm.calls.progress import Progress, Summary, Waiting, Watcher
from bioreview_bench.llm.run.store import RunStore

_LINES = 20  # of progress where there is no terminal
_STEPS = 10  # lines for the answers of one batch there


class RunConsole(Watcher):
    """Prints how a run of `total` articles goes; when quiet, warnings only."""

    def __init__(self, total: int, quiet: bool) -> None:
        self._quiet = quiet
        self._total, self._before = max(1, total), 0
        self._bar = ProgressBar("Reviewing", total, quiet, _LINES)
        self._printed: dict[str, tuple[str, int]] = {}

    def say(self, text: str) -> None:
        """One line on stderr."""
        if not self._quiet:
            click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """One line on stderr, also when quiet."""
        self.stop()
        click.echo(text, err=True)

    def opened(self, store: RunStore) -> None:
        """Say what is already done."""
        if store.n_repaired:
            self.say(f"A row that was cut while it was written ({store.n_repaired:,} bytes) was removed.")
        self._before = len(store)
        if len(store):
            self.say(f"Going on with {store.folder}: {len(store):,} rows are already done.")

    def show(self, progress: Progress) -> None:
        """Where single calls are."""
        notes = [f"{progress.limit} at once"] if sys.stderr.isatty() else []
        notes += [f"{progress.retries:,} calls tried again"] if progress.retries else []
        notes += [f"${progress.cost_usd:.4f}"] if progress.cost_usd else []
        self._bar.show(min(self._before + progress.done, self._total), ", ".join(notes))

    def waiting(self, batches: Sequence[Waiting]) -> None:
        """Where the batches are: a line that changes on a terminal, elsewhere one for every step of each."""
        if sys.stderr.isatty():
            done = self._before + sum(batch.n_completed for batch in batches)
            self._bar.show(min(done, self._total), f"{'; '.join(map(_line, batches))} - Ctrl-C leaves them going")
            return
        for batch in batches:
            now = (batch.status, batch.n_completed * _STEPS // max(1, batch.n_articles))
            if self._printed.get(batch.batch_id) != now:
                self._printed[batch.batch_id] = now
                self.say(_line(batch))

    def stop(self) -> None:
        """Remove the bar."""
        self._bar.stop()

    def report(self, folder: Path, store: RunStore, summary: Summary) -> None:
        """The summary and the next commands. Raises RemoteError when articles failed for good."""
        from . import report as run_report

        if not self._quiet:
            if summary.stopped is not None:
                self.say(f"Stopped: {summary.stopped}.")
            for line in run_report.lines(run_report.facts(folder, store.manifest, store.totals)):
                click.echo(line)
        summary.require_answers(store)


def _line(batch: Waiting) -> str:
    failed = f", {batch.n_failed:,} failed" if batch.n_failed else ""
    return (
        f"Batch {printable(batch.batch_id, 60)}: {printable(batch.status, 20)}, "
        f"{batch.n_completed:,} of {batch.n_articles:,} answered{failed}"
    )
