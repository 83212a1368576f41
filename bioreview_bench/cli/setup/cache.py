"""`bench cache`: what is cached, and clearing it. Downloaded data, pins and fetch records are not touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import cannot_write
from bioreview_bench.files.paths import cache_root, controls_root, vectors_root


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cache() -> None:
    """Show or clear what is cached (vectors, and counts of control reviewers).

    \b
    Examples:
      bench cache info
      bench cache clear --yes
    """


@cache.command()
@options.format_option("text", "json")
def info(form: str) -> None:
    """Show what is cached and where.

    \b
    Examples:
      bench cache info
      bench cache info --format json
    """
    from bioreview_bench.encoders.cache import describe

    # Journals of writers at work are no caches, and an empty file is one that was never filled.
    vectors = [describe(path) for path in _files(vectors_root(), "*.sqlite") if path.stat().st_size]
    controls = _files(controls_root(), "*.json")
    found: dict[str, Any] = {
        "folder": str(cache_root()),
        "vectors": vectors,
        "controls": {"n": len(controls), "bytes": sum(path.stat().st_size for path in controls)},
    }
    if form == "json":
        options.show_json(found)
        return
    from bioreview_bench.report.blocks import Block, Facts, Table

    shown: list[Block] = [Facts([("Folder", found["folder"]), ("Stored control scores", str(len(controls)))])]
    if vectors:
        rows = [
            [row["encoder"], str(row["max_length"]), f"{row['n']:,}", f"{row['bytes'] / 1e6:,.1f} MB"]
            for row in vectors
        ]
        shown.append(Table("Vectors", ["encoder", "max length", "texts", "size"], rows))
    options.show(shown)


@cache.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(yes: bool) -> None:
    """Delete cached vectors and control scores.

    They are computed again when they are needed.

    \b
    Examples:
      bench cache clear
    """
    files = [*_files(vectors_root(), "*.sqlite*"), *_files(controls_root(), "*.json")]
    size = sum(path.stat().st_size for path in files)
    if not files:
        click.echo(f"Nothing is cached in {cache_root()}.")
        return
    if not yes:
        question = f"Delete {len(files)} files ({size / 1e6:,.1f} MB) in {cache_root()}?"
        options.require_yes(question, "Nothing was deleted: it takes a yes.")
    for path in files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(path, error) from error
    click.echo(f"Deleted {len(files)} files ({size / 1e6:,.1f} MB).")


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern)) if folder.is_dir() else []
