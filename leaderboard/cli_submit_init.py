"""`bench submit init`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_LARGEST = 16 * 1024 * 1024  # bytes of a run.json


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path), metavar="[RUN]")
@click.option(
    "-o",
    "--output",
    default="card.yaml",
    show_default=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The card to write; one that is there is not touched.",
)
def init(run: Path | None, output: Path) -> None:
    """Write a commented card to fill in. RUN is a run's folder, its run.json, or the predictions beside it.

    What the run's manifest says is filled in; the rest is left empty, and the board says what is missing.

    \b
    Examples:
      bench submit init runs/mine
      bench submit init runs/mine/predictions.jsonl -o runs/mine/card.yaml

    \b
    Exit codes: 0 done, 2 bad input or usage, 6 cannot write.
    """
    from datetime import UTC, datetime

    from bioreview_bench.errors import InputError
    from bioreview_bench.files.atomic import write_files

    from .card_draft import draft

    if output.exists():
        raise InputError(f"{output} is there already.", remedy="-o another file, or edit that one")
    manifest, predictions = _found(run)
    split = _split(manifest)
    text = draft(manifest, predictions=str(predictions), card=str(output), split=split, today=datetime.now(UTC).date())
    write_files({output: text.encode()})
    filled = f", begun from {predictions.parent / 'run.json'}" if manifest else ""
    click.echo(f"Wrote {output}{filled}.")
    click.echo(f"Next: fill it in, then bench submit {predictions} --card {output} --split {split} --dry-run")


def _found(run: Path | None) -> tuple[dict[str, Any], Path]:
    """(the manifest, empty when there is none; the predictions file)."""
    from bioreview_bench.errors import InputError

    if run is None:
        return {}, Path("predictions.jsonl")
    if not run.exists():
        raise InputError(f"There is no {run}.", remedy="name a run's folder, its run.json or its predictions")
    if run.is_dir():
        manifest, predictions = run / "run.json", run / "predictions.jsonl"
    elif run.name == "run.json":
        manifest, predictions = run, run.parent / "predictions.jsonl"
    else:
        manifest, predictions = run.parent / "run.json", run
    if not manifest.is_file():
        return {}, predictions
    return _read(manifest), predictions


def _read(manifest: Path) -> dict[str, Any]:
    from bioreview_bench.errors import InputError
    from bioreview_bench.files.jsonl import parse_object

    try:
        with manifest.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError(f"larger than {_LARGEST:,} bytes")
        return parse_object(content.decode("utf-8-sig"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"Cannot read {manifest}: {reason}.", remedy="mend or remove it") from error


def _split(manifest: dict[str, Any]) -> str:
    """The split that the run was made for (its label is data/split#fingerprint); test when it does not say."""
    from bioreview_bench.data.folder import SPLITS

    label = manifest.get("split", {}).get("label") if isinstance(manifest.get("split"), dict) else None
    name = str(label).partition("#")[0].rpartition("/")[2]
    return name if name in SPLITS else "test"
