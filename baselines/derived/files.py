"""Predictions made from other predictions: where they may be written, and the manifest that says what was done.

A manifest (`run.json`) speaks for the predictions beside it, so two files never share a folder.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from bioreview_bench.data.load import BUNDLED_DATA
from bioreview_bench.data.predictions import read_predictions
from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.atomic import check_writable, make_folder, write_files
from bioreview_bench.files.jsonl import read_rows
from bioreview_bench.files.reading import find_json
from bioreview_bench.llm.run.manifest import SCHEMA_VERSION
from bioreview_bench.results.provenance import package_version
from bioreview_bench.results.run_manifest import MANIFEST, ROWS, run_of

NONE = "none"


def read_source(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(rows as they stand in the file, its name and sha256). Raises InputError with all problems of the file."""
    checked = read_predictions(path)
    rows = [row for _, row in read_rows(path, InputError) if not isinstance(row, Problem)]
    return rows, {"file": path.name, "sha256": checked.sha256}


def run_beside(source: Path) -> dict[str, Any]:
    """The manifest of the predictions in `source`, empty where there is none; stderr says when one is ignored."""
    found = run_of(source)
    if found.ignored:
        click.echo(found.ignored, err=True)
    return dict(found.said)


def empty_manifest(name: str, reviewer: Mapping[str, Any]) -> dict[str, Any]:
    """The least that a manifest says; `reviewer` describes who wrote the predictions, as far as it is known."""
    return {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "reviewer": dict(reviewer),
        "postprocessing": NONE,
        "package": package_version(),
    }


def chained(earlier: Any, label: str) -> str:
    """The name of what was done first and then."""
    return label if earlier in (None, "", NONE) else f"{earlier}+{label}"


@contextmanager
def destination(output: Path, sources: Sequence[Path]) -> Iterator[None]:
    """`check_destination` before the work; after work that failed, none of the folders made for it is left."""
    made = [folder for folder in output.parents if not folder.exists()]
    try:
        check_destination(output, sources)
        yield
    finally:
        for folder in made:
            with suppress(OSError):  # something is in it
                folder.rmdir()


def check_destination(output: Path, sources: Sequence[Path]) -> None:
    """Make the folder of `output`, if need be, and fail now rather than after the work.

    Raises InputError when `output` is a folder or one of the sources, or would share a folder, and so a manifest,
    with one of them or with a run, or holds predictions of unknown origin; WriteError when it cannot be written.
    """
    if output.is_dir():
        raise InputError(f"{output} is a folder.", remedy=f"-o {output / 'predictions.jsonl'}")
    if any(output.resolve() == source.resolve() for source in sources):
        raise InputError(f"{output} is an input; it is not overwritten.", remedy=_elsewhere(output))
    if any(output.resolve().parent == source.resolve().parent for source in sources):
        raise InputError(
            f"{output} would share {MANIFEST} with the predictions that it is made from.", remedy=_elsewhere(output)
        )
    if output.name == MANIFEST:
        raise InputError(f"{output} is the manifest's name.", remedy=f"-o {output.with_name(ROWS)}")
    beside = output.parent / MANIFEST
    manifest = find_json(beside, InputError, f"{_elsewhere(output)}, or fix or remove {beside}")
    if manifest is None and output.exists():
        raise InputError(f"{output} exists, and no {MANIFEST} says what it is.", remedy=_elsewhere(output))
    if manifest is not None and "derived_from" not in manifest:
        raise InputError(f"{output.parent} holds a run, whose {MANIFEST} would be lost.", remedy=_elsewhere(output))
    if manifest is not None and (not output.exists() or run_of(output).ignored):
        raise InputError(f"{beside} describes other predictions than {output.name}.", remedy=_elsewhere(output))
    make_folder(output.parent)
    check_writable(output)
    check_writable(output.parent / MANIFEST)


def evaluate_command(output: Path, sources: Sequence[str], manifests: Sequence[Mapping[str, Any] | None]) -> str:
    """How to score `output`: on the data of the runs that it was made from, where they are known and the same.

    `sources` are as the user named them (`demo:NAME` are predictions for demo/test, `known:NAME` for known/test),
    `manifests` what stands beside.
    """
    known = {_data(source, manifest) for source, manifest in zip(sources, manifests, strict=True)}
    data, split = known.pop() if len(known) == 1 else ("DATA", "SPLIT")
    return shlex.join(["bench", "evaluate", str(output), "--data", data, "--split", split])


def _data(source: str, manifest: Mapping[str, Any] | None) -> tuple[str, str]:
    data, colon, _ = source.partition(":")
    if colon and data in BUNDLED_DATA:
        return data, "test"
    settings = (manifest or {}).get("settings")
    request = settings.get("request") if isinstance(settings, Mapping) else None
    found = [request.get(key) if isinstance(request, Mapping) else None for key in ("data", "split")]
    data, split = (
        value if isinstance(value, str) else name for value, name in zip(found, ("DATA", "SPLIT"), strict=True)
    )
    return data, split


def write_derived(output: Path, rows: Iterable[Mapping[str, Any]], manifest: Mapping[str, Any]) -> None:
    """Write predictions and manifest, both or neither. Raises InputError, WriteError."""
    lines = [_line(row) for row in rows]
    # A lone surrogate in a field that is only carried along is written as the escape that JSON has for it.
    content = "".join(lines).encode("utf-8", "backslashreplace")
    described = {**manifest, "predictions": {"file": output.name, "sha256": hashlib.sha256(content).hexdigest()}}
    text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
    write_files({output.parent / MANIFEST: text.encode("utf-8", "backslashreplace"), output: content})


def _line(row: Mapping[str, Any]) -> str:
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError as error:
        raise InputError(
            f"The row for {printable(row.get('article_id'))} contains a number beyond JSON's range.",
            remedy="remove that field",
        ) from error


def _elsewhere(output: Path) -> str:
    return f"-o {output.parent / f'{output.stem}-post' / 'predictions.jsonl'}"
