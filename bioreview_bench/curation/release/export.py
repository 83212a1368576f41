"""`bench data export`: a data set as a folder that can be uploaded, and checked after a download."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from bioreview_bench.curation.release.describe import Released, card, croissant, eval_yaml
from bioreview_bench.curation.release.rows import configurations
from bioreview_bench.curation.release.tables import json_lines, parquet_files, schema_of
from bioreview_bench.data.article import Article
from bioreview_bench.data.split import fingerprint
from bioreview_bench.errors import InputError
from bioreview_bench.files.atomic import make_folder, write_files

MANIFEST, CHECKSUMS = "release.json", "SHA256SUMS"
FORMATS = ("parquet", "jsonl", "both")


def export(
    splits: Mapping[str, Sequence[Article]],
    folder: Path,
    name: str,
    held_out: Collection[str],
    *,
    withhold: bool,
    form: str = "parquet",
) -> dict[str, Any]:
    """Write the release into a new folder; returns its manifest. Raises InputError, WriteError.

    With `form` "both" the JSON Lines lie under `jsonl/`, since a folder holds a split once. The same articles give the
    same bytes with the same libraries.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"{folder} exists already, and a release is never overwritten.", remedy="choose a new folder with -o"
        )
    shown = configurations(splits, held_out, withhold=withhold)
    contents: dict[str, bytes] = {}
    columns: dict[str, dict[str, str]] = {}
    for configuration, by_split in shown.items():
        schema, _ = schema_of(row for rows in by_split.values() for row in rows)
        columns[configuration] = {field.name: str(field.type) for field in schema}
        if form in ("parquet", "both"):
            for split, data in parquet_files(by_split).items():
                contents[f"data/{configuration}/{split}.parquet"] = data
        if form in ("jsonl", "both"):
            root = "jsonl" if form == "both" else "data"
            for split, rows in by_split.items():
                contents[f"{root}/{configuration}/{split}.jsonl"] = json_lines(rows)
    sizes = {path: (len(data), hashlib.sha256(data).hexdigest()) for path, data in contents.items()}
    counted = {name: {split: len(rows) for split, rows in by_split.items()} for name, by_split in shown.items()}
    release = Released(name, splits, held_out, withhold, sizes, counted)
    contents["README.md"] = card(release).encode()
    contents["eval.yaml"] = eval_yaml(release).encode()
    contents["croissant.json"] = _json(croissant(release, columns))
    manifest = {
        "name": name,
        "held_out": sorted(set(held_out) & splits.keys()),
        "withheld": withhold,
        "splits": {split: {"articles": len(rows), "fingerprint": fingerprint(rows)} for split, rows in splits.items()},
        "configurations": counted,
    }
    contents[MANIFEST] = _json(manifest)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in sorted(contents.items()))
    contents[CHECKSUMS] = sums.encode()
    for path in contents:
        make_folder((folder / path).parent)
    write_files({folder / path: data for path, data in contents.items()})
    return manifest


def wrong_checksums(folder: Path) -> list[str]:
    """What differs from SHA256SUMS, in words; [] when every file is there, unchanged, and listed.

    Raises InputError when the folder is no release.
    """
    from bioreview_bench.files.reading import file_sha256, read_text

    text = read_text(folder / CHECKSUMS, InputError, "name a folder that bench data export or public made")
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


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()
