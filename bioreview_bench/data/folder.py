"""Reading a data folder.

Either `{train,val,test}.jsonl` (or `.parquet`, or the shards of such a file, `train-00000-of-00003.parquet`), or
`articles.jsonl` with `splits.json`. Every complaint names file and line, and all of them come at once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bioreview_bench.data.article import Article, canonical_id
from bioreview_bench.errors import DataError, InputError, Problem, did_you_mean, printable, reasons
from bioreview_bench.files.jsonl import LONGEST_ARTICLE, read_rows
from bioreview_bench.files.parquet import read_parquet
from bioreview_bench.files.reading import find_json, read_json

SPLITS = ("train", "val", "test")
ALL = "all"
_ALIASES = {"validation": "val"}
FILE_STEMS = {"train": ("train",), "val": ("val", "validation"), "test": ("test",)}
# A whole file, or a shard of one as the library `datasets` names it; older versions added a hash.
_SPLIT_FILE = re.compile(
    r"(?P<stem>train|val|validation|test)(?:-(?P<number>\d{5})-of-(?P<total>\d{5})(?:-[0-9a-f]{16})?)?(?P<suffix>\.jsonl|\.parquet)"
)


def canonical_split(name: str) -> str:
    """`validation` is `val`. Raises InputError for a name that is no split."""
    name = _ALIASES.get(name, name)
    if name not in (*SPLITS, ALL):
        meant = did_you_mean(name, (*SPLITS, *_ALIASES, ALL))
        raise InputError(
            f'There is no split "{printable(name)}".', remedy=f"{meant}use one of {', '.join(SPLITS)}, {ALL}"
        )
    return name


@dataclass(frozen=True)
class StoredArticles:
    """Articles of files, read one at a time whenever they are iterated over: only the one at hand is in memory.

    With `ids` only these. Iterating raises DataError, after the last row, for all problems at once.
    """

    files: tuple[Path, ...]
    split: str = ALL
    ids: frozenset[str] | None = None

    def __iter__(self) -> Iterator[Article]:
        absent = set(self.ids or ())
        for article in _checked(self.files):
            if self.ids is None or article.id in self.ids:
                absent.discard(article.id)
                yield article
        if absent:
            listed = ", ".join(map(printable, sorted(absent)[:5]))
            raise DataError(
                f"{self.files[0].with_name('splits.json')}: {len(absent)} ids of {self.split} are not in "
                f"{self.files[0].name}: {listed}.",
                remedy="fix the list",
            )


def read_split(folder: Path, split: str) -> list[Article]:
    """Articles of a split of a data folder, in file order. Raises DataError, InputError."""
    return list(stored_split(folder, split))


def stored_split(folder: Path, split: str) -> StoredArticles:
    """The same, to be read one at a time. Raises DataError, InputError."""
    split = canonical_split(split)
    check_folder(folder)
    if (folder / "articles.jsonl").is_file():
        rivals = [path for name in SPLITS for path in split_files(folder, name)]
        if rivals:
            raise DataError(
                f"Both {folder / 'articles.jsonl'} and {rivals[0]} hold articles.", remedy="keep one of the two"
            )
        return StoredArticles((folder / "articles.jsonl",), split, _listed_ids(folder, split))
    names = SPLITS if split == ALL else (split,)
    files = [path for name in names for path in split_files(folder, name)]
    if not files:
        present = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
        wanted = "articles" if split == ALL else f"{split}.jsonl and no {split}.parquet"
        raise DataError(f"{folder} has no {wanted}; it contains {present}.", remedy=where_else(folder, names))
    return StoredArticles(tuple(files), split)


def stored_groups(folder: Path) -> dict[str, StoredArticles]:
    """The articles of each split there is; those that `splits.json` names in none as "rest", undivided ones as "all".

    Raises DataError, InputError.
    """
    if not (folder / "articles.jsonl").is_file():
        names = [name for name in SPLITS if split_files(folder, name)]
        return {name: stored_split(folder, name) for name in names or [ALL]}
    everything = stored_split(folder, ALL)
    splits = find_json(folder / "splits.json", DataError, "fix the file")
    if not splits:
        return {ALL: everything}
    given = set(map(canonical_split, splits))
    found = {name: stored_split(folder, name) for name in SPLITS if name in given}
    placed = frozenset().union(*(members.ids or () for members in found.values()))
    rest = frozenset(article.id for article in everything) - placed
    return found | ({"rest": StoredArticles(everything.files, "rest", rest)} if rest else {})


def where_else(folder: Path, names: Sequence[str] = SPLITS) -> str:
    """What to do about a folder that holds none of these splits: a release has them in folders of its own."""
    inside = sorted(folder.glob("data/*/"), key=lambda child: child.name != "default")
    inner = [child for child in inside if any(split_files(child, name) for name in names)]
    if inner:
        return f"name one of its configurations, such as {inner[0]}"
    return "name a data folder: {train,val,test}.jsonl, or articles.jsonl with splits.json"


def split_files(folder: Path, split: str) -> list[Path]:
    """The file that holds a split, or its shards in order; [] when there is none.

    Raises DataError when two files claim it, or a shard is missing.
    """
    names = [path.name for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    found = claims(names, split)
    if len(found) > 1:
        one, two = folder / found[0][0], folder / found[1][0]
        raise DataError(f"Both {one} and {two} hold the split {split}.", remedy="keep one of the two")
    missing = missing_shards(found[0]) if found else ""
    if missing:
        raise DataError(f"{folder}: the split {split} is incomplete: {missing}.", remedy="get the missing files")
    return [folder / name for name in found[0]] if found else []


def claims(names: Iterable[str], split: str) -> list[list[str]]:
    """Among file names those that hold a split: one list for each file that claims it, with its shards in order."""
    found: dict[tuple[str | None, ...], list[str]] = {}
    for name in sorted(names):
        parts = _SPLIT_FILE.fullmatch(name)
        if parts is not None and parts["stem"] in FILE_STEMS[split]:
            found.setdefault((parts["stem"], parts["total"], parts["suffix"]), []).append(name)
    return list(found.values())


def missing_shards(shards: Sequence[str]) -> str:
    """What keeps `shards` from being one whole file, in words: missing ones, or two of a number; "" when complete."""
    parts = [part for name in shards if (part := _SPLIT_FILE.fullmatch(name)) is not None]
    if not parts or parts[0]["total"] is None:
        return ""
    total, numbers = int(parts[0]["total"]), [int(part["number"]) for part in parts]
    twice = next((number for number, count in Counter(numbers).items() if count > 1), None)
    if twice is not None:
        return f"two files are shard {twice:05d} of {parts[0]['stem']}"
    missing = sorted(set(range(total)).difference(numbers))
    if not missing:
        return ""
    first = f"{parts[0]['stem']}-{missing[0]:05d}-of-{parts[0]['total']}{parts[0]['suffix']}"
    return f"{len(missing)} of {total} shards are not there, the first {first}"


def data_files(folder: Path) -> list[Path]:
    """The files of a data folder that decide what its splits are."""
    whole = [folder / "articles.jsonl", folder / "splits.json"]
    if whole[0].is_file():
        return [path for path in whole if path.is_file()]
    return [path for split in SPLITS for path in split_files(folder, split)]


def read_articles(files: Sequence[Path]) -> list[Article]:
    """Read article files. Raises InputErrors of all files as one DataError."""
    return list(_checked(files))


def _checked(files: Sequence[Path]) -> Iterator[Article]:
    problems: list[Problem] = []
    where: dict[str, str] = {}
    for path in files:
        for number, row in _rows(path):
            place = f"{path.name}:{number}"
            if isinstance(row, Problem):
                problems.append(Problem(f"{place}: {row.message}"))
                continue
            try:
                article = Article.model_validate(row)
            except ValidationError as error:
                problems.extend(Problem(f"{place}: {reason}") for reason in reasons(error, most=0))
                continue
            if article.id in where:
                problems.append(
                    Problem(f'{place}: a second article "{printable(article.id)}" (first at {where[article.id]})')
                )
                continue
            where[article.id] = place
            yield article
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        where_all = files[0] if len(files) == 1 else files[0].parent
        raise DataError(f"{where_all}: {count} in the articles.", problems=problems, remedy="fix these lines")
    if not where:
        raise DataError(f"{files[0]} has no articles.", remedy="check the file")


def _listed_ids(folder: Path, split: str) -> frozenset[str] | None:
    """The ids that `splits.json` has for a split; None for all."""
    if split == ALL:
        return None
    path = folder / "splits.json"
    splits = read_json(path, DataError, 'write {"train": [ids], "val": [ids], "test": [ids]}')
    for alias, name in _ALIASES.items():
        if alias in splits and name in splits:
            raise DataError(f"{path} has both {name} and {alias}.", remedy="keep one of the two")
    splits = {_ALIASES.get(name, name): ids for name, ids in splits.items()}
    ids = splits.get(split)
    if not isinstance(ids, list) or not ids:
        raise DataError(
            f"{path} has no split {split}; it has {printable(', '.join(splits) or 'none')}.",
            remedy=f"add {split} to {path}",
        )
    if not all(isinstance(article_id, str) for article_id in ids):
        raise DataError(f"{path}: the ids of {split} must be strings.", remedy="fix the list")
    wanted = set(map(canonical_id, ids))
    elsewhere = {
        str(article_id): name
        for name, others in splits.items()
        if name != split and isinstance(others, list)
        for article_id in others
    }
    shared = sorted(wanted & elsewhere.keys())
    if shared:
        raise DataError(
            f"{path}: {printable(shared[0])} is in both {split} and {printable(elsewhere[shared[0]])}.",
            remedy="an article belongs to one split",
        )
    return frozenset(wanted)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    if path.suffix == ".parquet" and path.is_file():
        yield from read_parquet(path)
    elif path.suffix in (".jsonl", ".parquet") or not path.exists():
        yield from read_rows(path, DataError, longest=LONGEST_ARTICLE)
    else:
        raise DataError(f"{path} is neither .jsonl nor .parquet.", remedy="name a file of articles, or a data folder")


def check_folder(folder: Path) -> None:
    """Raise DataError unless there is a folder."""
    if not folder.exists():
        raise DataError(
            f"There is no data folder {folder}.", remedy="name a data folder, demo, known, v3 or v4 with --data"
        )
    if not folder.is_dir():
        raise DataError(f"{folder} is a file, not a data folder.", remedy=f"--data {folder.parent}")
