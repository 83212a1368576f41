"""Where ids stand that are not in the split they were meant for: another split of the same data, or bundled data.

Only ids are read, not articles: a split of a release is large, and all that is wanted is its name for a message.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from bioreview_bench.data.article import canonical_id
from bioreview_bench.data.folder import SPLITS, split_files
from bioreview_bench.data.load import BUNDLED_DATA, locate
from bioreview_bench.data.predictions import known_ids
from bioreview_bench.data.split import Split
from bioreview_bench.errors import BenchError, DataError, InputError, Problem, printable
from bioreview_bench.files.jsonl import read_rows
from bioreview_bench.files.parquet import read_column
from bioreview_bench.files.reading import read_json

_ID = re.compile(rb'"id"\s*:\s*"([^"\\]+)"')  # the first of an article's line is its own


@dataclass(frozen=True)
class Place:
    """Data and split in which `n` of the ids asked for stand; `option` is how a command names them."""

    data: str
    split: str
    n: int
    option: str


def where_ids_stand(ids: Collection[str], data: str | None, split: str) -> Place | None:
    """The split that holds most of `ids`: of `data`, apart from `split` itself, or bundled. None where none does."""
    found: list[Place] = []
    for name in dict.fromkeys((data, *BUNDLED_DATA)):
        if name is None:
            continue
        for other in SPLITS:
            if (name, other) != (data, split):
                n = len(_ids_of(name, other).intersection(ids))
                option = f"--split {other}" if name == data else f"--data {name} --split {other}"
                found.append(Place(name, other, n, option))
    best = max(found, key=lambda place: place.n)  # of equals the first: the same data before others
    return best if best.n else None


def misplaced(path: Path, articles: Split, data: str, error: InputError) -> InputError:
    """`error`, or what is to be said in its place when rows of the file are for articles of another split."""
    ids = predicted_ids(path)
    unknown = ids - set(known_ids(articles))
    place = where_ids_stand(unknown, data, articles.name) if unknown else None
    if place is None:
        return error
    label = f"{Path(place.data).name if place.data == data and articles.data == 'local' else place.data}/{place.split}"
    if place.n == len(ids):
        return InputError(
            f"{path} has predictions for {printable(label)}, not for {articles.label}: all {len(ids):,} of its article "
            "ids are there.",
            remedy=f"add {place.option}",
        )
    some = f"{place.n:,} of {len(unknown):,} unknown article ids are in {printable(label)} ({place.option})"
    return InputError(error.message, problems=error.problems, remedy=f"{error.remedy}; {some}")


def all_in_demo(path: Path) -> Place | None:
    """The split of bundled data in which every id of a predictions file stands, if there is one."""
    ids = predicted_ids(path)
    place = where_ids_stand(ids, None, "") if ids else None
    return place if place is not None and place.n == len(ids) else None


def predicted_ids(path: Path) -> set[str]:
    """The article ids of a predictions file; those of rows that are broken are left out."""
    try:
        rows = [row.get("article_id") for _, row in read_rows(path, InputError) if not isinstance(row, Problem)]
    except BenchError:
        return set()
    return {canonical_id(named) for named in rows if isinstance(named, str)}


def _ids_of(data: str, split: str) -> set[str]:
    try:
        _, folder = locate(data)
        if (folder / "articles.jsonl").is_file():
            named = read_json(folder / "splits.json", DataError, "").get(split)
            return {canonical_id(one) for one in named if isinstance(one, str)} if isinstance(named, list) else set()
        return {canonical_id(one) for path in split_files(folder, split) for one in _ids_in(path)}
    except (BenchError, OSError):
        return set()  # nothing can be said of data that cannot be read


def _ids_in(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        yield from read_column(path, "id")
        return
    with path.open("rb") as stream:
        for line in stream:
            if match := _ID.search(line):
                yield match[1].decode("utf-8", "replace")
