"""Manuscripts divided into batches: as few as the limits of an input file allow, and no more than the budget bears."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import InputError
from bioreview_bench.llm.batch.answers import custom_id
from bioreview_bench.llm.batch.openai import ENDPOINT
from bioreview_bench.llm.providers.openai import OpenAIReviewer


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
        raise InputError(
            f"--max-cost needs to know what a review by {reviewer.name} can cost at most, and it is unknown.",
            remedy="give prices with --prices FILE (batch_input and batch_output) and a limit on output with "
            "--param max_tokens=N",
        )
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
