"""What a run would send and cost, counted beforehand: nothing is sent, nothing written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import InputError, Problem
from bioreview_bench.files.jsonl import read_rows
from bioreview_bench.llm.calls.asking import Asking
from bioreview_bench.llm.calls.engine import unpriced
from bioreview_bench.llm.calls.prices import dollars
from bioreview_bench.llm.review import Estimates
from bioreview_bench.llm.run.ledger import read_ledger
from bioreview_bench.llm.run.store import read_run
from bioreview_bench.llm.text.fitting import Chars3
from bioreview_bench.results.run_manifest import MANIFEST, ROWS

from ..running import ReviewRun


def count(prepared: ReviewRun, out: Path, max_cost: float | None = None) -> dict[str, Any]:
    """Counts as plain JSON values; token counts are null for reviewers that are sent no prompt.

    Raises InputError where a run with `max_cost` (USD) would review nothing: without known prices, or when the budget
    does not bear the first review.
    """
    done, in_batches = _done(out), read_ledger(out).articles_out
    left = [m for m in prepared.manuscripts if m.id not in done and m.id not in in_batches]
    waited_for = [m for m in prepared.manuscripts if m.id not in done and m.id in in_batches]
    asking = getattr(prepared.reviewer, "asking", None)
    price = prepared.price
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
        "input_cost_usd": None,
        "most_cost_usd": None,
        "price_date": None if price is None else price.date,
        "price_source": None if price is None else price.source,
        "max_cost_usd": max_cost,
        "sure_to_fit": None,
    }
    if isinstance(asking, Asking):
        asked = [asking.ask(manuscript) for manuscript in left]
        cuts = [one.notes["cut"] for one in asked if one.notes and "cut" in one.notes]
        n_tokens = sum(one.n_tokens for one in asked)
        found |= {
            "token_counter": asking.counter.name,
            "input_tokens": n_tokens,
            "articles_cut": len(cuts),
            "tokens_cut": sum(cut["of"] - cut["tokens"] for cut in cuts),
            "input_cost_usd": None if price is None else round(price.cost(n_tokens, 0), 6),
        }
    costs = _most(prepared, left)
    if costs is not None:
        found["most_cost_usd"] = round(sum(costs), 6)
    if max_cost is not None and left:
        if costs is None:
            raise unpriced(prepared.reviewer.name, batch=prepared.options.batch)
        found["sure_to_fit"] = _fitting(costs, max_cost - _spent(out), found)
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
        said.append(f"  {cost_line(found)}")
        if found["price_source"] is not None:
            said.append(f"  prices: {found['price_source']}; --prices FILE overrides them")
    if found["sure_to_fit"] is not None:
        said.append(
            f"  --max-cost {found['max_cost_usd']:g}: {found['sure_to_fit']:,} of {found['to_review']:,} articles are "
            f"sure to fit{'' if found['sure_to_fit'] == found['to_review'] else '; the run may stop before the others'}"
        )
    return [*said, "Nothing was sent, and nothing written."]


def cost_line(found: Mapping[str, Any]) -> str:
    """What the run costs, as far as it is known, with the day of its prices."""
    if found["most_cost_usd"] is not None:
        return f"at most {dollars(found['most_cost_usd'], found['price_date'])}, every answer being as long as allowed"
    if found["input_cost_usd"] is not None:
        prompts = dollars(found["input_cost_usd"], found["price_date"])
        return f"{prompts} for the prompts; answers have no limit without --param max_tokens=N"
    wanted = "batch_input and batch_output" if found["batch"] else "a price"
    return f"cost unknown: it takes --prices with {wanted} of this model, and a limit of output among --param"


def _most(prepared: ReviewRun, left: Sequence[Manuscript]) -> list[float] | None:
    """What each review costs at most, USD; None when that is unknown of one of them."""
    if not isinstance(prepared.reviewer, Estimates):
        return None
    costs = [prepared.reviewer.estimate(manuscript).cost_usd for manuscript in left]
    return None if None in costs else [cost for cost in costs if cost is not None]


def _fitting(costs: Sequence[float], budget: float, found: dict[str, Any]) -> int:
    """How many reviews fit into the budget at their highest cost. Raises InputError for none."""
    n, spent = 0, 0.0
    while n < len(costs) and spent + costs[n] <= budget:
        spent += costs[n]
        n += 1
    if not n:
        raise InputError(
            f"--max-cost {found['max_cost_usd']:g} is not enough for one review: the next may cost "
            f"{dollars(costs[0], found['price_date'])}, and {dollars(max(budget, 0.0), None)} are left.",
            remedy=f"--max-cost {found['max_cost_usd'] - budget + sum(costs):.2f} is enough for all of them",
        )
    return n


def _spent(out: Path) -> float:
    if not (out / MANIFEST).is_file():
        return 0.0
    manifest, totals = read_run(out)
    superseded = (manifest.get("superseded") or {}).get("cost_usd") or 0.0
    return totals.cost_usd + float(superseded)


def _done(out: Path) -> set[str]:
    path = out / ROWS
    rows = [row for _, row in read_rows(path, InputError)] if path.is_file() else []
    return {str(row.get("article_id")) for row in rows if not isinstance(row, Problem)}
