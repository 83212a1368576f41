"""`review`: one paper, one reviewer, from Python; and the steps that the command takes as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bioreview_bench.cli.options import data_setting
from bioreview_bench.data.load import READING
from bioreview_bench.errors import Needs

from ..options import RunOptions
from ..registry import find
from .adapter import PREFIX
from .made import PaperReview
from .reviews import compare, read_reviews
from .run import PlannedReview, plan_review, require_answer

TRIAL = "bench review PAPER --with echo (a control reviewer, which needs nothing)"


def review(
    paper: str | Path,
    with_: str,
    *,
    reviews: str | Path | None = None,
    contract: str = READING,
    encoder_path: Path | None = None,
    out: str | Path | None = None,
    data: str | None = None,
    max_cost: float | None = None,
    **options: Any,
) -> PaperReview:
    """Have a paper reviewed: `review("paper.pdf", with_="gpt-4o-mini", max_cost=0.05)`.

    `with_` is any reviewer of `bench baseline list`, or `adapter:PATH`; calling a service is paid for, and `max_cost`
    (USD) bounds it. `reviews` is a file of human reviews, whose concerns are matched with the review under `contract`.
    `out` is the folder of the run; the paper is not sent again where it holds an answer. `options` are those of a
    run: `prompt`, `budget`, `parameters`, `base_url`, `key_variable`, `prices`, `adapters` and so on.

    Raises InputError for what is no paper, EncoderError and NeedsError for what is missing here, RemoteError where a
    service refused or answered without a review.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "terns.md"
    >>> _ = file.write_text("# Terns\\n\\n## Methods\\n\\nWe counted the terns on one ledge in three summers.\\n")
    >>> len(review(file, "generic", out=file.parent / "run").concerns)
    10
    """
    chosen = RunOptions(name=with_, paper=str(paper), data=data or data_setting(), **options)
    needs = Needs(TRIAL)
    human = None if reviews is None else read_reviews(Path(reviews))
    if human is not None:
        with needs.gather():
            require_matcher(contract, encoder_path)
    planned = plan_review(Path(paper), chosen, None if out is None else Path(out), max_cost)
    gather_needs(planned, needs)
    needs.require()
    made = finished(planned, planned.carry_out(max_cost))
    return made if human is None else compared(made, planned, human, contract, encoder_path)


def gather_needs(planned: PlannedReview, needs: Needs) -> None:
    """Note what this machine lacks for the review, unless the answer is there already."""
    if planned.row is None:
        planned.prepared.registration.gather(needs, planned.prepared.options)


def require_known(name: str) -> None:
    """Raise InputError for a reviewer that there is not, before a paper is read for it."""
    if not name.startswith(PREFIX):
        find(name)


def require_matcher(contract: str, encoder_path: Path | None) -> None:
    """Raise EncoderError when the contract's encoder is not here, InputError for a contract that asks a service."""
    from bioreview_bench.cli.inputs import require_encoder
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.errors import InputError

    loaded = Contract.load(contract)
    if loaded.similarity == "judge":
        raise InputError(
            "A judge would send the reviews to a service, and is paid for apart.", remedy=f"--contract {READING}"
        )
    require_encoder(loaded, encoder_path)


def finished(planned: PlannedReview, row: Mapping[str, Any]) -> PaperReview:
    """The review in a row of the run. Raises RemoteError where there is none."""
    require_answer(row, planned.command)
    price = planned.prepared.price
    concerns = [one if isinstance(one, Mapping) else {"text": str(one)} for one in row["concerns"]]
    return PaperReview(
        title=planned.paper.title,
        reviewer=planned.prepared.reviewer.name,
        status=str(row["status"]),
        concerns=tuple(one for one in concerns if str(one.get("text", "")).strip()),
        usage=row.get("usage") or {},
        price_date=None if price is None else price.date,
        folder=planned.out,
    )


def compared(
    made: PaperReview, planned: PlannedReview, human: Any, contract: str, encoder_path: Path | None, **more: Any
) -> PaperReview:
    """The review with which of the human concerns it found. Raises as `score`."""
    article = planned.prepared.articles[0]
    return replace(made, found=compare(article, human, made.concerns, contract, encoder_path, **more))
