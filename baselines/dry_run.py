"""What a run would send and cost, counted beforehand: nothing is sent, nothing written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, Problem
from bioreview_bench.jsonl import read_rows
from bioreview_bench.llm.asking import Asking
from bioreview_bench.llm.batch_ledger import read_ledger
from bioreview_bench.llm.fitting import Chars3
from bioreview_bench.llm.review import Estimates
from bioreview_bench.llm.run_store import ROWS

from .running import Prepared


def count(prepared: Prepared, out: Path) -> dict[str, Any]:
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
        "batch": prepared.request.batch,
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
