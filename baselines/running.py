"""One run of a reviewer over articles: prepared (nothing is written), then carried out into a folder.

Runs whose articles travel in batches of the service: how one is carried out, and what keeps it apart from calls.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from bioreview_bench.data.article import Article, canonical_id
from bioreview_bench.data.load import load_split
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.data.split import Split
from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.llm.batch.ledger import Part, read_ledger
from bioreview_bench.llm.batch.openai import OpenAIBatches
from bioreview_bench.llm.batch.run import Waiting, run_batches
from bioreview_bench.llm.calls.engine import run
from bioreview_bench.llm.calls.prices import Price, read_prices
from bioreview_bench.llm.calls.progress import Progress, Summary
from bioreview_bench.llm.providers.openai import OpenAIReviewer
from bioreview_bench.llm.review import Reviewer
from bioreview_bench.llm.run.rows import LOCK
from bioreview_bench.llm.run.store import RunStore

from .registry import Kind, find
from .request import Job, Request, unknown


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


class Watcher(BatchWatcher, Protocol):
    """Whoever is told how a run goes."""

    def opened(self, store: RunStore) -> None:
        """The folder is open; what is there is known."""
        ...

    def show(self, progress: Progress) -> None:
        """A row was written."""
        ...


@dataclass(frozen=True)
class Prepared:
    """A reviewer and the articles it is to review; `split` is the whole split that they come from."""

    request: Request
    kind: Kind
    reviewer: Reviewer
    split: Split
    articles: Sequence[Article]
    price: Price | None

    @property
    def manuscripts(self) -> list[Manuscript]:
        """What the reviewer gets to see."""
        return [Manuscript.from_article(article) for article in self.articles]


def prepare(request: Request) -> Prepared:
    """Find the reviewer, load the articles, make the reviewer; nothing is sent and nothing written.

    Raises InputError for an unknown name, an option without a use, wrong ids; DataError; EncoderError for what is
    not installed or not on this machine.
    """
    kind = find(request.name)
    useless = sorted(request.given() - kind.accepts)
    if useless:
        option = {"adapters": "adapter", "parameters": "param"}.get(useless[0], useless[0]).replace("_", "-")
        raise InputError(f"{printable(kind.name)} has no use for --{option}.", remedy="leave it out")
    table: Mapping[str, Price] = read_prices(request.prices) if request.prices is not None else {}
    split = load_split(request.data, request.split, allow_unfrozen=request.allow_unfrozen)
    articles: Sequence[Article] = split.articles
    if request.ids is not None:
        articles = _chosen(split, Path(request.ids))
    if request.limit is not None:
        articles = articles[: request.limit]
    reviewer = kind.build(Job(request, articles, table))
    return Prepared(request, kind, reviewer, split, articles, getattr(reviewer, "price", None))


def carry_out(
    prepared: Prepared,
    out: Path,
    *,
    concurrency: int | None = None,
    max_cost: float | None = None,
    drop: Sequence[str] = (),
    watcher: Watcher | None = None,
) -> tuple[Summary, RunStore]:
    """Review what has no row in `out` yet, or a row with a status in `drop`; the store comes back closed.

    Raises what the engine, or `run_batches`, raises; InputError for what would pay twice for articles that are in
    batches. A run that came to no row leaves nothing behind.
    """
    request, reviewer = prepared.request, prepared.reviewer
    if request.batch and concurrency is not None:
        raise InputError("A batch has no use for --concurrency: the service decides.", remedy="leave it out")
    concurrency = None if request.batch else concurrency or prepared.kind.concurrency
    settings: dict[str, Any] = {
        "request": request.as_dict(),
        "n_articles": len(prepared.articles),
        "concurrency": concurrency,
        "max_cost_usd": max_cost,
        "price": prepared.price.as_dict() if prepared.price is not None else None,
    }
    with (
        _no_empty_folder(out),
        _ended_like_ctrl_c(),
        RunStore.open(
            out,
            name=reviewer.name,
            reviewer=reviewer.describe(),
            split=prepared.split.label,
            fingerprint=prepared.split.fingerprint,
            settings=settings,
        ) as store,
    ):
        if watcher is not None:
            watcher.opened(store)
        again = set(store.ids(drop))
        left = [m for m in prepared.manuscripts if m.id not in store or m.id in again]
        if drop or not request.batch:
            fetch = replace(request, batch=True).command(out, max_cost)
            require_nothing_out(out, "asking again" if drop else "single calls", fetch)
        if request.batch:
            summary = review_in_batches(
                reviewer,
                left,
                store,
                max_cost=max_cost,
                command=request.command(out, max_cost),
                prepare=lambda: store.drop(drop),
                watcher=watcher,
            )
        else:
            if left:
                _connect(reviewer, lambda: store.drop(drop))
            summary = asyncio.run(
                run(
                    reviewer,
                    left,
                    store,
                    concurrency=concurrency or 1,
                    max_cost=max_cost,
                    timeout=prepared.kind.timeout,
                    on_progress=None if watcher is None else watcher.show,
                    next_command=f"put that right and run again: {request.command(out, max_cost)}",
                )
            )
    return summary, store


def _connect(reviewer: Reviewer, then: Callable[[], object]) -> None:
    """Make clients, load weights, start servers, where a reviewer has a `connect` for that; then `then`.

    It happens outside the event loop, which a wait for a server would hold up together with Ctrl-C. Rows are set
    aside afterwards, so that without key, library or server nothing changes.
    """
    connect = getattr(reviewer, "connect", None)
    try:
        if connect is not None:
            connect()
        then()
    except BaseException:
        asyncio.run(reviewer.close())
        raise


def _chosen(split: Split, path: Path) -> list[Article]:
    """Articles whose ids stand in a file, one a line, in file order. Raises InputError with every wrong line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(
            f"Cannot read ids from {path}: {error}.", remedy="name a text file with one id a line"
        ) from error
    known = {article.id: article for article in split}
    problems = []
    found: dict[str, Article] = {}
    for number, line in enumerate(lines, start=1):
        article_id = canonical_id(line.strip())
        if not article_id:
            continue
        if article_id in found:
            problems.append(Problem(f"{printable(article_id)} stands here a second time", number))
        elif article_id not in known:
            nearest = str(unknown("article", article_id, list(known)).remedy) if len(problems) < 20 else ""
            problems.append(Problem(f"unknown article id {printable(article_id)}; {nearest}", number))
        else:
            found[article_id] = known[article_id]
    if problems or not found:
        raise InputError(
            f"{path} does not choose articles of {split.label}.",
            problems=problems,
            remedy="write ids of that split, one a line",
        )
    return list(found.values())


@contextmanager
def _no_empty_folder(out: Path) -> Iterator[None]:
    """Remove the folders that were made for a run of which nothing came."""
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        yield
    finally:
        if made and out.is_dir() and {path.name for path in out.iterdir()} <= {LOCK}:
            with suppress(OSError):  # somebody else has begun to use them
                (out / LOCK).unlink(missing_ok=True)
                for folder in made:
                    folder.rmdir()


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Let TERM, which schedulers send, end a run as Ctrl-C does: rows kept, servers ended."""
    try:
        before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    except ValueError:  # not the main thread, where signals are nobody's to set
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
