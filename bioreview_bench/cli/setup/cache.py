"""`bench cache`: what is kept in the cache folder, by kind, and deleting a kind."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import cannot_write
from bioreview_bench.files import paths
from bioreview_bench.files.lock import LOCK, lock_folder


@dataclass(frozen=True)
class CacheKind:
    """Something that is kept: where, what it is, and whether it is made again at no cost when it is needed."""

    folder: Callable[[], Path]
    text: str
    again: bool = False


KINDS = {
    "vectors": CacheKind(paths.vectors_root, "embeddings", again=True),
    "controls": CacheKind(paths.controls_root, "scores of controls", again=True),
    "judgements": CacheKind(paths.judgements_root, "judges' answers (paid for)"),
    "extractions": CacheKind(paths.extractions_root, "concerns found by models (paid for)"),
    "data": CacheKind(paths.data_root, "downloaded data sets"),
    "cards": CacheKind(paths.cards_root, "validity cards of judges"),
    "encoders": CacheKind(paths.fetch_records_root, "checksums of fetched encoders"),
    "pins": CacheKind(paths.pins_root, "hashes of released data"),
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cache() -> None:
    """Show or clear what is kept: vectors, control scores, models' answers, downloads, records.

    \b
    Examples:
      bench cache info
      bench cache clear --yes
      bench cache clear extractions
    """


@cache.command()
@options.format_option("text", "json")
def info(form: str) -> None:
    """Show what is kept, and where, by kind.

    \b
    Examples:
      bench cache info
      bench cache info --format json
    """
    from bioreview_bench.encoders.cache import describe

    # Journals of writers at work are no caches, and an empty file is one that was never filled.
    vectors = [describe(path) for path in sorted(paths.vectors_root().glob("*.sqlite")) if path.stat().st_size]
    kept = {name: {"folder": str(kind.folder()), **_size(kind)} for name, kind in KINDS.items()}
    controls = {name: kept["controls"][name] for name in ("n", "bytes")}
    if form == "json":
        folder = str(paths.cache_root())
        options.show_json({"folder": folder, "vectors": vectors, "controls": controls, "kinds": kept})
        return
    from bioreview_bench.report.blocks import Block, Facts, Table

    rows = [[name, KINDS[name].text, f"{found['n']:,}", _megabytes(found["bytes"])] for name, found in kept.items()]
    shown: list[Block] = [
        Facts([("Folder", str(paths.cache_root()))]),
        Table("Kept", ["kind", "what", "files", "size"], rows),
    ]
    if vectors:
        rows = [[row["encoder"], str(row["max_length"]), f"{row['n']:,}", _megabytes(row["bytes"])] for row in vectors]
        shown.append(Table("Vectors", ["encoder", "max length", "texts", "size"], rows))
    options.show(shown)


@cache.command()
@click.argument("kinds", nargs=-1, type=click.Choice(list(KINDS)), metavar="[KIND]...")
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(kinds: tuple[str, ...], yes: bool) -> None:
    """Delete kinds of files; without KIND vectors and control scores.

    These two are computed again when they are needed. Other kinds cost money, a download or a person's work to have
    again, so they are deleted only when they are named: judgements, extractions, data, cards, encoders, pins. Nothing
    is deleted of answers that another process is writing.

    \b
    Examples:
      bench cache clear
      bench cache clear judgements extractions
    """
    chosen = list(dict.fromkeys(kinds)) or [name for name, kind in KINDS.items() if kind.again]
    found = {name: _size(KINDS[name]) for name in chosen}
    n, size = (sum(each[what] for each in found.values()) for what in ("n", "bytes"))
    if not n:
        click.echo(f"Nothing is cached in {paths.cache_root()} of {', '.join(chosen)}.")
        return
    if not yes:
        listed = ", ".join(f"{KINDS[name].text} ({_megabytes(each['bytes'])})" for name, each in found.items())
        question = f"Delete {n:,} files in {paths.cache_root()}: {listed}?"
        options.require_yes(question, "Nothing was deleted: it takes a yes.")
    for name in chosen:
        with _unused(KINDS[name].folder()) as folder:
            _delete(folder)
    click.echo(f"Deleted {n:,} files ({_megabytes(size)}).")


def _size(kind: CacheKind) -> dict[str, Any]:
    sizes = []
    for path in kind.folder().rglob("*"):
        try:
            if path.is_file() and path.name != LOCK:
                sizes.append(path.stat().st_size)
        except FileNotFoundError:  # a journal of a writer that has just ended
            continue
    return {"n": len(sizes), "bytes": sum(sizes)}


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


@contextmanager
def _unused(folder: Path) -> Iterator[Path]:
    """The folder while nobody can write to a run below it. Raises InputError when somebody does."""
    locks = []
    try:
        for path in sorted(folder.rglob(LOCK)):
            locks.append(lock_folder(path.parent, "wait until it has ended"))
        yield folder
    finally:
        for lock in locks:
            lock.release()


def _delete(folder: Path) -> None:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(path, error) from error
