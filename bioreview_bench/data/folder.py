"""Reading a data folder.

Either `{train,val,test}.jsonl` (or `.parquet`), or `articles.jsonl` with `splits.json`. Every complaint names
file and line, and all of them come at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bioreview_bench.data.article import Article, canonical_id
from bioreview_bench.errors import DataError, InputError, Problem, did_you_mean, printable, reasons
from bioreview_bench.files.jsonl import read_rows
from bioreview_bench.files.parquet import read_parquet
from bioreview_bench.files.reading import read_json

SPLITS = ("train", "val", "test")
ALL = "all"
_ALIASES = {"validation": "val"}
FILE_STEMS = {"train": ("train",), "val": ("val", "validation"), "test": ("test",)}


def canonical_split(name: str) -> str:
    """`validation` is `val`. Raises InputError for a name that is no split."""
    name = _ALIASES.get(name, name)
    if name not in (*SPLITS, ALL):
        meant = did_you_mean(name, (*SPLITS, *_ALIASES, ALL))
        raise InputError(
            f'There is no split "{printable(name)}".', remedy=f"{meant}use one of {', '.join(SPLITS)}, {ALL}"
        )
    return name


def read_split(folder: Path, split: str) -> list[Article]:
    """Articles of a split of a data folder, in file order. Raises DataError, InputError."""
    split = canonical_split(split)
    _check_folder(folder)
    if (folder / "articles.jsonl").is_file():
        rival = next((path for name in SPLITS if (path := split_file(folder, name)) is not None), None)
        if rival is not None:
            raise DataError(
                f"Both {folder / 'articles.jsonl'} and {rival} hold articles.", remedy="keep one of the two"
            )
        return _members(folder, split)
    names = SPLITS if split == ALL else (split,)
    files = [path for name in names if (path := split_file(folder, name)) is not None]
    if not files:
        present = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
        raise DataError(
            f"{folder} has no {split}.jsonl and no {split}.parquet; it contains {present}.",
            remedy="name a data folder: {train,val,test}.jsonl, or articles.jsonl with splits.json",
        )
    return read_articles(files)


def split_file(folder: Path, split: str) -> Path | None:
    """The file that holds a split, or None. Raises DataError when two files claim it."""
    candidates = [folder / f"{stem}{suffix}" for stem in FILE_STEMS[split] for suffix in (".jsonl", ".parquet")]
    found = [path for path in candidates if path.is_file()]
    if len(found) > 1:
        raise DataError(f"Both {found[0]} and {found[1]} hold the split {split}.", remedy="keep one of the two")
    return found[0] if found else None


def data_files(folder: Path) -> list[Path]:
    """The files of a data folder that decide what its splits are."""
    whole = [folder / "articles.jsonl", folder / "splits.json"]
    if whole[0].is_file():
        return [path for path in whole if path.is_file()]
    return [path for split in SPLITS if (path := split_file(folder, split)) is not None]


def read_articles(files: list[Path]) -> list[Article]:
    """Read article files. Raises InputErrors of all files as one DataError."""
    articles: list[Article] = []
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
            articles.append(article)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise DataError(f"{files[0].parent}: {count} in the articles.", problems=problems, remedy="fix these lines")
    if not articles:
        raise DataError(f"{files[0]} has no articles.", remedy="check the file")
    return articles


def _members(folder: Path, split: str) -> list[Article]:
    articles = read_articles([folder / "articles.jsonl"])
    if split == ALL:
        return articles
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
    absent = sorted(wanted - {article.id for article in articles})
    if absent:
        raise DataError(
            f"{path}: {len(absent)} ids of {split} are not in articles.jsonl: {', '.join(map(printable, absent[:5]))}.",
            remedy="fix the list",
        )
    return [article for article in articles if article.id in wanted]


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    if path.suffix == ".jsonl":
        yield from read_rows(path, DataError)
    else:
        yield from read_parquet(path)


def _check_folder(folder: Path) -> None:
    if not folder.exists():
        raise DataError(
            f"There is no data folder {folder}.", remedy="name a data folder, demo, known, v3 or v4 with --data"
        )
    if not folder.is_dir():
        raise DataError(f"{folder} is a file, not a data folder.", remedy=f"--data {folder.parent}")
