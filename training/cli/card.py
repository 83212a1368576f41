"""`bench train card`: a submission card and a model card from what was recorded."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--result", "result_path", type=click.Path(path_type=Path), metavar="R.result.json", help="Its score.")
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="DIR", help="Default: next to the weights.")
@click.option("--organisation", required=True, metavar="TEXT")
@click.option("--contact", required=True, metavar="TEXT", help="An address that may be published.")
@click.option("--name", metavar="TEXT", help="Of the system. Default: the config's.")
@click.option("--version", default="1", show_default=True, metavar="TEXT", help="Of the system.")
@click.option("--url", metavar="URL")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Default: the day on which training began.")
@click.option("--cost", "cost_usd", type=click.FloatRange(min=0), metavar="USD", help="Of the predictions.")
@click.option(
    "--open-weights",
    type=click.Choice(["yes", "no", "undisclosed"]),
    default="undisclosed",
    show_default=True,
    help="Whether anybody may download base model and adapter.",
)
def card(run: Path, result_path: Path | None, out: Path | None, day: datetime | None, **given: Any) -> None:
    """Fill card.yaml (for bench submit) and README.md (for the Hub) for RUN: a training run, its adapter, or a merged
    model.

    \b
    Examples:
      bench train card runs/sft-a --organisation "My lab" --contact me@example.org --result mine.result.json
      bench train card merged/sft-a --organisation "My lab" --contact me@example.org -o cards/sft-a
    """
    from ..models.adapters import MERGED, resolved
    from ..publish import card as cards

    folder = Path(resolved(str(run)))
    summary = cards.trained(folder)
    result = None if result_path is None else cards.read_result(result_path)
    author = cards.Author(**given, date=None if day is None else day.date())
    filled = cards.submission_card(summary, result, author)
    merged = (folder / MERGED).is_file()
    readme = cards.model_card(summary, result, filled, merged=merged)
    out = out if out is not None else folder
    cards.write_cards(out, filled, readme)
    click.echo(f"{out / cards.CARD} and {out / cards.README} are filled. Read them before you publish them.")
    if result is None:
        click.echo("No score was given: --result R.result.json adds it, with its signature and controls.")
    click.echo(f"Next: bench train push {shlex.quote(str(folder))} --repo ORG/NAME --dry-run")
