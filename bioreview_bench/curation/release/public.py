"""`bench data public`: ids and labels without texts, which anybody may have.

Fields are chosen by whitelist; then everything written is read again and scanned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from bioreview_bench.curation.release.describe import HUB_SPLITS
from bioreview_bench.curation.release.export import write_checksums
from bioreview_bench.curation.release.rows import check_apart
from bioreview_bench.data.article import Article
from bioreview_bench.errors import DataError, Problem, printable
from bioreview_bench.files.atomic import new_folder
from bioreview_bench.files.jsonl import clean

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
_DATE = re.compile(r"\d{4}(?:-\d\d(?:-\d\d)?)?(?:[T ][\d:.Z+-]{1,20})?")
_LICENCE = re.compile(
    r"https?://\S+|©|\(c\)|\b(?:CC|Creative Commons|public domain|licen[cs]ed?|copyright|rights reserved"
    r"|MIT|GPL|Apache|ODC)(?:\b|(?=\d))",
    re.IGNORECASE,
)
_LICENCE_WORDS = 12
_TOO_FEW_WORDS = 3  # to be a text: "unknown", "not stated"
_ALLOWED = frozenset((*INDEX, *ANNOTATION))
_IDS = ("id", "doi", "article_id", "concern_id")
_LONGEST = 120  # characters of a value: ids, labels, addresses


def write_public(drawn: Mapping[str, Iterable[Article]], folder: Path, held_out: Set[str]) -> dict[str, int]:
    """Write index and annotations into a new folder; rows by file. Annotations of held-out splits are left out.

    Articles are drawn once, and their texts are not held in memory. Raises DataError when a value is too long to be an
    id or a label, InputError, WriteError.
    """
    splits = {name: [article.without_texts() for article in members] for name, members in drawn.items()}
    check_apart(splits, held_out, withhold=bool(held_out & splits.keys()))
    files: dict[str, list[dict[str, Any]]] = {}
    for name, articles in splits.items():
        ordered = sorted(articles, key=lambda article: article.id)
        files[f"data/index/{HUB_SPLITS[name]}.jsonl"] = [_index(article, name) for article in ordered]
        if name not in held_out:
            rows = [row for article in ordered for row in _annotations(article)]
            files[f"data/annotations/{HUB_SPLITS[name]}.jsonl"] = rows
    contents = {
        path: "".join(json.dumps(clean(row), ensure_ascii=False) + "\n" for row in rows).encode()
        for path, rows in files.items()
    }
    problems = [problem for path, data in contents.items() for problem in scan(path, data)]
    if problems:
        raise DataError(
            "Nothing was written, for this is not free of texts.",
            problems=[Problem(problem) for problem in problems],
            remedy="fix these fields",
        )
    with new_folder(folder) as unfinished:
        for path, data in contents.items():
            (unfinished / path).parent.mkdir(parents=True, exist_ok=True)
            (unfinished / path).write_bytes(data)
        write_checksums(unfinished)
    return {path: len(rows) for path, rows in files.items()}


def scan(path: str, data: bytes) -> Iterator[str]:
    """What in JSON Lines is not an id or a label: keys outside the whitelist or blocked, nested or long values."""
    lines = data.decode().split("\n")  # and at no other line end of Unicode, which a string may hold
    for number, line in enumerate(filter(None, lines), 1):
        for key, value in json.loads(line).items():
            if key not in _ALLOWED or any(part in key for part in BLOCKED):
                yield f"{path} line {number}: the key {printable(key)}"
            elif isinstance(value, dict | list):
                yield f"{path} line {number}: {key} is not a single value"
            elif isinstance(value, str) and not value.isprintable():
                yield f"{path} line {number}: {key} has a character that ids and labels do not have"
            elif isinstance(value, str) and len(value) > _LONGEST:
                yield f"{path} line {number}: {key} is too long to be an id or a label ({len(value)} characters)"
            elif isinstance(value, str) and key in _IDS and " " in value:
                yield f"{path} line {number}: {key} has spaces, so it is no id"
            elif key == "published_date" and not _DATE.fullmatch(str(value)):
                yield f"{path} line {number}: published_date is no date"
            elif key == "license" and not _is_licence(str(value)):
                yield f"{path} line {number}: license is not the name or address of one"


def _is_licence(text: str) -> bool:
    n_words = len(text.split())
    return n_words <= _TOO_FEW_WORDS or (n_words <= _LICENCE_WORDS and _LICENCE.search(text) is not None)


def _index(article: Article, split: str) -> dict[str, Any]:
    row = {name: getattr(article, name) for name in INDEX if name != "split"}
    return {**{name: value for name, value in row.items() if value is not None}, "split": HUB_SPLITS[split]}


def _annotations(article: Article) -> Iterator[dict[str, Any]]:
    for concern in article.concerns:
        row = {name: getattr(concern, name) for name in ANNOTATION if name != "article_id"}
        yield {"article_id": article.id, **{name: value for name, value in row.items() if value is not None}}
