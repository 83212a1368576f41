"""`bench train card`: a submission card and a model card from what was recorded."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli import options


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--result", "result_path", type=click.Path(path_type=Path), metavar="R.result.json", help="Its score.")
@click.option(
    "--evaluation",
    "evaluation_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Of a model that answers questions: what evaluate-qa --format json printed.",
)
@options.output_option("Default: next to the weights.")
@click.option("--organisation", required=True, metavar="TEXT", help="Who trained it.")
@click.option("--contact", required=True, metavar="TEXT", help="An address that may be published.")
@click.option("--name", metavar="TEXT", help="Of the system. Default: the config's.")
@click.option("--version", default="1", show_default=True, metavar="TEXT", help="Of the system.")
@click.option("--url", metavar="URL", help="A page about it, to which tables link.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Default: the day on which training began.")
@click.option("--cost", "cost_usd", type=click.FloatRange(min=0), metavar="USD", help="Of the predictions.")
@click.option(
    "--open-weights",
    type=click.Choice(["yes", "no", "undisclosed"]),
    default="undisclosed",
    show_default=True,
    help="Whether anybody may download base model and adapter.",
)
def card(
    run: Path,
    result_path: Path | None,
    evaluation_path: Path | None,
    out: Path | None,
    day: datetime | None,
    **given: Any,
) -> None:
    """Fill card.yaml (for bench submit) and README.md (for the Hub) for RUN: a training run, its adapter, or a merged
    model. A model that answers questions gets a README.md of its own, and no card.yaml.

    \b
    Examples:
      bench train card runs/sft-a --organisation "My lab" --contact me@example.org --result mine.result.json
      bench train card merged/sft-a --organisation "My lab" --contact me@example.org -o cards/sft-a
      bench train card runs/grpo --organisation "My lab" --contact me@example.org --evaluation answers.json
    """
    from ..models.adapters import MERGED, resolved
    from ..publish import card as cards
    from ..publish import question_card

    folder = Path(resolved(str(run)))
    summary = cards.trained(folder)
    merged = (folder / MERGED).is_file()
    out = out if out is not None else folder
    if question_card.answers_questions(summary):
        if result_path is not None:
            raise click.UsageError("--result is of reviews, and this model answers questions: use --evaluation.")
        _write_question_card(summary, evaluation_path, out, given["name"], merged=merged)
        click.echo(f"Next: bench train push {shlex.quote(str(folder))} --repo OWNER/NAME --dry-run")
        return
    if evaluation_path is not None:
        raise click.UsageError("--evaluation is of answers to questions, and this model reviews: use --result.")
    result = None if result_path is None else cards.read_result(result_path)
    author = cards.Author(**given, date=None if day is None else day.date())
    filled = cards.submission_card(summary, result, author)
    readme = cards.model_card(summary, result, filled, merged=merged)
    cards.write_cards(out, filled, readme)
    click.echo(f"{out / cards.CARD} and {out / cards.README} are filled. Read them before you publish them.")
    if result is None:
        click.echo("No score was given: --result R.result.json adds it, with its signature and controls.")
    click.echo(f"Next: bench train push {shlex.quote(str(folder))} --repo OWNER/NAME --dry-run")


def _write_question_card(
    summary: Mapping[str, Any], evaluation_path: Path | None, out: Path, name: str | None, *, merged: bool
) -> None:
    from bioreview_bench.files.atomic import make_folder, write_files

    from ..publish import question_card
    from ..publish.card import README

    evaluation = None if evaluation_path is None else question_card.read_evaluation(evaluation_path)
    name = name or str(summary["config"].get("name") or out.name)
    text = question_card.question_card(summary, evaluation, name, merged=merged)
    make_folder(out)
    write_files({out / README: text.encode()})
    click.echo(f"{out / README} is filled. Read it before you publish it.")
    if evaluation is None:
        click.echo("No evaluation was given: --evaluation FILE adds it, with its calibration.")
