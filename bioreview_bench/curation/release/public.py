"""`bench data public`: ids and labels without texts, which anybody may have.

Fields are chosen by whitelist; then everything written is read again and scanned.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bioreview_bench.curation.release.describe import HUB_SPLITS
from bioreview_bench.curation.release.export import CHECKSUMS
from bioreview_bench.data.article import Article
from bioreview_bench.errors import DataError, InputError, printable
from bioreview_bench.files.atomic import make_folder, write_files

INDEX = ("id", "doi", "source", "published_date", "license", "review_format", "split")
ANNOTATION = (
    "article_id",
    "concern_id",
    "reviewer_num",
    "category",
    "severity",
    "author_stance",
    "evidence_of_change",
    "raised_by_multiple",
    "requires_figure_reading",
)
# A key with one of these anywhere in it is text of a paper or a review.
BLOCKED = (
    "text",
    "title",
    "abstract",
    "letter",
    "response",
    "section",
    "raw",
    "reference",
    "body",
    "comment",
)
_ALLOWED = frozenset((*INDEX, *ANNOTATION))
_LONGEST = 120  # characters of a value: ids, labels, addresses


def write_public(splits: Mapping[str, Sequence[Article]], folder: Path, held_out: Collection[str]) -> dict[str, int]:
    """Write index and annotations into a new folder; rows by file. Annotations of held-out splits are left out.

    Raises DataError when a value is too long to be an id or a label, InputError, WriteError.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists already.", remedy="choose a new folder with -o")
    files: dict[str, list[dict[str, Any]]] = {}
    for name, articles in splits.items():
        ordered = sorted(articles, key=lambda article: article.id)
        files[f"data/index/{HUB_SPLITS[name]}.jsonl"] = [_index(article, name) for article in ordered]
        if name not in held_out:
            rows = [row for article in ordered for row in _annotations(article)]
            files[f"data/annotations/{HUB_SPLITS[name]}.jsonl"] = rows
    contents = {
        path: "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode() for path, rows in files.items()
    }
    problems = [problem for path, data in contents.items() for problem in scan(path, data)]
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems[:10])
        raise DataError(f"Nothing was written, for this is not free of texts:\n{listed}", remedy="fix these fields")
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in sorted(contents.items()))
    for path in contents:
        make_folder((folder / path).parent)
    write_files({**{folder / path: data for path, data in contents.items()}, folder / CHECKSUMS: sums.encode()})
    return {path: len(rows) for path, rows in files.items()}


def scan(path: str, data: bytes) -> Iterator[str]:
    """What in JSON Lines is not an id or a label: keys outside the whitelist or blocked, nested or long values."""
    for number, line in enumerate(data.decode().splitlines(), 1):
        for key, value in json.loads(line).items():
            if key not in _ALLOWED or any(part in key for part in BLOCKED):
                yield f"{path} line {number}: the key {printable(key)}"
            elif isinstance(value, dict | list):
                yield f"{path} line {number}: {key} is not a single value"
            elif isinstance(value, str) and (len(value) > _LONGEST or "\n" in value):
                yield f"{path} line {number}: {key} is too long to be an id or a label ({len(value)} characters)"


def _index(article: Article, split: str) -> dict[str, Any]:
    row = {name: getattr(article, name) for name in INDEX if name != "split"}
    return {**{name: value for name, value in row.items() if value is not None}, "split": HUB_SPLITS[split]}


def _annotations(article: Article) -> Iterator[dict[str, Any]]:
    for concern in article.concerns:
        row = {name: getattr(concern, name) for name in ANNOTATION if name != "article_id"}
        yield {"article_id": article.id, **{name: value for name, value in row.items() if value is not None}}
