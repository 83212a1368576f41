"""What is said about a run: its progress on stderr, its totals, what is left of it, and the commands to type next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli.progress import CallConsole
from bioreview_bench.errors import InputError, printable
from bioreview_bench.llm.calls.prices import dollars
from bioreview_bench.llm.calls.watching import Summary, Waiting
from bioreview_bench.llm.run.ledger import read_ledger
from bioreview_bench.llm.run.manifest import Totals
from bioreview_bench.llm.run.store import RETRIABLE, RunStore
from bioreview_bench.results.run_manifest import ROWS

from ..options import RunOptions


class RunConsole(CallConsole):
    """Prints how a run goes; when quiet, warnings only."""

    def __init__(self, quiet: bool) -> None:
        super().__init__("Reviewing", quiet)
        self._statuses: list[str] = []

    def opened(self, store: RunStore) -> None:
        """Say what was found in the folder."""
        if store.n_repaired:
            self.say(f"A row that was cut off while it was written ({store.n_repaired:,} bytes) was removed.")
        if store.n_unknown_texts:
            self.warn(
                f"{store.n_unknown_texts:,} rows were written before manuscripts were recorded: they are assumed to be "
                "about the current papers."
            )
        self.price_date = _price_date(store.manifest)

    def waiting(self, batches: Sequence[Waiting]) -> None:
        """Where the batches are."""
        if self._bar is None:
            return
        done = self._before + sum(batch.n_completed for batch in batches)
        statuses = [batch.status for batch in batches]
        note = f"{'; '.join(map(_line, batches))} - Ctrl-C leaves them going"
        self._bar.show(done, note, changed=statuses != self._statuses)
        self._statuses = statuses

    def report(self, folder: Path, store: RunStore, summary: Summary) -> None:
        """The summary and the next commands.

        Raises RemoteError when articles failed for good, InputError when the budget does not bear one review.
        """
        if summary.stopped is not None and not len(store):
            raise InputError(f"Nothing was reviewed: {summary.stopped}.", remedy="raise --max-cost")
        if not self._quiet:
            if summary.stopped is not None:
                self.say(f"Stopped: {summary.stopped}.")
            for line in lines(facts(folder, store.manifest, store.totals)):
                click.echo(line)
        summary.require_answers(store)


def _line(batch: Waiting) -> str:
    failed = f", {batch.n_failed:,} failed" if batch.n_failed else ""
    return (
        f"Batch {printable(batch.batch_id, 60)}: {printable(batch.status, 20)}, "
        f"{batch.n_completed:,} of {batch.n_articles:,} answered{failed}"
    )


def facts(folder: Path, manifest: Mapping[str, Any], totals: Totals) -> dict[str, Any]:
    """A run as plain JSON values; `next` is the command that leads on."""
    settings = manifest.get("settings") or {}
    request = RunOptions.from_dict(settings.get("request"), folder)
    n_articles = settings.get("n_articles")
    left = max(0, n_articles - totals.n_rows) if isinstance(n_articles, int) else None
    failed = {status: totals.by_status[status] for status in RETRIABLE if totals.by_status[status]}
    out = read_ledger(folder).out
    return {
        **totals.as_dict(),  # first: its `articles` are the rows
        "reason": totals.commonest_reason(),
        "price_date": _price_date(manifest),
        "folder": str(folder),
        "reviewer": manifest.get("name"),
        "split": (manifest.get("split") or {}).get("label"),
        "state": manifest.get("state"),
        "articles": n_articles,
        "rows": totals.n_rows,
        "left": left,
        "failed": failed,
        "batches": [{"id": part.batch_id, "articles": len(part.articles)} for part in out],
        "superseded": manifest.get("superseded"),
        "next": next_commands(
            folder, request, left or len(out), bool(failed and not out), totals.n_rows, settings.get("max_cost_usd")
        ),
    }


def next_commands(
    folder: Path, request: RunOptions, left: int, failed: bool, n_rows: int, max_cost: float | None
) -> list[str]:
    """Commands to type next, the most useful first."""
    retry = f"bench baseline retry {shlex.quote(str(folder))}"
    if left:
        return [request.command(folder, max_cost), *([retry] if failed else [])]
    if request.paper is not None:
        return [retry] if failed else [request.command(folder, max_cost)]
    words = ["bench", "evaluate", str(folder / ROWS), "--data", request.data, "--split", request.split]
    if request.limit is not None and request.ids is None:
        words += ["--limit", str(request.limit)]
    words += ["--allow-unfrozen"] if request.allow_unfrozen else []
    return [*([retry] if failed else []), *([shlex.join(words)] if n_rows else [])]


def lines(found: Mapping[str, Any]) -> list[str]:
    """The facts for people."""
    of = f" of {max(found['articles'], found['rows']):,}" if isinstance(found["articles"], int) else ""
    said = [f"{found['reviewer']} on {found['split']}: {found['rows']:,}{of} articles have a row ({found['state']})."]
    said.append("  " + (", ".join(f"{count:,} {status}" for status, count in found["by_status"].items()) or "no row"))
    said.append(f"  tokens: {_tokens(found)}; cost: {_cost(found)}")
    earlier = found.get("superseded") or {}
    if earlier.get("articles"):
        spent = earlier.get("cost_usd")
        cost = "at unknown cost" if spent is None else f"at {dollars(spent, found['price_date'])}"
        said.append(f"  {earlier['articles']:,} earlier rows were asked for again, {cost} on top")
    if found["articles_cut"]:
        said.append(
            f"  {found['articles_cut']:,} papers were cut to the budget, by {found['tokens_cut']:,} tokens in all "
            "(notes.cut of their rows)"
        )
    if found["items_unread"]:
        said.append(f"  {found['items_unread']:,} items of lists could not be read (notes.n_unread of their rows)")
    for batch in found["batches"]:
        name = batch["id"] or "whose id is not known yet"
        said.append(f"  {batch['articles']:,} articles are in batch {name}; the next command waits for it")
    if found["failed"]:
        said.append(f"  {sum(found['failed'].values()):,} without an answer; their rows say why (detail, raw_output)")
    if found["reason"]:
        said.append(f"  {found['reason']}")
    said += [f"Next: {command}" for command in found["next"]]
    return said


def _tokens(found: Mapping[str, Any]) -> str:
    if found["input_tokens"] is None:
        return "not counted"
    unknown = f" ({found['n_tokens_unknown']:,} rows do not say)" if found["n_tokens_unknown"] else ""
    return f"{found['input_tokens']:,} in, {found['output_tokens']:,} out{unknown}"


def _cost(found: Mapping[str, Any]) -> str:
    if found["cost_usd"] is None:
        return "unknown (no price)" if found["input_tokens"] is not None else "none stated"
    unknown = f" (of {found['n_cost_unknown']:,} rows unknown)" if found["n_cost_unknown"] else ""
    return f"{dollars(found['cost_usd'], found['price_date'])}{unknown}"


def _price_date(manifest: Mapping[str, Any]) -> str | None:
    price = (manifest.get("settings") or {}).get("price") or {}
    return price.get("date")
