"""`bench encoder`: what is available, how to get it, and whether it works."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli import options


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def encoder() -> None:
    """List, fetch and check encoders."""


@encoder.command("list")
@options.format_option("text", "json")
def list_encoders(form: str) -> None:
    """Show which encoders there are, whether each is on this machine, and its weights' sha256."""
    from bioreview_bench.encoders.files import fetch_command, resolve_spec
    from bioreview_bench.encoders.registry import all_specs
    from bioreview_bench.errors import EncoderError

    found: list[dict[str, Any]] = []
    for spec in all_specs():
        row: dict[str, Any] = {
            "name": spec.alias or spec.id,
            "id": spec.id,
            "revision": spec.revision,
            "max_length": spec.max_length,
        }
        try:
            files = resolve_spec(spec)
            row |= {"available": True, "verified": files.verified, "weights_sha256": files.weights_sha256, "get": None}
        except EncoderError:
            get = spec.install or fetch_command(spec)
            row |= {"available": False, "verified": False, "weights_sha256": None, "get": get}
        found.append(row)
    if form == "json":
        click.echo(json.dumps(found))
        return
    from bioreview_bench.report.blocks import Table
    from bioreview_bench.report.terminal import print_blocks

    rows = [
        [row["name"], row["id"], (row["revision"] or "-")[:8], (row["weights_sha256"] or "-")[:8], _state(row)]
        for row in found
    ]
    print_blocks([Table("Encoders", ["name", "id", "revision", "weights", "state"], rows)], sys.stdout)


@encoder.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Download the encoder NAME at its pinned revision and verify it against the Hub's checksums.

    \b
    Examples:
      bench encoder fetch specter2
      bench encoder fetch hf:OWNER/MODEL@COMMIT
    """
    from bioreview_bench.encoders.fetch import fetch as fetch_files
    from bioreview_bench.encoders.registry import find_spec

    folder = fetch_files(find_spec(name))
    click.echo(f"{name} is in {folder}, every file verified.")


@encoder.command()
@click.argument("name", default="specter2")
@click.option("--encoder-path", type=click.Path(path_type=Path), metavar="DIR", help="Where its files are.")
@options.format_option("text", "json")
def check(name: str, encoder_path: Path | None, form: str) -> None:
    """Load the encoder NAME, hash its weights, and encode a canary pair of sentences.

    \b
    Examples:
      bench encoder check minilm
      bench encoder check specter2 --encoder-path /my/specter2_base
    """
    from bioreview_bench.encoders.files import resolve_spec
    from bioreview_bench.encoders.model import LocalEncoder
    from bioreview_bench.encoders.registry import CANARY_TEXTS, find_spec
    from bioreview_bench.errors import EncoderError

    spec = find_spec(name)
    files = resolve_spec(spec, encoder_path)
    loaded = LocalEncoder(files, spec.max_length)
    left, right = loaded.encode(CANARY_TEXTS)
    canary = float(left @ right)
    if spec.canary is not None and abs(canary - spec.canary) > 1e-3:
        raise EncoderError(
            f"{spec.id} gives the canary pair {canary:.4f}; {spec.canary:.4f} is expected.",
            remedy="install the versions of constraints.txt, then check again",
        )
    found = {
        "id": files.id,
        "folder": str(files.folder),
        "weights": files.weights.name,
        "weights_sha256": files.weights_sha256,
        "verified": files.verified,
        "dimensions": len(left),
        "device": loaded.device,
        "canary_similarity": round(canary, 4),
    }
    if form == "json":
        click.echo(json.dumps(found))
        return
    from bioreview_bench.report.blocks import Facts
    from bioreview_bench.report.terminal import print_blocks

    print_blocks([Facts([(key, str(value)) for key, value in found.items()])], sys.stdout)


def _state(row: dict[str, Any]) -> str:
    if not row["available"]:
        return f"absent: {row['get']}"
    return "ready, verified" if row["verified"] else "ready, not verified"
