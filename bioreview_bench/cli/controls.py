"""`bench controls`: every control reviewer in one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli import options
from bioreview_bench.cli.judge import judge_backend, judge_options, print_plan


@click.command()
@options.data_option
@click.option(
    "--split", default="val", show_default=True, metavar="SPLIT", help="train, val (validation), test or all."
)
@options.contract_option()
@options.encoder_path_option
@options.precision_option("fp32", "bf16")
@options.limit_option
@options.allow_unfrozen_option
@options.format_option("text", "markdown", "json")
@options.quiet_option
@judge_options
def controls(
    data: str,
    split: str,
    contract_name: str,
    encoder_path: Path | None,
    precision: str | None,
    limit: int | None,
    allow_unfrozen: bool,
    form: str,
    quiet: bool,
    **judging: Any,
) -> None:
    """Score the control reviewers of a split: what any system must beat under a contract.

    neighbour brings the concerns of the lexically nearest train article, random-train those of any train article
    (both of another family); echo copies sentences of the paper; generic repeats stock comments.

    \b
    Examples:
      bench controls --data demo --split test --contract demo
      bench controls --data v3 --split val
    """
    from bioreview_bench.cli.options import with_precision
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.controls.lexical import neighbour, random_train
    from bioreview_bench.controls.reviewers import SCORED_CONTROLS
    from bioreview_bench.data.load import load_split
    from bioreview_bench.data.predictions import as_predictions
    from bioreview_bench.report.blocks import Block, Facts, Notes, Table, figure
    from bioreview_bench.report.meaning import validity_note
    from bioreview_bench.results.validity import load_card
    from bioreview_bench.scoring.run import score

    contract = with_precision(Contract.load(contract_name), precision)
    card = load_card(contract_name)
    articles = load_split(data, split, limit=limit, allow_unfrozen=allow_unfrozen)
    train = load_split(data, "train", allow_unfrozen=allow_unfrozen)
    written = {
        name: {article.id: list(write(article)) for article in articles} for name, write in SCORED_CONTROLS.items()
    }
    written |= {"neighbour": neighbour(articles, train), "random-train": random_train(articles, train)}
    messages = options.Messages(quiet)
    judge = judge_backend(contract, messages, **judging)
    if judge is not None and judging["dry_run"]:
        everything = [as_predictions(rows, articles) for rows in written.values()]
        print_plan(judge, articles, everything, controls="basic", form=form)
        return
    with messages:
        results = {
            name: score(
                articles,
                rows,
                contract,
                controls="basic",
                draws=0,
                encoder_path=encoder_path,
                card=card,
                backend=judge,
                progress=messages.encoding,
            )
            for name, rows in written.items()
        }
    records = {name: result.record for name, result in results.items()}
    if form == "json":
        shown = {
            name: {"overall": r.overall.model_dump(), "controls": r.controls.model_dump()}
            for name, r in records.items()
        }
        click.echo(json.dumps({"signature": next(iter(records.values())).signature, "reviewers": shown}))
        return
    rows = []
    for name, record in records.items():
        overall, beside = record.overall, record.controls
        figures = [overall.f1, overall.recall, overall.precision, beside.match_rate]
        figures += [beside.null_f1, beside.null_match_rate, beside.skill]
        rows.append([name, f"{overall.n_pred:,}", *map(figure, figures)])
    header = ["reviewer", "concerns", "F1", "recall", "precision", "match rate"]
    header += ["other-article F1", "its match rate", "skill"]
    blocks: list[Block] = [
        Facts([("Contract", contract.official_name), ("Signature", next(iter(records.values())).signature)]),
        Table(f"Control reviewers on {articles.label}", header, rows),
        Notes("What this means", [validity_note(next(iter(records.values())))]),
    ]
    options.show(blocks, form)
