"""What is said about a run: its progress on stderr, its totals, what is left of it, and the commands to type next.

What a run would send and cost, counted beforehand: nothing is sent, nothing written.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli.progress import ProgressBar
from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.jsonl import read_rows
from bioreview_bench.llm.calls.asking import Asking
from bioreview_bench.llm.calls.engine import Progress, Summary, Waiting, Watcher
from bioreview_bench.llm.review import Estimates
from bioreview_bench.llm.run.ledger import read_ledger
from bioreview_bench.llm.run.manifest import Totals
from bioreview_bench.llm.run.store import RETRIABLE, ROWS, RunStore
from bioreview_bench.llm.text.fitting import Chars3

from ..options import RunOptions
from ..running import ReviewRun

_LINES = 20  # of progress where there is no terminal
_STEPS = 10  # lines for the answers of one batch there


class RunConsole(Watcher):
    """Prints how a run of `total` articles goes; when quiet, warnings only."""

    def __init__(self, total: int, quiet: bool) -> None:
        self._quiet = quiet
        self._total, self._before = max(1, total), 0
        self._bar = ProgressBar("Reviewing", total, quiet, _LINES)
        self._printed: dict[str, tuple[str, int]] = {}

    def say(self, text: str) -> None:
        """One line on stderr."""
        if not self._quiet:
            click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """One line on stderr, also when quiet."""
        self.stop()
        click.echo(text, err=True)

    def opened(self, store: RunStore) -> None:
        """Say what is already done."""
        if store.n_repaired:
            self.say(f"A row that was cut while it was written ({store.n_repaired:,} bytes) was removed.")
        if store.n_unknown_texts:
            self.warn(
                f"{store.n_unknown_texts:,} rows are older than the check of what was read: they are taken to be about "
                "the papers of now."
            )
        self._before = len(store)
        if len(store):
            self.say(f"Going on with {store.folder}: {len(store):,} rows are already done.")

    def show(self, progress: Progress) -> None:
        """Where single calls are."""
        notes = [f"{progress.limit} at once"] if sys.stderr.isatty() else []
        notes += [f"{progress.retries:,} calls tried again"] if progress.retries else []
        notes += [f"${progress.cost_usd:.4f}"] if progress.cost_usd else []
        self._bar.show(min(self._before + progress.done, self._total), ", ".join(notes))

    def waiting(self, batches: Sequence[Waiting]) -> None:
        """Where the batches are: a line that changes on a terminal, elsewhere one for every step of each."""
        if sys.stderr.isatty():
            done = self._before + sum(batch.n_completed for batch in batches)
            self._bar.show(min(done, self._total), f"{'; '.join(map(_line, batches))} - Ctrl-C leaves them going")
            return
        for batch in batches:
            now = (batch.status, batch.n_completed * _STEPS // max(1, batch.n_articles))
            if self._printed.get(batch.batch_id) != now:
                self._printed[batch.batch_id] = now
                self.say(_line(batch))

    def stop(self) -> None:
        """Remove the bar."""
        self._bar.stop()

    def report(self, folder: Path, store: RunStore, summary: Summary) -> None:
        """The summary and the next commands. Raises RemoteError when articles failed for good."""
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
        cost = "at unknown cost" if spent is None else f"at ${spent:.4f}"
        said.append(f"  {earlier['articles']:,} earlier rows were asked for again, {cost} on top")
    if found["articles_cut"]:
        said.append(
            f"  {found['articles_cut']:,} papers were cut to the budget, by {found['tokens_cut']:,} tokens in all "
            "(notes.cut of their rows)"
        )
    for batch in found["batches"]:
        name = batch["id"] or "whose id is not known yet"
        said.append(f"  {batch['articles']:,} articles are in batch {name}; the next command waits for it")
    if found["failed"]:
        said.append(f"  {sum(found['failed'].values()):,} without an answer; their rows say why (detail, raw_output)")
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
    return f"${found['cost_usd']:.4f}{unknown}"


def count(prepared: ReviewRun, out: Path) -> dict[str, Any]:
    """Counts as plain JSON values; token counts are null for reviewers that are sent no prompt."""
    done, in_batches = _done(out), read_ledger(out).articles_out
    left = [m for m in prepared.manuscripts if m.id not in done and m.id not in in_batches]
    waited_for = [m for m in prepared.manuscripts if m.id not in done and m.id in in_batches]
    asking = getattr(prepared.reviewer, "asking", None)
    found: dict[str, Any] = {
        "reviewer": prepared.reviewer.name,
        "split": prepared.split.label,
        "articles": len(prepared.articles),
        "have_a_row": len(prepared.articles) - len(left) - len(waited_for),
        "in_batches": len(waited_for),
        "to_review": len(left),
        "batch": prepared.options.batch,
        "token_counter": None,
        "input_tokens": None,
        "articles_cut": None,
        "tokens_cut": None,
        "most_cost_usd": None,
    }
    if not isinstance(asking, Asking):
        return found
    asked = [asking.ask(manuscript) for manuscript in left]
    cuts = [one.notes["cut"] for one in asked if one.notes and "cut" in one.notes]
    found |= {
        "token_counter": asking.counter.name,
        "input_tokens": sum(one.n_tokens for one in asked),
        "articles_cut": len(cuts),
        "tokens_cut": sum(cut["of"] - cut["tokens"] for cut in cuts),
    }
    if isinstance(prepared.reviewer, Estimates):
        costs = [prepared.reviewer.estimate(manuscript).cost_usd for manuscript in left]
        if None not in costs:
            found["most_cost_usd"] = round(sum(cost for cost in costs if cost is not None), 6)
    return found


def plan_lines(found: dict[str, Any]) -> list[str]:
    """The counts for people."""
    said = [
        f"{found['reviewer']} on {found['split']}: {found['to_review']:,} articles to review, "
        f"{found['have_a_row']:,} have a row already."
    ]
    if found["in_batches"]:
        said.append(f"  {found['in_batches']:,} more are in batches already, and are not submitted again")
    if found["token_counter"] is None:
        said.append("  It is sent no prompt; there is nothing to count.")
    else:
        estimate = " (an estimate: three characters a token)" if found["token_counter"] == Chars3().name else ""
        said.append(f"  {found['input_tokens']:,} tokens of prompt by the counter {found['token_counter']}{estimate}")
        said.append(f"  {found['articles_cut']:,} papers cut to the budget, by {found['tokens_cut']:,} tokens in all")
        cost = found["most_cost_usd"]
        wanted = "batch_input and batch_output" if found["batch"] else "a price"
        said.append(
            f"  cost unknown: it takes --prices with {wanted} of this model, and a limit of output among --param"
            if cost is None
            else f"  at most ${cost:.4f}, every answer being as long as allowed"
        )
    return [*said, "Nothing was sent, and nothing written."]


def _done(out: Path) -> set[str]:
    path = out / ROWS
    rows = [row for _, row in read_rows(path, InputError)] if path.is_file() else []
    return {str(row.get("article_id")) for row in rows if not isinstance(row, Problem)}
