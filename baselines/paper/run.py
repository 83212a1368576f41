"""One paper under review: planned (nothing is sent), then carried out by the engine of `bench baseline`.

The answer is kept in the run's folder, so that the same paper is not paid for twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.data.manuscript import Manuscript, is_skipped
from bioreview_bench.data.papers.paper import Paper
from bioreview_bench.data.papers.read import as_split, read_paper
from bioreview_bench.data.vocabulary import STATUSES_WITH_CONCERNS
from bioreview_bench.errors import InputError, Problem, RemoteError, printable
from bioreview_bench.files.jsonl import read_rows
from bioreview_bench.llm.calls.asking import Asking
from bioreview_bench.llm.calls.watching import Watcher
from bioreview_bench.llm.providers.failures import shown_url
from bioreview_bench.llm.run.store import RETRIABLE, read_run
from bioreview_bench.results.run_manifest import ROWS

from ..cli.plan import count
from ..options import RunOptions, slug
from ..registry import PROMPTED
from ..running import ReviewRun, carry_out, prepare
from .adapter import with_adapter

_AGAIN = (*RETRIABLE, "empty")  # rows that hold no review


@dataclass(frozen=True)
class SectionPlan:
    """A section: its words, its tokens (None without a counter), and what becomes of it."""

    heading: str
    words: int
    tokens: int | None
    fate: str  # sent, cut, withheld


@dataclass(frozen=True)
class PlannedReview:
    """A paper and the reviewer that is to read it. `counts` are those of `bench baseline --dry-run`."""

    path: Path
    paper: Paper
    prepared: ReviewRun
    out: Path
    counts: Mapping[str, Any]

    @property
    def manuscript(self) -> Manuscript:
        """What the reviewer gets to see."""
        return self.prepared.manuscripts[0]

    @property
    def row(self) -> dict[str, Any] | None:
        """The stored row, if it holds an answer about this text."""
        manuscript = self.manuscript
        row = stored_row(self.out, manuscript.id)
        if row is not None and (read_run(self.out)[0].get("texts") or {}).get(manuscript.id) != manuscript.digest:
            return None
        return row if row is not None and row.get("status") not in _AGAIN else None

    @property
    def leaves(self) -> bool:
        """True when the paper would be sent to a service: neither local models nor reviewers without one do so."""
        registration, options = self.prepared.registration, self.prepared.options
        remote = "base_url" in registration.accepts or options.base_url is not None
        return remote and bool(registration.accepts & PROMPTED)

    @property
    def address(self) -> str:
        """Where the paper would be sent."""
        address = getattr(self.prepared.reviewer, "base_url", None) or getattr(
            self.prepared.reviewer, "own_address", ""
        )
        return printable(shown_url(str(address))) if address else "its service"

    @property
    def command(self) -> str:
        """The command that makes this review."""
        return self.prepared.options.command(self.out)

    def sections(self) -> list[SectionPlan]:
        """Abstract and sections in the order of the paper."""
        asking = getattr(self.prepared.reviewer, "asking", None)
        counter = asking.counter if isinstance(asking, Asking) else None
        asked = asking.ask(self.manuscript) if isinstance(asking, Asking) else None
        notes = asked.notes if asked is not None and asked.notes is not None else {}
        cut = {"Abstract" if name == "abstract" else name for name in (notes.get("cut") or {}).get("sections", ())}
        parts = [("Abstract", self.paper.abstract)] if self.paper.abstract else []
        return [
            SectionPlan(
                heading,
                len(text.split()),
                None if counter is None else counter.count(text),
                "withheld" if is_skipped(heading) else "cut" if heading in cut else "sent",
            )
            for heading, text in (*parts, *self.paper.sections.items())
        ]

    def carry_out(self, max_cost: float | None, watcher: Watcher | None = None) -> dict[str, Any]:
        """The row of the review, which is made now unless there is one. Raises as `running.carry_out`; InputError
        where the folder holds the review of another text, or by another reviewer."""
        before = stored_row(self.out, self.manuscript.id)
        again = _AGAIN if before is not None and before.get("status") in _AGAIN else ()
        _, store = carry_out(self.prepared, self.out, max_cost=max_cost, drop=again, watcher=watcher)
        row = stored_row(self.out, self.manuscript.id)
        if row is None:
            raise InputError(f"Nothing was reviewed: {store.manifest['state']}.", remedy="raise --max-cost")
        return row


def plan_review(path: Path, options: RunOptions, out: Path | None, max_cost: float | None = None) -> PlannedReview:
    """Read the paper and make the reviewer; nothing is sent and nothing written.

    Raises InputError for what is no paper, an unknown reviewer, an option without a use, or a `max_cost` that does not
    bear the review; EncoderError and DataError for what is not on this machine.
    """
    paper = read_paper(path)
    split = as_split(paper, path)
    chosen = with_adapter(options)
    prepared = prepare(chosen, split)
    out = out or Path("runs") / f"{slug(chosen.name)}-{split.name}"
    return PlannedReview(path, paper, prepared, out, count(prepared, out, max_cost))


def stored_row(folder: Path, article_id: str) -> dict[str, Any] | None:
    """The row about an article in a run's folder."""
    path = folder / ROWS
    rows = [row for _, row in read_rows(path, InputError)] if path.is_file() else []
    found = [row for row in rows if not isinstance(row, Problem) and row.get("article_id") == article_id]
    return found[-1] if found else None


def require_answer(row: Mapping[str, Any], command: str) -> None:
    """Raise RemoteError (exit code 5) for a row without a review."""
    if row.get("status") not in STATUSES_WITH_CONCERNS:
        raise RemoteError(
            f"There is no review ({row.get('status')}): {row.get('detail')}.", remedy=f"run again: {command}"
        )
