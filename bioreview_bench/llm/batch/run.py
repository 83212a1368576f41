"""A run by batches: submits what has no row, waits, and writes the answers as rows, as the engine would.

Another process may go on at any point, since the ledger (`run.ledger`) says what is out. A batch is asked for once:
where the answer to that was lost, it is first looked for among the provider's batches, after a wait that lets a
request still under way arrive. Nothing is submitted twice, and a batch that failed does not stop the others.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import InputError, RemoteError
from bioreview_bench.llm.batch.answers import BatchAnswers, custom_id
from bioreview_bench.llm.batch.openai import ENDPOINT, BatchState, OpenAIBatches
from bioreview_bench.llm.calls.engine import unpriced
from bioreview_bench.llm.calls.pacing import LONGEST_WAIT, Backoff
from bioreview_bench.llm.calls.watching import Progress, Summary, Waiting, Watcher
from bioreview_bench.llm.providers.openai import OpenAIReviewer
from bioreview_bench.llm.review import GiveUp, Review, TryAgain
from bioreview_bench.llm.run.ledger import BatchPart, Ledger, read_ledger
from bioreview_bench.llm.run.store import RunStore

_T = TypeVar("_T")


@dataclass(frozen=True)
class Waits:
    """Seconds: the first wait between two looks at the batches and the longest, the time in which a request that was
    sent must have arrived, and the back-off after a failed call. `looks` failed looks in a row end the waiting."""

    first: float = 5.0
    most: float = 60.0
    settle: float = 30.0
    backoff: Backoff = field(default_factory=Backoff)
    attempts: int = 6
    looks: int = 60


@dataclass(frozen=True)
class BatchLimits:
    """What one input file may hold, as the Batch API documents it."""

    requests: int = 50_000
    bytes: int = 200_000_000


@dataclass
class Draft:
    """The requests for some articles (id to notes for the row), one a line in `stream`, and what they cost at most.

    `over_budget` is the cost of the first article that the budget does not bear; no draft follows.
    """

    stream: IO[bytes]
    articles: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    most_cost_usd: float | None = 0.0
    n_bytes: int = 0
    over_budget: float | None = None


def run_batches(
    service: OpenAIBatches,
    manuscripts: Iterable[Manuscript],
    store: RunStore,
    *,
    max_cost: float | None = None,
    limits: BatchLimits | None = None,
    waits: Waits | None = None,
    watcher: Watcher | None = None,
    next_command: str | None = None,
) -> Summary:
    """Submit every manuscript that has no row and is in no batch, and wait until all batches have ended.

    With `max_cost` (USD, counting what the whole run cost so far, and what is out at its highest price) only as many
    are submitted as are sure to fit. Rows of articles whose request failed, expired or was cancelled have status
    error; a batch that fails as a whole gives none.

    Raises InputError (before anything is sent) for `max_cost` without known prices; RemoteError when the service
    refuses or does not answer; WriteError. Interrupted, it leaves the batches going and the ledger complete.
    """
    run = _BatchRun(
        service,
        store,
        max_cost=max_cost,
        limits=limits or BatchLimits(),
        waits=waits or Waits(),
        watcher=watcher or Watcher(),
        next_command=next_command or "run the same command again; no article is submitted twice",
    )
    try:
        return run.go(manuscripts)
    finally:
        service.close()


@dataclass(eq=False)
class _BatchRun:
    service: OpenAIBatches
    store: RunStore
    max_cost: float | None
    limits: BatchLimits
    waits: Waits
    watcher: Watcher
    next_command: str
    cure: str | None = None  # of the first refusal that has one
    refusals: list[str] = field(default_factory=list)
    done: int = 0
    retries: int = 0

    def __post_init__(self) -> None:
        self.ledger: Ledger = read_ledger(self.store.folder)

    def go(self, manuscripts: Iterable[Manuscript]) -> Summary:
        started = time.monotonic()
        wanted = {manuscript.id: manuscript for manuscript in manuscripts}
        out = self.ledger.articles_out
        left = [m for m in wanted.values() if m.id not in self.store and m.id not in out]
        skipped = len(wanted) - len(left)
        for part in self.ledger.out:
            if part.batch_id is None:
                self._refusable(self._find_or_make, part)
        stopped = None if self.refusals else self._submit(left)
        self._collect()
        if self.refusals:
            self.store.end("the service refused")
            kept = [f"{len(self.store):,} rows are written and kept in {self.store.folder}."] if len(self.store) else []
            raise RemoteError("\n  ".join([*self.refusals, *kept]), remedy=self._remedy())
        n_failed = self.store.end(stopped)
        return Summary(self.done, skipped, self.retries, time.monotonic() - started, n_failed, stopped)

    def _submit(self, left: Sequence[Manuscript]) -> str | None:
        """Make batches of these; returns why some were left out, if so."""
        budget = None if self.max_cost is None else self.max_cost - self._bound()
        with TemporaryFile() as stream:
            for draft in drafts(self.service.reviewer, left, stream, self.limits, budget):
                if draft.articles and not self._refusable(self._make, draft):
                    return None
                if draft.over_budget is not None:
                    spent = self._bound()
                    return (
                        f"the next review may cost ${draft.over_budget:.4f}, and ${spent:.4f} of ${self.max_cost:g} "
                        "are spent, or may be by batches that are out"
                    )
        return None

    def _bound(self) -> float:
        """USD that the run has cost and may come to cost by what is out."""
        most = 0.0
        for part in self.ledger.out:
            if part.most_cost_usd is None:
                raise InputError(
                    "--max-cost cannot be kept: articles were submitted in batches while their price was unknown.",
                    remedy="leave --max-cost out until these have come back",
                )
            most += part.most_cost_usd
        return self.store.totals.cost_usd + self.store.superseded.cost_usd + most

    def _make(self, draft: Draft) -> None:
        key = secrets.token_hex(16)

        def upload() -> str:
            draft.stream.seek(0)
            return self.service.upload(f"bioreview-{key}.jsonl", draft.stream)

        file_id = self._patiently(upload, self.waits.attempts)
        part = BatchPart(key, file_id, draft.articles, time.time(), draft.most_cost_usd)
        self.ledger.put(part)
        if not self._ask_for(part, 1):
            self._find_or_make(part, 2)

    def _find_or_make(self, part: BatchPart, attempt: int = 1) -> None:
        """The batch of a part that was asked for before: the one that is there, else a new one."""
        while attempt <= self.waits.attempts:
            found = self._look_for(part)
            if found is not None:
                self.ledger.put(replace(part, batch_id=found))
                self.watcher.say(f"Found batch {found} with {len(part.articles):,} articles.")
                return
            part = self.ledger.put(replace(part, asked_at=time.time()))
            if self._ask_for(part, attempt):
                return
            attempt += 1
        raise GiveUp(f"Whether a batch of {len(part.articles):,} articles was made is not known: no clear answer came")

    def _ask_for(self, part: BatchPart, attempt: int) -> bool:
        """Have the provider make the batch of a part that stands in the ledger; False when it may have been made."""
        try:
            state = self.service.create(part.file_id, part.key)
        except TryAgain as error:
            self.watcher.say(f"The answer to a request for a batch was: {error}.")
            self._pause(error, attempt)
            return False
        except GiveUp:
            self.ledger.drop(part)
            raise
        self.ledger.put(replace(part, batch_id=state.id))
        self.watcher.say(f"Submitted {len(part.articles):,} articles in batch {state.id}.")
        return True

    def _look_for(self, part: BatchPart) -> str | None:
        """The batch of a part, if there is one, once a request for it can no longer be under way."""
        wait = part.asked_at + self.waits.settle - time.time()
        if wait > 0:
            self.watcher.say(
                f"Looking for a batch that may have been made already, in {min(wait, self.waits.settle):.0f} s."
            )
            time.sleep(min(wait, self.waits.settle))
        found = self._patiently(lambda: self.service.find(part.key, part.asked_at), self.waits.attempts)
        for other in found[1:]:
            self.watcher.say(
                f"Batch {other.id} contains the same articles as {found[0].id} and is not read: cancel it."
            )
        return found[0].id if found else None

    def _collect(self) -> None:
        """Wait until every batch has ended, writing the rows of each as soon as it has."""
        wait = self.waits.first
        while waited_for := [part for part in self.ledger.out if part.batch_id is not None]:
            seen = []
            for part in waited_for:
                state = self._look_at(part)
                seen.append(Waiting(state.id, state.status, len(part.articles), state.n_completed, state.n_failed))
                if state.ended:
                    self._take(part, state)
            self.watcher.waiting(seen)
            if any(part.batch_id is not None for part in self.ledger.out):
                time.sleep(wait)
                wait = min(self.waits.most, wait * 1.5)

    def _look_at(self, part: BatchPart) -> BatchState:
        try:
            return self._patiently(lambda: self.service.state(part.batch_id or ""), self.waits.looks)
        except GiveUp as error:
            raise self._lost(part, str(error)) from None

    def _take(self, part: BatchPart, state: BatchState) -> None:
        """Write the rows of a batch that has ended, and note that in the ledger."""
        answers = BatchAnswers(self.service.reviewer, state.id, part.articles)
        for file_id in (state.output_file, state.error_file):
            if file_id is not None:
                with TemporaryFile() as stream:
                    try:
                        self._patiently(partial(self.service.download, file_id, stream), self.waits.looks)
                    except GiveUp as error:
                        raise self._lost(part, str(error)) from None
                    for article_id, review in answers.read(stream):
                        self._write(article_id, review)
        if state.status == "failed":
            # Its requests were not even begun: their articles are submitted again once the reason is gone.
            reason = "; ".join(state.problems[:3]) or "no reason given"
            self.refusals.append(f"Batch {state.id} of {len(part.articles):,} articles failed: {reason}")
        else:
            for article_id, review in answers.missing(state.status):
                self._write(article_id, review)
        for problem in answers.problems:
            self.watcher.say(f"Batch {state.id}: {problem}.")
        self.store.sync()
        if state.status == "failed" and not any(article_id in self.store for article_id in part.articles):
            self.ledger.drop(part)
        else:
            self.ledger.put(replace(part, ended=state.status, problems=(*state.problems, *answers.problems)))

    def _write(self, article_id: str, review: Review) -> None:
        if article_id not in self.store:  # a process that was killed while it wrote has left some
            self.store.append(article_id, review)
            self.done += 1

    def _refusable(self, step: Callable[[_T], object], what: _T) -> bool:
        """Take a step; False when the service refuses it, which is reported once what is out has come back."""
        try:
            step(what)
        except GiveUp as error:
            self.refusals.append(str(error))
            self.cure = self.cure or error.cure
            return False
        return True

    def _patiently(self, call: Callable[[], _T], attempts: int) -> _T:
        """The outcome of a call that may be repeated without harm. Raises GiveUp."""
        for attempt in range(1, attempts + 1):
            try:
                return call()
            except TryAgain as error:
                if attempt == attempts:
                    raise GiveUp(f"{attempts} attempts, the last: {error}", error.cure) from None
                self._pause(error, attempt)
        raise AssertionError("unreachable")

    def _pause(self, error: TryAgain, attempt: int) -> None:
        if error.after is not None and error.after > LONGEST_WAIT:
            raise GiveUp(f"The service asks to wait {error.after:.0f} s: {error}", error.cure)
        self.retries += 1
        wait = self.waits.backoff.wait(attempt, error.after)
        resumes_at = time.time() + wait if error.rate_limited else 0.0
        self.watcher.show(Progress(self.done, 0, self.retries, 1, self.store.totals.cost_usd, resumes_at))
        time.sleep(wait)

    def _remedy(self) -> str:
        return f"{self.cure or 'fix that'}; then {self.next_command}"

    def _lost(self, part: BatchPart, reason: str) -> RemoteError:
        return RemoteError(
            f"Batch {part.batch_id} of {len(part.articles):,} articles cannot be read: {reason}",
            remedy=f"{self._remedy()}; it can be read with the key it was made with only. To do without its answers "
            f"and pay for these articles again, remove its part from {self.ledger.path}",
        )


def drafts(
    reviewer: OpenAIReviewer,
    manuscripts: Sequence[Manuscript],
    stream: IO[bytes],
    limits: BatchLimits,
    budget: float | None = None,
) -> Iterator[Draft]:
    """Drafts of batches, each to be used before the next one is asked for: they share `stream`.

    Raises InputError for a budget (USD) without known prices, before the first draft.
    """
    if budget is not None and any(reviewer.estimate(manuscript).cost_usd is None for manuscript in manuscripts[:1]):
        raise unpriced(reviewer.name, batch=True)
    draft = _empty(stream)
    for manuscript in manuscripts:
        asked = reviewer.asking.ask(manuscript)
        request = {
            "custom_id": custom_id(manuscript.id),
            "method": "POST",
            "url": ENDPOINT,
            "body": reviewer.body(asked),
        }
        # Escapes rather than UTF-8: a lone surrogate in a paper has no other form.
        line = json.dumps(request).encode() + b"\n"
        cost = reviewer.most(asked).cost_usd
        if budget is not None and cost is not None:
            if cost > budget:
                draft.over_budget = cost
                break
            budget -= cost
        if draft.articles and (len(draft.articles) >= limits.requests or draft.n_bytes + len(line) > limits.bytes):
            yield draft
            draft = _empty(stream)
        stream.write(line)
        draft.articles[manuscript.id] = dict(asked.notes) if asked.notes else None
        draft.n_bytes += len(line)
        draft.most_cost_usd = None if cost is None or draft.most_cost_usd is None else draft.most_cost_usd + cost
    if draft.articles or draft.over_budget is not None:
        yield draft


def _empty(stream: IO[bytes]) -> Draft:
    stream.seek(0)
    stream.truncate()
    return Draft(stream)
