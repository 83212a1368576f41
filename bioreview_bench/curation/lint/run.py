"""Linting a data folder or a file of articles: row by row, so that memory does not grow with the data.

What the reader refuses is an error here, too: each row goes through it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bioreview_bench.curation.lint.articles import check_article
from bioreview_bench.curation.lint.rules import LEVELS, RULES, LintFinding
from bioreview_bench.data.article import Article, canonical_id
from bioreview_bench.data.folder import SPLITS, claims, missing_shards, where_else
from bioreview_bench.errors import BenchError, DataError, Problem, printable
from bioreview_bench.files.jsonl import LONGEST_ARTICLE, json_type, read_rows
from bioreview_bench.files.parquet import read_parquet
from bioreview_bench.files.paths import check_path
from bioreview_bench.files.reading import read_json

KEPT = 10_000  # findings of a level that are held; the others are counted
_NOT_ARTICLES = ("near_miss.jsonl", "predictions.jsonl")
_VALUES = {"category": "category", "severity": "severity", "concern_text": "concern-length"}


@dataclass(frozen=True)
class PlacedFinding:
    """A finding, with the file and line (in Parquet: row) where it is; line 0 is the file itself."""

    file: str
    line: int
    article_id: str
    finding: LintFinding


@dataclass
class LintReport:
    """What was found. `findings` are at most KEPT of each level, `counts` all of them by rule."""

    articles: int = 0
    concerns: int = 0
    findings: list[PlacedFinding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, file: str, line: int, article_id: str, finding: LintFinding) -> None:
        """Count a finding, and keep it if there is room."""
        self.counts[finding.rule] += 1
        if self.by_level[RULES[finding.rule].level] <= KEPT:
            self.findings.append(PlacedFinding(file, line, article_id, finding))

    @property
    def by_level(self) -> dict[str, int]:
        """How many findings each level has."""
        return {level: sum(n for rule, n in self.counts.items() if RULES[rule].level == level) for level in LEVELS}


@dataclass
class _Seen:
    """What was met before, for what may stand once only."""

    ids: dict[str, str] = field(default_factory=dict)
    dois: dict[str, str] = field(default_factory=dict)
    concern_ids: dict[str, str] = field(default_factory=dict)


def lint(path: Path) -> LintReport:
    """Lint a data folder, or one file of articles (.jsonl, .parquet). Raises DataError when there are none."""
    report, seen = LintReport(), _Seen()
    for file in _files(path, report):
        before = report.articles + sum(report.counts.values())
        try:
            for line, row in _rows(file):
                _lint_row(report, seen, file.name, line, row)
        except BenchError as error:  # the file as a whole
            if file == path:
                raise
            report.add(file.name, 0, "", LintFinding("file", "", error.message))
        if report.articles + sum(report.counts.values()) == before:
            report.add(file.name, 0, "", LintFinding("file", "", "no articles"))
    if path.is_dir() and (path / "articles.jsonl").is_file() and (path / "splits.json").exists():
        _lint_splits(report, path / "splits.json", seen)
    return report


def _files(path: Path, report: LintReport) -> list[Path]:
    if not path.exists():
        raise DataError(f"There is no file or folder {printable(path, 400)}.", remedy=check_path(path))
    if path.is_file():
        return [path]
    names = sorted(entry.name for entry in path.iterdir() if entry.is_file())
    if "articles.jsonl" in names:
        return [path / "articles.jsonl"]
    found: list[Path] = []
    for split in SPLITS:
        files = claims(names, split)
        if len(files) > 1:
            both = LintFinding("file", "", f"{printable(files[0][0])} and {printable(files[1][0])} both hold {split}")
            report.add(files[0][0], 0, "", both)
        missing = missing_shards(files[0]) if files else ""
        if missing:
            report.add(files[0][0], 0, "", LintFinding("file", "", missing))
        found += [path / name for shards in files for name in shards]
    found = found or [
        path / name for name in names if name.endswith((".jsonl", ".parquet")) and name not in _NOT_ARTICLES
    ]
    if not found:
        raise DataError(
            f"{printable(path)} has no .jsonl or .parquet files of articles.",
            remedy=where_else(path),
        )
    return found


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str, Any] | Problem]]:
    return read_parquet(file) if file.suffix == ".parquet" else read_rows(file, DataError, longest=LONGEST_ARTICLE)


def _lint_row(report: LintReport, seen: _Seen, file: str, line: int, row: Mapping[str, Any] | Problem) -> None:
    if isinstance(row, Problem):
        report.add(file, line, "", LintFinding("json", "", row.message))
        return
    named = row.get("id")
    article_id = printable(named) if isinstance(named, str) else ""
    try:
        article = Article.model_validate(row)
    except ValidationError as error:
        for finding in _refused(error, row):
            report.add(file, line, article_id, finding)
        return
    report.articles += 1
    report.concerns += len(article.concerns)
    for finding in [*check_article(article, row), *_repeated(article, seen, f"{file}:{line}")]:
        report.add(file, line, article_id, finding)


def _refused(error: ValidationError, row: Mapping[str, Any]) -> Iterator[LintFinding]:
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
        last, kind = detail["loc"][-1] if detail["loc"] else "", detail["type"]
        rule = "field"
        if str(last) in _VALUES and kind in ("literal_error", "string_too_short", "string_too_long", "value_error"):
            rule = _VALUES[str(last)]
        elif place == "concerns" and kind == "value_error":
            rule = "concern-id-duplicate"
        what = detail["msg"].removeprefix("Value error, ")
        yield LintFinding(rule, printable(place), f"{printable(what, 200)}{_given(row, detail['loc'])}")


def _given(row: object, place: tuple[int | str, ...]) -> str:
    """What stands at a place of a row, for a message."""
    if not place:
        return ""
    value: Any = row
    for part in place:
        if not isinstance(value, dict | list):
            return ""
        try:
            value = value[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return ""  # a field that is missing
    if isinstance(value, str):
        return f"; it has {len(value):,} characters" if len(value) > 60 else f'; it is "{printable(value)}"'
    return f"; it is {json_type(value)}" if isinstance(value, dict | list) else f"; it is {printable(value, 40)}"


def _repeated(article: Article, seen: _Seen, place: str) -> Iterator[LintFinding]:
    first = seen.ids.setdefault(article.id, place)
    if first != place:
        yield LintFinding("id-duplicate", "id", f"{printable(article.id)} is also at {first}")
        return
    doi = (article.doi or "").strip().lower()
    if doi and seen.dois.setdefault(doi, place) != place:
        yield LintFinding("doi-duplicate", "doi", f"{printable(doi)} is also at {seen.dois[doi]}")
    for number, concern in enumerate(article.concerns):
        if seen.concern_ids.setdefault(concern.concern_id, place) != place:
            where = seen.concern_ids[concern.concern_id]
            found = f"{printable(concern.concern_id)} is also at {where}"
            yield LintFinding("concern-id-elsewhere", f"concerns[{number}].concern_id", found)


def _lint_splits(report: LintReport, path: Path, seen: _Seen) -> None:
    try:
        splits = read_json(path, DataError, 'write {"train": [ids], "val": [ids], "test": [ids]}')
    except BenchError as error:
        report.add(path.name, 0, "", LintFinding("splits", "", error.message))
        return
    where: dict[str, str] = {}
    for split, ids in splits.items():
        named = printable(split, 40)
        if split not in (*SPLITS, "validation") or not isinstance(ids, list):
            report.add(path.name, 0, "", LintFinding("splits", named, "not a list of ids for train, val or test"))
            continue
        for one in ids:
            shown = printable(one)
            if not isinstance(one, str) or canonical_id(one) not in seen.ids:
                report.add(path.name, 0, shown, LintFinding("splits", named, f"{shown} is no article of this folder"))
            elif one in where:
                report.add(path.name, 0, shown, LintFinding("splits", named, f"{shown} is also in {where[one]}"))
            else:
                where[one] = named
