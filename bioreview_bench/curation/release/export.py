"""`bench data export`: a data set as a folder that can be uploaded, and checked after a download."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from bioreview_bench.curation.release.describe import Released, card, croissant, eval_yaml
from bioreview_bench.curation.release.rows import check_apart, check_withheld, configurations, keep_rows
from bioreview_bench.curation.release.tables import schema_of, write_json_lines, write_parquet
from bioreview_bench.data.article import Article
from bioreview_bench.data.split import fingerprint
from bioreview_bench.errors import DataError, InputError
from bioreview_bench.files.atomic import new_folder
from bioreview_bench.files.jsonl import clean
from bioreview_bench.files.row_store import row_store

MANIFEST, CHECKSUMS = "release.json", "SHA256SUMS"


def export(
    splits: Mapping[str, Iterable[Article]],
    folder: Path,
    name: str,
    held_out: Collection[str],
    *,
    withhold: bool,
    form: str = "parquet",
) -> dict[str, Any]:
    """Write the release into a new folder; returns its manifest. Raises InputError, DataError, WriteError.

    With `form` "both" the JSON Lines lie under `jsonl/`, since a folder holds a split once. The same articles give the
    same bytes with the same libraries. A folder that cannot be written whole is not there. Articles are drawn once, and
    their texts are not held in memory.
    """
    with new_folder(folder) as unfinished, row_store(folder) as store:
        kept = keep_rows(splits, store)
        articles = {split: list(members.values()) for split, members in kept.items()}
        check_apart(articles, held_out, withhold=withhold)
        if withhold:
            check_withheld(kept, store, held_out)
        shown = configurations(kept, store, held_out, withhold=withhold)
        schemas = {}
        for configuration, by_split in shown.items():
            schema = schemas[configuration] = schema_of(itertools.chain(*by_split.values()))
            for split, rows in by_split.items():
                if form != "jsonl":
                    write_parquet(_path(unfinished, "data", configuration, f"{split}.parquet"), rows, schema)
                if form != "parquet":
                    root = "jsonl" if form == "both" else "data"
                    write_json_lines(_path(unfinished, root, configuration, f"{split}.jsonl"), rows, schema)
        counted = {name: {split: len(rows) for split, rows in by_split.items()} for name, by_split in shown.items()}
        release = Released(clean(name), articles, held_out, withhold, checksums(unfinished), counted, schemas)
        manifest = {
            "name": release.name,
            "held_out": sorted(set(held_out) & articles.keys()),
            "withheld": withhold,
            "splits": {
                split: {"articles": len(rows), "fingerprint": fingerprint(rows)} for split, rows in articles.items()
            },
            "configurations": counted,
        }
        (unfinished / "README.md").write_text(card(release), encoding="utf-8")
        (unfinished / "eval.yaml").write_text(eval_yaml(release), encoding="utf-8")
        _write_json(unfinished / "croissant.json", croissant(release))
        _write_json(unfinished / MANIFEST, manifest)
        write_checksums(unfinished)
    return manifest


def checksums(folder: Path) -> dict[str, tuple[int, str]]:
    """(bytes, sha256) of every file below a folder, by path; each is on the disk afterwards. Raises OSError."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as stream:
            found[path.relative_to(folder).as_posix()] = (
                path.stat().st_size,
                hashlib.file_digest(stream, "sha256").hexdigest(),
            )
            os.fsync(stream.fileno())
    return found


def write_checksums(folder: Path) -> None:
    """Write SHA256SUMS of all that is in a folder. Raises OSError."""
    lines = [f"{sha256}  {path}\n" for path, (_, sha256) in checksums(folder).items()]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def wrong_checksums(folder: Path) -> list[str]:
    """What differs from SHA256SUMS, in words; [] when every file is there, unchanged, and listed.

    Raises DataError when the folder is no release.
    """
    from bioreview_bench.files.reading import file_sha256, read_text

    text = read_text(folder / CHECKSUMS, DataError, "name a folder that bench data export or public made")
    lines = (line.partition("  ") for line in text.splitlines())
    listed = {name: sha256 for sha256, _, name in lines if name}
    there = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() or p.is_symlink()} - {CHECKSUMS}
    found = [f"{name} is not there" for name in sorted(listed.keys() - there)]
    found += [f"{name} is not listed" for name in sorted(there - listed.keys())]
    found += [
        f"{name} has changed"
        for name in sorted(listed.keys() & there)
        if file_sha256(folder / name, InputError) != listed[name]
    ]
    return found


def _path(folder: Path, *parts: str) -> Path:
    path = folder.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
