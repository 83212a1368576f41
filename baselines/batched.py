"""Runs whose articles travel in batches of the service: how one is carried out, and what keeps it apart from calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from bioreview_bench.errors import InputError
from bioreview_bench.llm.batch_ledger import Part, read_ledger
from bioreview_bench.llm.batch_run import Waiting, run_batches
from bioreview_bench.llm.openai_batches import OpenAIBatches
from bioreview_bench.llm.openai_reviewer import OpenAIReviewer
from bioreview_bench.llm.progress import Summary
from bioreview_bench.llm.review import Reviewer
from bioreview_bench.llm.run_store import RunStore
from bioreview_bench.manuscript import Manuscript


class BatchWatcher(Protocol):
    """Whoever is told how batches go."""

    def waiting(self, batches: Sequence[Waiting]) -> None:
        """The batches were looked at."""
        ...

    def say(self, text: str) -> None:
        """A message."""
        ...

    def warn(self, text: str) -> None:
        """A message that has to be seen."""
        ...


def require_nothing_out(folder: Path, what: str, command: str) -> None:
    """Raise InputError when articles of a run are in batches: `what`, begun now, would pay for them twice."""
    out = read_ledger(folder).out
    if out:
        raise InputError(
            f"{_articles(out)} of {folder} are in {_batches(out)} at the service; {what} would pay for them twice.",
            remedy=f"let them come back first: {command}",
        )


def review_in_batches(
    reviewer: Reviewer,
    manuscripts: Sequence[Manuscript],
    store: RunStore,
    *,
    max_cost: float | None,
    command: str,
    prepare: Callable[[], object],
    watcher: BatchWatcher | None = None,
) -> Summary:
    """Submit, wait and fetch (`run_batches`); `prepare` is called once the client is ready and before anything is
    sent. `command` starts or resumes the run. Interrupted, it warns of what goes on without it.
    """
    if not isinstance(reviewer, OpenAIReviewer):
        raise InputError(f"{reviewer.name} has no use for --batch.", remedy="leave it out")
    service = OpenAIBatches(reviewer)
    if manuscripts or read_ledger(store.folder).out:
        service.connect()
    prepare()
    try:
        return run_batches(
            service,
            manuscripts,
            store,
            max_cost=max_cost,
            on_wait=None if watcher is None else watcher.waiting,
            say=None if watcher is None else watcher.say,
            next_command=f"put that right and run again: {command}",
        )
    except KeyboardInterrupt:
        out = read_ledger(store.folder).out
        if out and watcher is not None:
            watcher.warn(
                f"{_articles(out)} are in {_batches(out)}, which the service goes on with. Fetch them: {command}"
            )
        raise


def _articles(parts: Sequence[Part]) -> str:
    n = sum(len(part.articles) for part in parts)
    return f"{n:,} article{'s' * (n != 1)}"


def _batches(parts: Sequence[Part]) -> str:
    named = ", ".join(part.batch_id or "one whose id is not known yet" for part in parts[:3])
    return f"{len(parts):,} batch{'es' * (len(parts) != 1)} ({named}{', ...' * (len(parts) > 3)})"
