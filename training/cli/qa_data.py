"""`bench train qa-data`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli import options

_FILE = click.Path(path_type=Path)


@click.command("qa-data")
@click.option("-o", "--output", required=True, type=_FILE, metavar="DIR", help="The folder to write.")
@click.option("--seed", type=int, default=42, show_default=True, help="Decides the order of training rows.")
@click.option(
    "--drill", type=click.IntRange(0, 100), default=0, show_default=True, metavar="N",
    help="Repeat each key fact N more times, in supervised training rows only.",
)  # fmt: skip
@click.option(
    "--hold-out", "held_out", multiple=True, metavar="TISSUE", help="Evaluate on this tissue and train on none of it."
)
@click.option(
    "--gsea",
    multiple=True,
    type=_FILE,
    metavar="TABLE",
    help="CSV or TSV: pathway, tissue, mission, NES, padj.",
)
@click.option("--sft", multiple=True, type=_FILE, metavar="JSON", help='Further training rows: a list of {"text"}.')
@click.option("--pairs", type=_FILE, metavar="JSON", help='Preference pairs: {"prompt", "chosen", "rejected"}.')
@click.option("--model", metavar="MODEL", help="Count tokens by the model to be trained; default: an estimate.")
@click.option("--chat-template", metavar="NAME|FILE", help="With --model: in place of its own. instruction, or a file.")
@click.option(
    "--given-confidence",
    "unstated",
    default="90",
    show_default=True,
    metavar="PERCENT|drop",
    help="For answers of --sft and --pairs that state none: the line gets this, or the row is left out.",
)
@click.option("--keep-out", multiple=True, type=_FILE, metavar="FILE", help="Questions that training must not hold.")
@options.format_option("text", "json")
def qa_data(output: Path, unstated: str, held_out: tuple[str, ...], form: str, **given: Any) -> None:
    """Make questions, answers and ground truth from tables: a corpus for bench train sft (train.jsonl,
    val.jsonl, corpus.json), grpo.jsonl, eval.jsonl, with --pairs pairs.jsonl (DPO), and manifest.json.

    Items are made of the bundled kaempferol tables and of any --gsea table: factual, interaction, chain-of-thought,
    multi-hop, comparison, calibration, error-correction and direction. One wording of each fact, and everything of a
    held-out tissue, is for evaluation. Training and evaluation share no question; otherwise nothing is written.

    \b
    Examples:
      bench train qa-data -o data/kmp
      bench train qa-data -o data/kmp --drill 4 --hold-out hippocampus --pairs kmp_dpo_preferences.json
      bench train qa-data -o data/eye --gsea fgsea.csv --hold-out eye
      bench train qa-data -o data/kmp --model mistralai/Mistral-7B-v0.3 --chat-template instruction
      bench train qa-data -o data/kmp --sft kmp_sft_final.json --keep-out kmp_test_set.json
      bench train qa-data -o data/kmp --pairs kmp_dpo_preferences.json --given-confidence drop

    Validation is a twentieth of the items; evaluation questions are in no other file.

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 model unavailable, 4 training and evaluation overlap, 6 cannot write.
    """
    from ..config.files import config_words
    from ..qa import study

    manifest = study.data(output, hold_out=held_out, unstated=_percent(unstated), **given)
    duplicates = manifest.pop("duplicates")
    if form == "json":
        options.show_json(manifest)
        return
    for name, facts in manifest["files"].items():
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in manifest["types"][name].items())
        click.echo(f"{output / name}: {facts['rows']:,} rows ({kinds})")
    for number in filter(None, duplicates):
        click.echo(f"  {number:,} exact duplicates of given rows left out")
    for reason, words in (("kept_out", "asked in evaluation"), ("naming_held_out", "naming a held-out tissue")):
        _echo_counts(f"left out, {words}", manifest[reason])
    _echo_counts(f"given without a confidence, and completed by {unstated}%", manifest["confidence"]["completed"])
    _echo_counts("left out, stating no confidence", manifest["confidence"]["left_out"])
    click.echo("Training, validation and evaluation share no question.")
    lengths = manifest["lengths"]
    longest = lengths["train"]["total"]["p100"]
    click.echo(
        f"Corpus {manifest['corpus']}: at most {longest:,} tokens an example (counted by {lengths['counted_by']})"
    )
    then = [*config_words(given["model"], questions=True), "--corpus", str(output)]
    click.echo(f"Next: bench train sft {shlex.join(then)} --dry-run")


def _percent(text: str) -> int | None:
    if text == "drop":
        return None
    if not (text.isascii() and text.isdigit() and int(text) <= 100):
        raise click.BadParameter("Give a number from 0 to 100, or drop.", param_hint="--given-confidence")
    return int(text)


def _echo_counts(what: str, counts: Mapping[str, int]) -> None:
    found = ", ".join(f"{n:,} {kind}" for kind, n in counts.items() if n)
    if found:
        click.echo(f"  {what}: {found}")
