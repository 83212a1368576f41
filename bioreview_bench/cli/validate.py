"""`bench validate`, and `bench schema`: is a file of the right form, and what is that form?"""

from __future__ import annotations

import json
from collections import Counter

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import InputError


@click.command()
@click.argument("predictions")
@options.data_option
@options.split_option
@options.limit_option
@options.allow_extra_option
@options.require_complete_option
@options.allow_unfrozen_option
@options.format_option("text", "json")
def validate(
    predictions: str,
    data: str,
    split: str,
    limit: int | None,
    allow_extra: bool,
    require_complete: bool,
    allow_unfrozen: bool,
    form: str,
) -> int:
    """Check PREDICTIONS (a JSONL file, or demo:NAME) as `bench evaluate` would, and score nothing.

    All problems are listed at once, with line numbers.

    \b
    Examples:
      bench validate predictions.jsonl --data v3 --split test
      bench validate predictions.jsonl --data v3 --split test --require-complete
    """
    from bioreview_bench.data.load import load_split
    from bioreview_bench.data.predictions import read_predictions, require_answers

    path = options.predictions_path(predictions)
    articles = load_split(data, split, limit=limit, allow_unfrozen=allow_unfrozen)
    try:
        rows = read_predictions(path, articles, allow_extra=allow_extra)
        if require_complete:
            require_answers(rows, articles)
    except InputError as error:
        if form != "json":
            raise
        found = [{"line": problem.line, "message": problem.message} for problem in error.problems]
        click.echo(json.dumps({"valid": False, "message": error.message, "problems": found}, ensure_ascii=False))
        return error.exit_code
    outcomes = Counter(rows[article.id].outcome if article.id in rows else "missing" for article in articles)
    n_concerns = sum(len(rows[article.id].concerns) for article in articles if article.id in rows)
    if form == "json":
        shown = {"valid": True, "data": articles.label, "n_concerns": n_concerns, "coverage": outcomes, "problems": []}
        click.echo(json.dumps(shown, ensure_ascii=False))
        return 0
    click.echo(f"{predictions} is valid for {articles.label}: {n_concerns:,} concerns.")
    click.echo(f"{len(articles)} articles: {', '.join(f'{count} {outcome}' for outcome, count in outcomes.items())}.")
    return 0


@click.command()
@click.argument("name", type=click.Choice(["result", "predictions", "card", "judgements", "validity"]))
def schema(name: str) -> None:
    """Print the JSON Schema (draft 2020-12) of a file format.

    These are a result file, a row of predictions, a submission card, a row of judged pairs, and the validity card of a
    contract.

    \b
    Examples:
      bench schema predictions
      bench schema result > result.schema.json
    """
    from bioreview_bench.results.schemas import json_schema

    click.echo(json.dumps(json_schema(name), indent=1))
