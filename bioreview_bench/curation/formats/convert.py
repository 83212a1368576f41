"""From a data set to a data folder: whole or not at all.

`articles.jsonl`, `splits.json` where the data set has splits, `judged_pairs.jsonl` where it has labels, and
`import.json`, which says where all of it comes from. Rows are written as they are converted, into a folder beside the
one that is wanted, which takes its place at the end.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from bioreview_bench.curation.extraction.rules import RULES, extract_by_rules
from bioreview_bench.curation.formats.raw import SHORTEST, RawArticle, shortened
from bioreview_bench.curation.formats.registry import Converter, canonical_name
from bioreview_bench.curation.formats.source import DataSource
from bioreview_bench.data.article import Article
from bioreview_bench.data.folder import SPLITS
from bioreview_bench.errors import DataError, InputError, cannot_write, reasons
from bioreview_bench.files.atomic import make_folder, write_json
from bioreview_bench.files.jsonl import clean

MANIFEST = "import.json"
_PLACES = 1000  # places of rows that were left out, in the manifest


@dataclass
class _Written:
    """What has been written, and what is said of it in the manifest."""

    by_source: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    splits: dict[str, list[str]] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)


def convert(
    name: str, converter: Converter, source: DataSource, output: Path, *, split_reviews: bool, skip: int
) -> dict[str, Any]:
    """Convert a data set into the folder `output`, which must not exist or be empty; returns the manifest.

    With `split_reviews`, rules find the concerns of whole reviews. Raises InputError when rows are wrong and there are
    not exactly `skip` of them, or when the folder is taken; DataError when nothing is found; WriteError.
    """
    _check_new(output)
    written = _Written()
    with _folder_beside(output) as folder:
        with (
            (folder / "articles.jsonl").open("w", encoding="utf-8") as articles,
            (folder / "judged_pairs.jsonl").open("w", encoding="utf-8") as pairs,
        ):
            for raw in converter(source):
                _write_article(raw, source, written, (articles, pairs), split_reviews=split_reviews)
        _check_problems(source, skip)
        if not written.first:
            raise DataError(
                f"No article was found in {source.path}, read as {name}.",
                remedy="bench data import --list says what each format reads",
            )
        if not written.counts["judged_texts"]:
            (folder / "judged_pairs.jsonl").unlink()
        if written.splits:
            ordered = {split: written.splits[split] for split in SPLITS if split in written.splits}
            write_json(folder / "splits.json", ordered)
        manifest = _manifest(name, source, written, split_reviews=split_reviews)
        write_json(folder / MANIFEST, manifest)
        _into_place(folder, output)
    return manifest


def _write_article(
    raw: RawArticle, source: DataSource, written: _Written, files: tuple[TextIO, TextIO], *, split_reviews: bool
) -> None:
    row = raw.row()
    article_id = row["id"]
    if article_id in written.first:
        source.wrong(raw.where, f"a second article {article_id} (the first is at {written.first[article_id]})")
        return
    ids = _concern_ids(raw, article_id, source)
    if raw.concerns is not None:
        row["concerns"] = [
            {"concern_id": concern_id, "concern_text": shortened(concern.text), "reviewer_num": concern.reviewer}
            | concern.more
            for concern, concern_id in zip(raw.concerns, ids, strict=True)
            if concern_id is not None
        ]
    try:
        article = Article.model_validate(clean(row))
    except ValidationError as error:
        source.wrong(raw.where, *reasons(error))
        return
    if split_reviews and raw.concerns is None and article.decision_letter_raw:
        found = extract_by_rules(article)
        article = article.model_copy(update={"concerns": found, "extraction_manifest_id": RULES})
    written.first[article_id] = raw.where
    written.by_source[article.source] += 1
    written.counts["reviews"] += len(raw.reviews)
    written.counts["concerns"] += len(article.concerns)
    written.counts["without_concerns"] += not article.reviewed
    if raw.concerns is not None:
        written.counts["shortened"] += sum(shortened(one.text) != one.text.strip() for one in raw.concerns)
    if raw.split is not None:
        written.splits.setdefault(raw.split, []).append(article_id)
    _write_row(files[0], article.model_dump(mode="json", exclude_unset=True))
    for pair in _pairs(raw, article_id, ids, source):
        written.counts["judged_texts"] += 1
        _write_row(files[1], pair)


def _concern_ids(raw: RawArticle, article_id: str, source: DataSource) -> list[str | None]:
    """An id for each concern; None for one that is too short to be one, which is counted."""
    numbers: Counter[int] = Counter()
    ids: list[str | None] = []
    for concern in raw.concerns or ():
        if len(concern.text.strip()) < SHORTEST:
            source.left_out[f"concerns of fewer than {SHORTEST} characters"] += 1
            ids.append(None)
            continue
        numbers[concern.reviewer] += 1
        ids.append(f"{article_id}:R{concern.reviewer}C{numbers[concern.reviewer]}")
    return ids


def _pairs(raw: RawArticle, article_id: str, ids: list[str | None], source: DataSource) -> Iterator[dict[str, Any]]:
    for pair in raw.pairs:
        judged = [concern_id for place in pair.judged if (concern_id := ids[place]) is not None]
        if not judged:
            source.left_out["judged texts whose concerns are left out"] += 1
            continue
        labels = {
            rater: {concern_id: label for place, label in given.items() if (concern_id := ids[place]) is not None}
            for rater, given in pair.labels.items()
        }
        row = {"article_id": article_id, "text": pair.text, "labels": labels, "judged": judged}
        yield row | {"written_as": pair.written_as}


def _write_row(stream: TextIO, row: dict[str, Any]) -> None:
    stream.write(json.dumps(clean(row), ensure_ascii=False) + "\n")


def _check_problems(source: DataSource, skip: int) -> None:
    wrong = len(source.places)
    if wrong == skip:
        return
    rows = "1 row or file is" if wrong == 1 else f"{wrong:,} rows or files are"
    accepted = f", and --skip-bad says {skip:,}" if skip else ""
    raise InputError(
        f"{source.path}: {rows} wrong{accepted}; nothing was written.",
        problems=source.problems,
        remedy=f"fix them, or leave exactly these out: --skip-bad {wrong}" if wrong else "leave out --skip-bad",
    )


def _manifest(name: str, source: DataSource, written: _Written, *, split_reviews: bool) -> dict[str, Any]:
    counts = written.counts
    return {
        "format": canonical_name(name),
        "bioreview_bench": version("bioreview-bench"),
        "source": {"path": source.path.resolve().name, "files": dict(sorted(source.files.items()))},
        "licence": source.licence,
        "notes": source.notes,
        "articles": len(written.first),
        "by_source": dict(written.by_source),
        "reviews": counts["reviews"],
        "concerns": counts["concerns"],
        "concerns_of_whole_reviews": RULES if split_reviews else None,
        "articles_without_concerns": counts["without_concerns"],
        "concerns_shortened": counts["shortened"],
        "judged_texts": counts["judged_texts"],
        "splits": {split: len(ids) for split, ids in written.splits.items()},
        "left_out": dict(sorted(source.left_out.items())),
        "skipped": {"rows": len(source.places), "places": source.places[:_PLACES]},
    }


def _check_new(output: Path) -> None:
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise InputError(f"{output} exists already, and is not overwritten.", remedy="choose a new folder with -o")


@contextmanager
def _folder_beside(output: Path) -> Iterator[Path]:
    """A folder that is gone afterwards, unless it was moved. Raises WriteError for what cannot be written in it."""
    make_folder(output.parent)
    try:
        folder = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}."))
    except OSError as error:
        raise cannot_write(output, error) from error
    try:
        yield folder
    except OSError as error:
        raise cannot_write(output, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _into_place(folder: Path, output: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)
    folder.replace(output)
