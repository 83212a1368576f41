"""`bench postprocess`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import inputs, options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..derived.postprocess import Cleaning


output_option = click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="The predictions file to write, in a folder of its own; run.json is written next to it.",
)


@click.command()
@click.argument("predictions", metavar="IN")
@output_option
@click.option(
    "--dedup", metavar="exact|semantic[:0.95]", help="Drop repetitions in an article; the first of each is kept."
)
@click.option("--cap", type=click.IntRange(min=1), metavar="N", help="Keep the first N concerns of each article.")
@click.option(
    "--drop-truncation-complaints", is_flag=True, help="Drop concerns saying that the text of the paper is cut off."
)
@options.contract_option("Whose encoder --dedup semantic uses.", default="v3")
@options.encoder_path_option
@options.quiet_option
def postprocess(
    predictions: str,
    output: Path,
    dedup: str | None,
    cap: int | None,
    drop_truncation_complaints: bool,
    contract_name: str,
    encoder_path: Path | None,
    quiet: bool,
) -> None:
    """Remove repeated or surplus concerns from a predictions file.

    IN is a predictions file or demo:NAME; the counts of what was removed, by reason, are printed.

    Steps, in order: truncation complaints, repetitions, cap. exact compares texts after folding case and white
    space; semantic removes a concern whose embedding has a cosine at or above the threshold with one that is kept.
    Nothing else in a row changes. The steps are recorded in OUT's run.json, where bench evaluate finds them.

    \b
    Examples:
      bench postprocess runs/mine/predictions.jsonl -o runs/mine-dedup/predictions.jsonl --dedup exact --cap 20
      bench postprocess demo:careful -o out/predictions.jsonl --dedup semantic:0.9 --contract demo

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 encoder unavailable, 6 cannot write.
    """
    from ..derived.files import (
        chained,
        destination,
        empty_manifest,
        evaluate_command,
        read_source,
        run_beside,
        write_derived,
    )
    from ..derived.postprocess import Cleaning, clean

    plan = Cleaning.parse(dedup, cap, drop_truncation_complaints)
    source = inputs.predictions_path(predictions)
    with destination(output, [source]):
        rows, named = read_source(source)
        beside = run_beside(source)
        manifest = {**beside} or empty_manifest(source.stem, {})
        similarity, contract, encoder = _similarity(plan, rows, contract_name, encoder_path, quiet)
        removed: Counter[str] = Counter()
        cleaned = []
        for row in rows:
            kept, gone = clean(row, plan.steps(similarity))
            cleaned.append(kept)
            removed += gone
        label = plan.label(contract)
        step = {**named, "step": label, "encoder": encoder, "removed": dict(removed)}
        manifest["postprocessing"] = chained(manifest.get("postprocessing"), label)
        manifest["derived_from"] = [*(manifest.get("derived_from") or []), step]
        write_derived(output, cleaned, manifest)
    _summary(output, rows, cleaned, removed, manifest["postprocessing"])
    click.echo(f"Next: {evaluate_command(output, [predictions], [beside])}")


def _similarity(
    plan: Cleaning, rows: Sequence[dict[str, Any]], contract_name: str, encoder_path: Path | None, quiet: bool
) -> tuple[Any, str, str | None]:
    """(similarity, contract name, encoder) where the plan needs them."""
    from ..derived.postprocess import SEMANTIC, similarity_under

    if plan.dedup != SEMANTIC:
        return None, "", None
    from bioreview_bench.contracts.contract import Contract

    contract = Contract.load(contract_name)
    with options.Messages(quiet) as messages:
        similarity, encoder = similarity_under(contract, encoder_path, rows, messages.encoding)
    return similarity, contract.official_name, encoder


def _summary(
    output: Path, before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]], removed: Counter[str], label: str
) -> None:
    kept = sum(len(row["concerns"] or ()) for row in after)
    emptied = sum(old.get("status") != new.get("status") for old, new in zip(before, after, strict=True))
    click.echo(f"{output}: {kept:,} of {kept + removed.total():,} concerns kept ({label}).")
    for reason, count in removed.items():
        click.echo(f"  {count:,} removed: {reason}")
    if emptied:
        click.echo(f"  {emptied:,} rows have no concern left; their status is empty now")
