"""A divided data set as a folder: train.jsonl, val.jsonl, test.jsonl and the manifest that says how they came about."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bioreview_bench.curation.split.make import SPLIT_NAMES, Division, Wish
from bioreview_bench.data.article import Article
from bioreview_bench.data.folder import data_files
from bioreview_bench.data.split import fingerprint
from bioreview_bench.errors import InputError
from bioreview_bench.files.atomic import make_folder, write_files
from bioreview_bench.files.jsonl import clean

MANIFEST = "split-manifest.json"


def check_new(folder: Path) -> None:
    """Refuse a folder that already holds a data set: a split that somebody may have used is never overwritten.

    Raises InputError.
    """
    taken = [*data_files(folder), folder / MANIFEST] if folder.is_dir() else [folder] if folder.exists() else []
    present = [path for path in taken if path.exists()]
    if present:
        raise InputError(
            f"{present[0]} exists already, and a split is never overwritten.", remedy="choose a new folder with -o"
        )


def write_split(folder: Path, articles: Sequence[Article], division: Division, wish: Wish) -> dict[str, Any]:
    """Write the splits that have articles, and the manifest last; returns the manifest. Raises InputError, WriteError.

    Rows are sorted by id and written field by field as read, so that the same input, wish and seed give the same bytes.
    """
    check_new(folder)
    by_id = {article.id: article for article in articles}
    members = {name: [by_id[i] for i in ids] for name, ids in division.splits.items() if ids}
    contents = {name: b"".join(_row(article) for article in rows) for name, rows in members.items()}
    manifest = _manifest(members, contents, division, wish)
    make_folder(folder)
    text = json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    write_files(
        {folder / f"{name}.jsonl": content for name, content in contents.items()} | {folder / MANIFEST: text.encode()}
    )
    return manifest


def _row(article: Article) -> bytes:
    row = clean(article.model_dump(mode="json", exclude_unset=True))
    return (json.dumps(row, ensure_ascii=False) + "\n").encode()


def _manifest(
    members: Mapping[str, Sequence[Article]], contents: Mapping[str, bytes], division: Division, wish: Wish
) -> dict[str, Any]:
    return {
        "wanted": {
            "test": dict(wish.counts) if wish.counts else None,
            "ratio": list(wish.ratio) if wish.ratio else None,
            "frozen_test": len(wish.frozen_ids) if wish.frozen_ids else None,
            "val": None if wish.ratio else wish.val,
            "seed": wish.seed,
            "by": list(wish.by),
            "after": wish.after,
        },
        "splits": {
            name: {
                "articles": len(rows),
                "by_source": dict(Counter(article.source for article in rows)),
                "references": sum(not concern.figure for article in rows for concern in article.concerns),
                "fingerprint": fingerprint(rows),
                "file": f"{name}.jsonl",
                "sha256": hashlib.sha256(contents[name]).hexdigest(),
                "ids": [article.id for article in rows],
            }
            for name in SPLIT_NAMES
            if (rows := members.get(name))
        },
        "families": {
            "n": len(division.families),
            "of_several": [list(family) for family in division.families if len(family) > 1],
        },
        "left_out": dict(sorted(division.left_out.items())),
        "leftovers": {"families_in_two_splits": len(division.crossing), "articles_unassigned": division.unassigned},
    }
