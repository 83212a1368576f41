"""One run of a reviewer over articles: prepared (nothing is written), then carried out into a folder.

Stored output can be read again with the current parser, at no cost.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bioreview_bench.data.article import Article, canonical_id
from bioreview_bench.data.load import load_split
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.data.papers.read import as_split, read_paper
from bioreview_bench.data.split import Split
from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.lock import LOCK
from bioreview_bench.files.reading import read_text
from bioreview_bench.llm.batch.openai import OpenAIBatches
from bioreview_bench.llm.batch.run import run_batches
from bioreview_bench.llm.calls.engine import run
from bioreview_bench.llm.calls.prices import Price, read_prices
from bioreview_bench.llm.calls.watching import Summary, Watcher
from bioreview_bench.llm.providers.openai import OpenAIReviewer
from bioreview_bench.llm.review import Reviewer
from bioreview_bench.llm.run.ledger import BatchPart, read_ledger
from bioreview_bench.llm.run.manifest import now
from bioreview_bench.llm.run.rows import is_answer
from bioreview_bench.llm.run.store import RunStore
from bioreview_bench.llm.text.parser import parse
from bioreview_bench.results.provenance import package_version

from .options import RunOptions
from .registry import Job, Registration, find, unknown


@dataclass(frozen=True)
class ReviewRun:
    """A reviewer and the articles it is to review; `split` is the whole split that they come from."""

    options: RunOptions
    registration: Registration
    reviewer: Reviewer
    split: Split
    articles: Sequence[Article]
    price: Price | None

    @property
    def manuscripts(self) -> list[Manuscript]:
        """What the reviewer gets to see."""
        return [Manuscript.from_article(article) for article in self.articles]

    def open(self, out: Path, concurrency: int | None, max_cost: float | None) -> RunStore:
        """The run's folder. Raises InputError when it holds another run, WriteError."""
        return RunStore.open(
            out,
            name=self.reviewer.name,
            reviewer=self.reviewer.describe(),
            split=self.split.label,
            fingerprint=self.split.fingerprint,
            settings={
                "request": self.options.as_dict(),
                "n_articles": len(self.articles),
                "concurrency": concurrency,
                "max_cost_usd": max_cost,
                "price": self.price.as_dict() if self.price is not None else None,
            },
            texts={manuscript.id: manuscript.digest for manuscript in self.manuscripts},
        )


def prepare(options: RunOptions, split: Split | None = None) -> ReviewRun:
    """Find the reviewer, load the articles, make the reviewer; nothing is sent and nothing written.

    `split`: the articles, where they have been loaded already. Raises InputError for an unknown name, an option without
    a use, wrong ids; DataError; EncoderError for what is not installed or not on this machine.
    """
    registration = find(options.name)
    useless = sorted(options.given() - registration.accepts)
    if useless:
        option = {"adapters": "adapter", "parameters": "param"}.get(useless[0], useless[0]).replace("_", "-")
        raise InputError(f"{printable(registration.name)} does not take --{option}.", remedy="leave it out")
    prices = read_prices(options.prices) if options.prices is not None else {}
    split = split or _split_of(options)
    articles = split.articles if options.ids is None else _chosen(split, Path(options.ids))
    articles = articles[: options.limit]
    reviewer = registration.build(Job(options, articles, prices))
    return ReviewRun(options, registration, reviewer, split, articles, getattr(reviewer, "price", None))


def _split_of(options: RunOptions) -> Split:
    if options.paper is None:
        return load_split(options.data, options.split, allow_unfrozen=options.allow_unfrozen)
    path = Path(options.paper)
    return as_split(read_paper(path), path)


