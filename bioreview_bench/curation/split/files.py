"""A divided data set as a folder: train.jsonl, val.jsonl, test.jsonl and the manifest that says how they came about."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bioreview_bench.curation.split.make import SPLIT_NAMES, Division, Wish, divide
from bioreview_bench.data.article import Article
from bioreview_bench.data.folder import data_files
from bioreview_bench.data.split import fingerprint
from bioreview_bench.errors import InputError
from bioreview_bench.files.atomic import make_folder, write_pieces
from bioreview_bench.files.jsonl import clean
from bioreview_bench.files.row_store import row_store

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


def split_articles(articles: Iterable[Article], folder: Path, wish: Wish) -> tuple[dict[str, Any], Division]:
    """Divide articles, and write the splits that have any and, last, the manifest; returns manifest and division.

    Rows are sorted by id and written field by field as read, so that the same input, wish and seed give the same bytes.
    `articles` are drawn once, and their texts are not held in memory. Raises InputError, DataError, WriteError.
    """
    check_new(folder)
    with row_store(folder) as rows:
        kept: dict[str, tuple[Article, int]] = {}
        for article in articles:
            kept[article.id] = article.without_texts(), rows.add(_row(article))
        division = divide([article for article, _ in kept.values()], wish)
        members = {name: [kept[article_id] for article_id in ids] for name, ids in division.splits.items() if ids}
        manifest = _manifest({name: [article for article, _ in each] for name, each in members.items()}, division, wish)
        for name, each in members.items():
            manifest["splits"][name]["sha256"] = _sha256(rows[number] for _, number in each)
        make_folder(folder)
        contents: dict[Path, Iterable[bytes]] = {
            folder / f"{name}.jsonl": (rows[number] for _, number in each) for name, each in members.items()
        }
        text = json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        write_pieces(contents | {folder / MANIFEST: [text.encode()]})
    return manifest, division


def _row(article: Article) -> bytes:
    row = clean(article.model_dump(mode="json", exclude_unset=True))
    return (json.dumps(row, ensure_ascii=False) + "\n").encode()


def _sha256(rows: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for row in rows:
        total.update(row)
    return total.hexdigest()


def _manifest(members: Mapping[str, Sequence[Article]], division: Division, wish: Wish) -> dict[str, Any]:
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
