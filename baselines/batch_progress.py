"""Progress of batches on stderr: a line that changes on a terminal, elsewhere a line for every change worth telling."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bioreview_bench.llm.batch_run import Waiting

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