def carry_out(
    prepared: ReviewRun,
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
    options, watcher = prepared.options, watcher or Watcher()
    if options.batch and concurrency is not None:
        raise InputError("A batch does not take --concurrency: the service decides.", remedy="leave it out")
    concurrency = None if options.batch else concurrency or prepared.registration.concurrency
    command = options.command(out, max_cost)
    with (
        _no_empty_folder(out),
        _ended_like_ctrl_c(),
        prepared.open(out, concurrency, max_cost) as store,
    ):
        watcher.opened(store)
        again = set(store.ids(drop))
        left = [m for m in prepared.manuscripts if m.id not in store or m.id in again]
        watcher.begun(len(prepared.articles) - len(left), len(prepared.articles))
        if drop or not options.batch:
            fetch = replace(options, batch=True).command(out, max_cost)
            _require_nothing_out(out, "asking again" if drop else "single calls", fetch)
        if options.batch:
            service = _connected_batches(prepared.reviewer, bool(left or read_ledger(out).out))
            store.drop(drop)  # only now, so that without key or library nothing changes
            try:
                summary = run_batches(
                    service, left, store, max_cost=max_cost, watcher=watcher, next_command=_again(command)
                )
            except KeyboardInterrupt:
                _warn_of_batches(out, watcher, command)
                raise
        else:
            if left:
                _connect(prepared.reviewer, store, drop)
            reviews = run(
                prepared.reviewer,
                left,
                store,
                concurrency=concurrency or 1,
                max_cost=max_cost,
                timeout=prepared.registration.timeout,
                watcher=watcher,
                next_command=_again(command),
            )
            summary = asyncio.run(reviews)
    return summary, store


def _again(command: str) -> str:
    return f"run again: {command}"


def _connect(reviewer: Reviewer, store: RunStore, drop: Sequence[str]) -> None:
    """Make clients, load weights, start servers, where a reviewer has a `connect` for that; then set rows aside.

    It happens outside the event loop, which a wait for a server would hold up together with Ctrl-C.
    """
    connect = getattr(reviewer, "connect", None)
    try:
        if connect is not None:
            connect()
        store.drop(drop)
    except BaseException:
        asyncio.run(reviewer.close())
        raise


def _connected_batches(reviewer: Reviewer, needed: bool) -> OpenAIBatches:
    """The service's batches; a client is made where it is `needed`. Raises InputError, EncoderError."""
    if not isinstance(reviewer, OpenAIReviewer):
        raise InputError(f"{reviewer.name} does not take --batch.", remedy="leave it out")
    service = OpenAIBatches(reviewer)
    if needed:
        service.connect()
    return service


def _require_nothing_out(folder: Path, what: str, command: str) -> None:
    """Raise InputError when articles of a run are in batches: `what`, begun now, would pay for them twice."""
    out = read_ledger(folder).out
    if out:
        raise InputError(
            f"{_articles(out)} of {folder} are in {_batches(out)} at the service; {what} would pay for them twice.",
            remedy=f"let them come back first: {command}",
        )


def _warn_of_batches(folder: Path, watcher: Watcher, command: str) -> None:
    out = read_ledger(folder).out
    if out:
        watcher.warn(f"{_articles(out)} are in {_batches(out)}, which the service goes on with. Fetch them: {command}")


def _articles(parts: Sequence[BatchPart]) -> str:
    n = sum(len(part.articles) for part in parts)
    return f"{n:,} article{'s' * (n != 1)}"


def _batches(parts: Sequence[BatchPart]) -> str:
    named = ", ".join(part.batch_id or "one whose id is not known yet" for part in parts[:3])
    return f"{len(parts):,} batch{'es' * (len(parts) != 1)} ({named}{', ...' * (len(parts) > 3)})"


def _chosen(split: Split, path: Path) -> list[Article]:
    """Articles whose ids stand in a file, one a line, in file order. Raises InputError with every wrong line."""
    lines = read_text(path, InputError, "name a text file with one id a line", "utf-8-sig").splitlines()
    known = {article.id: article for article in split}
    problems = []
    named: dict[str, Article] = {}
    for number, line in enumerate(lines, start=1):
        article_id = canonical_id(line.strip())
        if not article_id:
            continue
        if article_id in named:
            problems.append(Problem(f"{printable(article_id)} is listed a second time", number))
        elif article_id not in known:
            nearest = str(unknown("article", article_id, list(known)).remedy) if len(problems) < 20 else ""
            problems.append(Problem(f"unknown article id {printable(article_id)}; {nearest}", number))
        else:
            named[article_id] = known[article_id]
    if problems or not named:
        raise InputError(
            f"{path} does not choose articles of {split.label}.",
            problems=problems,
            remedy="write ids of that split, one a line",
        )
    return list(named.values())


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


def reparse(folder: Path, fix_labels: bool | None = None) -> dict[str, Any]:
    """Parse every stored answer of a run again; the rows are replaced all together or not at all.

    `fix_labels` None keeps what the run had. Rows without a stored answer, and those whose `detail` says that the
    service refused, stay. Returns counts. Raises InputError when no row holds an answer, WriteError.
    """
    with RunStore.reopen(folder) as store:
        reviewer = store.manifest["reviewer"]
        fix = bool(reviewer.get("fix_labels")) if fix_labels is None else fix_labels
        read: Counter[str] = Counter()

        def again(row: dict[str, Any]) -> dict[str, Any]:
            if not is_answer(row):
                return row
            read["rows"] += 1
            return _reparsed(row, fix)

        before = dict(store.totals.by_status)
        changed = store.rewrite(again)
        if not read["rows"]:
            raise InputError(f"No row of {folder} has a model's output.", remedy="reparse runs of models")
        if fix != bool(reviewer.get("fix_labels")):
            # The rows are now what a run with that setting gives, and only such a one may go on with them.
            reviewer["fix_labels"] = fix
            store.manifest["settings"]["request"]["fix_labels"] = fix
        store.manifest["reparsed"] = {"at": now(), "package": package_version(), "rows_changed": changed}
        store.save()
        return {"read": read["rows"], "changed": changed, "before": before, "after": dict(store.totals.by_status)}


def _reparsed(row: dict[str, Any], fix_labels: bool) -> dict[str, Any]:
    notes = dict(row.get("notes") or {})
    for count in ("n_fixed_labels", "n_unread"):
        notes.pop(count, None)
    cut = bool(notes.get("output_cut")) or row.get("status") == "truncated"
    parsed = parse(row["raw_output"], finish_reason_length=cut, fix_labels=fix_labels)
    if parsed.n_fixed_labels:
        notes["n_fixed_labels"] = parsed.n_fixed_labels
    if parsed.n_unread:
        notes["n_unread"] = parsed.n_unread
    read = {"status": parsed.status, "concerns": list(parsed.concerns), "detail": parsed.detail}
    return {**row, **read, "notes": notes or None}
