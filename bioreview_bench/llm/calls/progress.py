"""What a run says of itself while it goes on, and when it has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bioreview_bench.errors import RemoteError
from bioreview_bench.llm.run.store import RunStore


@dataclass(frozen=True)
class Progress:
    """Where a run by single calls stands. `limit` is the number of attempts allowed at once now."""

    done: int
    skipped: int
    retries: int
    limit: int
    cost_usd: float


@dataclass(frozen=True)
class Waiting:
    """A batch that is waited for; the numbers count articles."""

    batch_id: str
    status: str
    n_articles: int
    n_completed: int
    n_failed: int


class Watcher:
    """Is told how a run goes. This one keeps silent; `bench baseline` prints."""

    def opened(self, store: RunStore) -> None:
        """The run's folder is open."""

    def show(self, progress: Progress) -> None:
        """A review was written."""

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
        """Raise RemoteError (exit code 5) when articles failed for good."""
        if self.n_failed:
            raise RemoteError(
                f"{self.n_failed} of {len(store)} articles failed for good; their rows say why.",
                remedy=f"bench baseline retry {store.folder}",
            )
