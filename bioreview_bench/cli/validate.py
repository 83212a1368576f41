"""`bench validate`, and `bench schema`: is a file of the right form, and what is that form?"""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import click
from click.core import ParameterSource

from bioreview_bench.cli import inputs, options
from bioreview_bench.errors import BenchError, DataError, InputError, Needs


@click.command()
@click.argument("predictions")
@options.data_option
@options.split_option
@options.limit_option
@options.allow_extra_option
@options.require_complete_option
@options.allow_unfrozen_option
@options.format_option("text", "json")
@options.all_option
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
    """Check PREDICTIONS (a JSONL file, a run's folder, - for standard input, or demo:NAME) as bench evaluate would.

    Nothing is scored. All problems are found at once, with line numbers. Where the data are not on this machine and
    none are named, the form alone is checked, and the last line says so.

    \b
    Examples:
      bench validate predictions.jsonl
      bench validate predictions.jsonl --data v3 --split test --require-complete
      bench validate runs/bm25-test --data demo
    """
    from bioreview_bench.data.predictions import require_answers
    from bioreview_bench.results.run_manifest import run_of

    data, _ = inputs.implied(predictions, data, None)
    needs = Needs()
    articles, rows = inputs.read_scored(
        needs, predictions, data, split, limit=limit, allow_extra=allow_extra, allow_unfrozen=allow_unfrozen
    )
    try:
        if articles is not None or not _form_only(data):
            needs.require()
        elif rows is None:
            raise next(part for part in needs.parts if not isinstance(part, DataError))  # the file is at fault
        assert rows is not None
        ids = list(rows) if articles is None else [article.id for article in articles]
        if require_complete:
            require_answers(rows, [SimpleNamespace(id=one) for one in ids])
    except BenchError as error:
        if form != "json" or error.exit_code != InputError.exit_code:
            raise
        found = [{"line": problem.line, "message": problem.message} for problem in error.problems]
        message = error.message if error.problems else error.shown()
        options.show_json({"valid": False, "message": message, "problems": found})
        return error.exit_code
    outcomes = Counter(rows[one].outcome if one in rows else "missing" for one in ids)
    mine = [rows[one] for one in ids if one in rows]
    counts = {
        "n_concerns": sum(len(row.concerns) for row in mine),
        "n_blank_dropped": sum(row.n_blank for row in mine),
        "n_unknown_labels": sum(row.n_unknown_labels for row in mine),
        "n_extra_ignored": rows.n_extra_ignored,
    }
    if form == "json":
        label = None if articles is None else articles.label
        options.show_json({"valid": True, "data": label, **counts, "coverage": outcomes, "problems": []})
        return 0
    where = "in form" if articles is None else f"for {articles.label}"
    click.echo(f"{predictions} is valid {where}: {counts['n_concerns']:,} concerns.")
    unit = "rows" if articles is None else "articles"
    click.echo(f"{len(ids)} {unit}: {', '.join(f'{count} {outcome}' for outcome, count in outcomes.items())}.")
    for name, what in _NOTED.items():
        if counts[name]:
            click.echo(f"{counts[name]:,} {what}.")
    ignored = None if rows.path is None else run_of(rows.path).ignored
    if ignored:
        click.echo(ignored, err=True)
    if articles is None:
        click.echo(f"Article ids were not checked: {needs.parts[0]}")
        if needs.trial:
            click.echo(f"  To score it now: {needs.trial}")
    return 0


_NOTED = {
    "n_blank_dropped": "blank concerns are dropped",
    "n_unknown_labels": "labels outside the vocabulary are ignored",
    "n_extra_ignored": "rows for articles outside the split are ignored",
}


def _form_only(data: str) -> bool:
    """True when nobody named the data and they are not on this machine."""
    from bioreview_bench.data.load import locate

    if data != options.DATA or click.get_current_context().get_parameter_source("data") is ParameterSource.COMMANDLINE:
        return False
    try:
        locate(data)
    except DataError:
        return True
    return False


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

    options.show_json(json_schema(name))
