"""What a run of calls to a model says while it goes on, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bioreview_bench.errors import RemoteError
from bioreview_bench.llm.run.rows import FAILURES

if TYPE_CHECKING:
    from bioreview_bench.llm.run.store import RunStore


@dataclass(frozen=True)
class Progress:
    """Where a run by single calls stands. `limit` is the number of attempts allowed at once now.

    `resumes_at` is the time (seconds since the epoch) until which the service's rate limit holds calls up, 0 while
    there was none.
    """

    done: int
    skipped: int
    retries: int
    limit: int
    cost_usd: float
    resumes_at: float = 0.0


@dataclass(frozen=True)
class Waiting:
    """A batch that is waited for; the numbers count articles."""

    batch_id: str
    status: str
    n_articles: int
    n_completed: int
    n_failed: int


class Watcher:
    """Receives the progress of a run. This one ignores it; the one of the commands prints."""

    def opened(self, store: RunStore) -> None:
        """The run's folder is open."""

    def begun(self, n_before: int, n_all: int) -> None:
        """There are `n_all` articles or questions, of which `n_before` have their answer already."""

    def show(self, progress: Progress) -> None:
        """The run began, a row was written, or the service limits the rate."""

    def waiting(self, batches: Sequence[Waiting]) -> None:
        """The batches were looked at."""

    def say(self, text: str) -> None:
        """A message."""

    def warn(self, text: str) -> None:
        """A message that has to be seen."""


@dataclass(frozen=True)
class Summary:
    """What one call of `run` did; `store.totals` has the sums of the whole run.

    `n_failed` counts the rows of the whole run with status error. `stopped` says why articles are left, None when
    none is.
    """

    done: int
    skipped: int
    retries: int
    seconds: float
    n_failed: int
    stopped: str | None = None

    def require_answers(self, store: RunStore) -> None:
        """Raise RemoteError (exit code 5) when articles failed for good, or no row holds a concern."""
        statuses = store.totals.by_status
        n_empty = sum(statuses[status] for status in FAILURES)
        n_lost = n_empty - statuses["empty"]
        if not self.n_failed and not 0 < n_empty == len(store):
            return
        which = "" if n_lost else " --status empty"
        raise RemoteError(
            f"{n_lost or n_empty:,} of {len(store):,} articles failed for good. {store.totals.commonest_reason()}",
            remedy=f"bench baseline retry {store.folder}{which}",
        )
