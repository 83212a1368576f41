"""`bench schema`: the JSON Schema of each file format."""

from __future__ import annotations

import json

import click


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
    from bioreview_bench.results.records import json_schema

    click.echo(json.dumps(json_schema(name), indent=1))
