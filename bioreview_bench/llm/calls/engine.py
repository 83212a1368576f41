"""The call engine: reviews manuscripts with many calls in flight, and writes every review as it comes.

It knows nothing of providers: a reviewer says what may be tried again (`TryAgain`) and what no further call would
fix (`GiveUp`). Everything else that it raises is a fault of the program and ends the run with a traceback; the
rows written so far stay.
"""

from __future__ import annotations

import asyncio
import operator
import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from bioreview_bench.errors import InputError, RemoteError
from bioreview_bench.llm.calls.pacing import LONGEST_WAIT, Backoff, Pace
from bioreview_bench.llm.calls.watching import Progress, Summary, Watcher
from bioreview_bench.llm.review import Caller, Estimates, GiveUp, Review, Subject, TryAgain, Usage
from bioreview_bench.llm.run.store import RunStore

_S = TypeVar("_S", bound=Subject)

# So many articles in a row that failed for good mean an outage; going on would only make rows to be redone.
_FAILURES_IN_A_ROW = 20
# So many articles that fail alike before the first answer fail for a reason that is not theirs.
_FIRST_ALIKE = 3
_REQUEST_NAME = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{8,}")  # letters and digits, as ids of requests


async def run(
    reviewer: Caller[_S],
    manuscripts: Iterable[_S],
    store: RunStore,
    *,
    concurrency: int = 8,
    max_cost: float | None = None,
    attempts: int = 6,
    timeout: float = 600.0,
    watcher: Watcher | None = None,
    backoff: Backoff | None = None,
    next_command: str | None = None,
) -> Summary:
    """Review every manuscript that has no row yet; the reviewer is closed at the end, the store is not.

    At most `concurrency` manuscripts are held at a time, so `manuscripts` may be a generator. `timeout` is the
    seconds of one attempt. With `max_cost` (USD, counting what the whole run cost so far) no review is begun that
    could exceed it: what is in flight is counted at the reviewer's estimate.

    Raises InputError (before anything is sent) for `max_cost` without known prices; RemoteError when the service
    refuses every call, with the number of rows kept; WriteError. Cancelled (Ctrl-C), it leaves all finished rows.
    """
    if concurrency < 1 or attempts < 1 or not timeout > 0:
        raise InputError("concurrency and attempts must be at least 1, and the time-out positive.")
    engine = _Engine(
        reviewer,
        store,
        concurrency=concurrency,
        max_cost=max_cost,
        attempts=attempts,
        timeout=timeout,
        watcher=watcher or Watcher(),
        backoff=backoff or Backoff(),
    )
    try:
        return await engine.go(manuscripts, next_command)
    finally:
        await reviewer.close()


@dataclass(eq=False)
class _Engine(Generic[_S]):
    reviewer: Caller[_S]
    store: RunStore
    concurrency: int
    max_cost: float | None
    attempts: int
    timeout: float
    watcher: Watcher
    backoff: Backoff
    unsynced: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    calling: set[asyncio.Task[None]] = field(default_factory=set)  # those inside an attempt
    reserved: dict[str, float] = field(default_factory=dict)  # by article in flight, USD
    unstated: float = 0.0  # estimates of answers that did not say what they cost, USD
    done: int = 0
    skipped: int = 0
    retries: int = 0
    failed_in_a_row: int = 0
    answered: bool = False  # a server is there, whatever it said
    accepted: bool = False  # it has answered with a review
    first_reasons: Counter[str] = field(default_factory=Counter)  # of failures before that
    suspicion: GiveUp | None = None  # why the run will stop if no answer comes
    held: list[_Ended[_S]] = field(default_factory=list)  # failures of which it is not known yet whose they are
    refusal: str | None = None
    cure: str | None = None  # of the refusal
    resumes_at: float = 0.0  # of what the service's rate limit holds up, seconds since the epoch

    def __post_init__(self) -> None:
        self.pace = Pace(self.concurrency)
        statuses = self.store.totals.by_status
        self.accepted = self.answered = any(n for status, n in statuses.items() if status != "error")

    async def go(self, manuscripts: Iterable[_S], next_command: str | None) -> Summary:
        loop = asyncio.get_running_loop()
        started = loop.time()
        self.syncing = asyncio.create_task(self._sync())
        self._show()
        try:
            stopped = await self._feed(manuscripts)
            while self.tasks:
                await self._wait_for_one()
            await self._settle()
            if self.refusal is None:
                self._write_held()
        finally:
            left = [*self.tasks, self.syncing]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            self.store.sync()
        if self.refusal is not None:
            self.store.end("the service refused")
            known, n_rows = operator.length_hint(manuscripts, 0), len(self.store)
            kept = f"{n_rows} {f'of {known} ' if known else ''}rows are written and kept in {self.store.folder}."
            raise RemoteError(
                f"{self.refusal}\n  Stopped: {kept if n_rows else 'no row was written.'}",
                remedy=f"{self.cure or 'fix that'}; then {next_command or 'run the same command again'}",
            )
        n_failed = self.store.end(stopped)
        return Summary(self.done, self.skipped, self.retries, loop.time() - started, n_failed, stopped)

    async def _feed(self, manuscripts: Iterable[_S]) -> str | None:
        """Begin reviews as places come free; returns why it stopped early, if it did."""
        for manuscript in manuscripts:
            if manuscript.id in self.store or manuscript.id in self.reserved:
                self.skipped += 1
                continue
            while len(self.tasks) >= self.concurrency and self.refusal is None:
                await self._wait_for_one()
            await self._settle()
            estimate = self._estimate(manuscript)
            over_budget = await self._over_budget(estimate)
            if over_budget is not None:
                return over_budget
            if self.refusal is not None:
                return None
            self.reserved[manuscript.id] = estimate
            self.tasks.add(asyncio.create_task(self._review(manuscript)))
            await asyncio.sleep(0)  # a generator that reads files would keep the calls from starting
        return None

    async def _over_budget(self, estimate: float) -> str | None:
        """Wait until a review of this cost is sure to fit; returns why it never will, if so."""
        while self.max_cost is not None and self.refusal is None:
            spent = self._spent()
            if spent + sum(self.reserved.values()) + estimate <= self.max_cost:
                break
            if not self.tasks:
                return f"the next review may cost ${estimate:.4f}, and ${spent:.4f} of ${self.max_cost:g} are spent"
            await self._wait_for_one()  # most reviews cost less than their estimate
        return None

    def _estimate(self, manuscript: _S) -> float:
        if self.max_cost is None:
            return 0.0
        cost = self.reviewer.estimate(manuscript).cost_usd if isinstance(self.reviewer, Estimates) else None
        if cost is None:
            raise unpriced(self.reviewer.name)
        return cost

    def _spent(self) -> float:
        return self.store.totals.cost_usd + self.store.superseded.cost_usd + self.unstated

    async def _wait_for_one(self) -> None:
        ended, _ = await asyncio.wait({*self.tasks, self.syncing}, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            self.tasks.discard(task)
            if not task.cancelled():
                task.result()  # raises what must end the run

    async def _sync(self) -> None:
        """Sync rows as they come; those that come during one sync share the next, so a slow disk holds up no call."""
        while True:
            await self.unsynced.wait()
            self.unsynced.clear()
            await asyncio.to_thread(self.store.sync)

    async def _review(self, manuscript: _S) -> None:
        """Attempts until there is a row, or the run stops."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        billed = Usage()
        try:
            for attempt in range(1, self.attempts + 1):
                try:
                    review = await self._attempt(manuscript)
                except TryAgain as error:
                    billed = billed.plus(error.usage)
                    wait = self._wait_after(error, attempt)
                    if self.refusal is not None:
                        return
                    if wait is None:
                        self._write_failure(manuscript, error, billed, loop.time() - started)
                        return
                    self.retries += 1
                    if error.rate_limited:
                        self.resumes_at = max(self.resumes_at, time.time() + (error.after or wait))
                        self._show()
                    await asyncio.sleep(wait)
                else:
                    self._end(_Ended(manuscript, review, loop.time() - started, attempt), billed)
                    return
        except GiveUp as error:
            if error.perhaps_own:
                self._not_understood(manuscript, error, billed, loop.time() - started, attempt)
            else:
                self._refuse(str(error), error.cure)
        finally:
            self.reserved.pop(manuscript.id, None)

    async def _attempt(self, manuscript: _S) -> Review:
        epoch = await self.pace.enter()
        task = asyncio.current_task()
        assert task is not None
        self.calling.add(task)
        try:
            async with asyncio.timeout(self.timeout):
                review = await self.reviewer.review(manuscript)
        except TimeoutError:
            raise TryAgain(f"no answer within {self.timeout:g} s") from None
        except TryAgain as error:
            if error.rate_limited:
                self.pace.rate_limited(epoch, error.after)
            self.answered = self.answered or not error.unreachable
            raise
        except GiveUp:
            self.answered = True
            raise
        else:
            self.pace.succeeded()
            self.answered = True
            return review
        finally:
            self.calling.discard(task)
            self.pace.leave()

    def _wait_after(self, error: TryAgain, attempt: int) -> float | None:
        """Seconds before the next attempt, or None when there is none."""
        if error.after is not None and error.after > LONGEST_WAIT:
            self._refuse(f"The service asks to wait {error.after:.0f} s: {error}", error.cure)
        if attempt < self.attempts:
            return self.backoff.wait(attempt, error.after)
        if error.unreachable and not self.answered:
            self._refuse(f"No server answers: {error}", error.cure)
        return None

    def _end(self, ended: _Ended[_S], billed: Usage) -> None:
        """A review has come."""
        review = ended.review
        self.failed_in_a_row = 0
        if review.status != "error":
            self.accepted = True
            self._write_held()
        if review.usage.cost_usd is None:
            self.unstated += self.reserved.get(ended.subject.id, 0.0)
        self._write(replace(ended, review=replace(review, usage=review.usage.plus(billed))))

    def _not_understood(self, manuscript: _S, error: GiveUp, billed: Usage, seconds: float, attempt: int) -> None:
        """A request was refused for what may be everybody's reason: before the first answer its row waits, so that
        nothing is written where the run stops for it."""
        cure = f" ({error.cure})" if error.cure else ""
        review = Review(status="error", detail=f"{error}{cure}", usage=billed)
        self.held.append(_Ended(manuscript, review, seconds, attempt))
        self._count_first(str(error), error.cure)
        if self.accepted:
            self._write_held()

    def _write_failure(self, manuscript: _S, error: TryAgain, billed: Usage, seconds: float) -> None:
        cure = f" ({error.cure})" if error.cure else ""
        detail = f"{self.attempts} attempts, the last: {error}{cure}"
        review = replace(error.review or Review(status="error"), detail=detail, usage=billed)
        self._write(_Ended(manuscript, review, seconds, self.attempts))
        self._count_first(str(error), error.cure)
        self.failed_in_a_row += 1
        if self.failed_in_a_row >= _FAILURES_IN_A_ROW:
            self._refuse(f"{self.failed_in_a_row} articles in a row failed, the last: {error}", error.cure)

    def _count_first(self, reason: str, cure: str | None) -> None:
        """Note why one of the first articles failed. Numbers count, names of requests do not: what differs in its
        numbers is about the articles."""
        kind = _REQUEST_NAME.sub("#", reason)
        self.first_reasons[kind] += 1
        if self.first_reasons[kind] == _FIRST_ALIKE:
            self.suspicion = GiveUp(f"The first {_FIRST_ALIKE} articles failed alike: {reason}", cure)

    async def _settle(self) -> None:
        """Stop where the first articles failed alike, unless an answer to one in flight shows that it was their own
        fault."""
        while self.suspicion is not None and not self.accepted and self.refusal is None:
            if not self.tasks:
                self._refuse(str(self.suspicion), self.suspicion.cure)
                return
            await self._wait_for_one()

    def _write_held(self) -> None:
        held, self.held = self.held, []
        for ended in held:
            self._write(ended)

    def _write(self, ended: _Ended[_S]) -> None:
        self.store.append(ended.subject.id, ended.review, seconds=ended.seconds, attempts=ended.attempts)
        self._written()

    def _written(self) -> None:
        self.unsynced.set()
        self.done += 1
        self._show()

    def _show(self) -> None:
        limit = int(self.pace.limit)
        self.watcher.show(Progress(self.done, self.skipped, self.retries, limit, self._spent(), self.resumes_at))

    def _refuse(self, reason: str, cure: str | None) -> None:
        """Begin nothing more. Calls in flight finish, since they are paid for; whoever waits is let go."""
        if self.refusal is None:
            self.refusal, self.cure = reason, cure
            for task in self.tasks - self.calling:
                if task is not asyncio.current_task():
                    task.cancel()


@dataclass(frozen=True)
class _Ended(Generic[_S]):
    """A review that has come, and what it took."""

    subject: _S
    review: Review
    seconds: float
    attempts: int


def unpriced(name: str, batch: bool = False) -> InputError:
    """The error for a limit on cost where nobody can know what a review costs."""
    which = " (batch_input and batch_output)" if batch else ""
    return InputError(
        f"--max-cost needs to know what a review by {name} can cost at most, and it is unknown.",
        remedy=f"give prices with --prices FILE{which} and a limit on output with --param max_tokens=N",
    )
