"""Judged pairs: for each predicted text, which references of its article make the same point, as raters said.

One JSON object a line: `{"article_id", "text", "labels": {"<rater>": {"<concern_id>": "same" | "related"}}}`, with
optional `written_as` (who or what wrote the text; else the file's name) and `written_from` (the reference that it was
written from). The labels may also stand at the top level under keys that begin with `rater_`. A reference that a
rater does not name is different, unless `judged` lists the references that the raters saw and it is not among them:
nothing is known of that pair, and it counts nowhere. Files are checked as predictions are: all problems are listed,
with their lines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.data.article import Article, canonical_id
from bioreview_bench.data.predictions import MAX_SUGGESTIONS, encodes, known_ids, nearest
from bioreview_bench.data.vocabulary import normalise
from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.jsonl import json_type, read_rows

DIFFERENT, RELATED, SAME = 0, 1, 2
LABELS = {"related": RELATED, "same": SAME}
_PREFIX = "rater_"

Labels = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class JudgedText:
    """One text with the labels (RELATED or SAME) that raters gave to references, by rater and concern id."""

    article_id: str
    text: str
    labels: Labels
    reviewer: str
    written_from: str | None = None
    judged: tuple[str, ...] | None = None

    def saw(self, concern_id: str) -> bool:
        """Whether the raters were asked about this reference; of most texts they were asked about all."""
        return self.judged is None or concern_id in self.judged


@dataclass(frozen=True)
class JudgedFile:
    """A file of judgements: its name, the sha256 of its bytes, and how many texts of the split it judges."""

    name: str
    sha256: str
    n_texts: int


@dataclass(frozen=True)
class Judgements:
    """Judged texts in the order of their files."""

    texts: tuple[JudgedText, ...]
    files: tuple[JudgedFile, ...]
    n_extra_ignored: int = 0

    @property
    def raters(self) -> list[str]:
        """Everybody who judged a text, by name."""
        return sorted({rater for text in self.texts for rater in text.labels})


def read_judgements(paths: Sequence[Path], articles: Iterable[Article], *, allow_extra: bool = False) -> Judgements:
    """Read files of judged pairs about `articles`.

    With `allow_extra`, texts about other articles are checked in form, counted and left out. Raises InputError with
    all problems of all files and their line numbers.
    """
    reader = _Reader(list(articles), allow_extra, several=len(paths) > 1)
    files = [reader.read(path) for path in paths]
    if reader.problems:
        count = "1 problem" if len(reader.problems) == 1 else f"{len(reader.problems)} problems"
        raise InputError(
            f"{', '.join(map(str, paths))}: {count}, nothing was audited.",
            problems=reader.problems,
            remedy="fix these lines; bench schema judgements shows the form",
        )
    return Judgements(tuple(reader.texts), tuple(files), reader.n_extra)


class _Reader:
    """Reads files one after the other into `texts` and `problems`."""

    def __init__(self, articles: Sequence[Article], allow_extra: bool, *, several: bool) -> None:
        self._ids = known_ids(articles)
        self._references = {article.id: [concern.concern_id for concern in article.concerns] for article in articles}
        self._allow_extra = allow_extra
        self._several = several
        self._first: dict[tuple[object, ...], str] = {}
        self._suggested = 0
        self.texts: list[JudgedText] = []
        self.problems: list[Problem] = []
        self.n_extra = 0

    def read(self, path: Path) -> JudgedFile:
        """Read one file. Raises InputError when it cannot be read as a whole or has no rows."""
        digest = hashlib.sha256()
        before, n_rows = len(self.texts), 0
        for number, row in read_rows(path, InputError, digest.update):
            n_rows += 1
            if isinstance(row, Problem):
                self._complain(path, number, [row.message])
                continue
            judged, reasons = check_row(row, path.stem)
            if judged is not None:
                reasons = self._known(judged)
                if judged.article_id not in self._references and not reasons:
                    self.n_extra += 1
                    continue
                reasons += self._repeated(judged, f"line {number}{f' of {path.name}' if self._several else ''}")
                self.texts.append(judged)
            self._complain(path, number, reasons)
        if not n_rows:
            raise InputError(f"{path} has no rows.", remedy="bench schema judgements shows the form")
        return JudgedFile(path.name, digest.hexdigest(), len(self.texts) - before)

    def _complain(self, path: Path, line: int, reasons: Iterable[str]) -> None:
        where = f"{path.name}: " if self._several else ""
        self.problems.extend(Problem(where + reason, line) for reason in reasons)

    def _known(self, judged: JudgedText) -> list[str]:
        references = self._references.get(judged.article_id)
        if references is None:
            if self._allow_extra or judged.article_id in self._ids:
                return []
            return [f'unknown article id "{printable(judged.article_id)}"{self._hint(judged.article_id, self._ids)}']
        named = dict.fromkeys(concern_id for labels in judged.labels.values() for concern_id in labels)
        named |= dict.fromkeys(judged.judged or ())
        if judged.written_from is not None:
            named[judged.written_from] = None
        return [
            f'unknown concern id "{printable(concern_id)}"{self._hint(concern_id, references)}'
            for concern_id in named
            if concern_id not in references
        ]

    def _hint(self, wrong: str, known: Sequence[str]) -> str:
        self._suggested += 1
        return nearest(wrong, known) if self._suggested <= MAX_SUGGESTIONS else ""

    def _repeated(self, judged: JudgedText, place: str) -> list[str]:
        key = (judged.article_id, judged.text, judged.reviewer, judged.written_from)
        first = self._first.setdefault(key, place)
        return [] if first == place else [f"a second judgement of this text (the first is on {first})"]


def check_row(row: Mapping[str, Any], reviewer: str) -> tuple[JudgedText | None, list[str]]:
    """Check one row: (the text, or None when it has a problem; its problems).

    `reviewer` wrote it unless the row says who.
    """
    problems = [reason for key in ("article_id", "text") for reason in _string(row, key)]
    for key in ("written_as", "written_from"):
        if row.get(key) is not None:
            problems += _string(row, key)
    labels, reasons = _labels(row)
    problems += reasons + _seen(row, labels)
    if problems:
        return None, problems
    return (
        JudgedText(
            canonical_id(row["article_id"]),
            normalise(row["text"]),
            labels,
            row.get("written_as") or reviewer,
            row.get("written_from"),
            tuple(row["judged"]) if row.get("judged") is not None else None,
        ),
        [],
    )


def _seen(row: Mapping[str, Any], labels: Labels) -> list[str]:
    """What is wrong with `judged`, the references that the raters saw."""
    judged = row.get("judged")
    if judged is None:
        return []
    if not isinstance(judged, list) or not judged or not all(isinstance(one, str) and one.strip() for one in judged):
        return ["judged must be a list of concern ids, or absent where raters saw all references"]
    unseen = dict.fromkeys(one for given in labels.values() for one in given if one not in judged)
    return [f"{printable(one)} has a label and is not in judged" for one in unseen]


def _string(row: Mapping[str, Any], key: str) -> list[str]:
    if key not in row:
        return [f"{key} is missing"]
    value = row[key]
    if not isinstance(value, str):
        return [f"{key} must be a string, this is {json_type(value)}"]
    if not encodes(value):
        return [f"{key} contains a lone surrogate"]
    return [] if value.strip() else [f"{key} is blank"]


def _labels(row: Mapping[str, Any]) -> tuple[Labels, list[str]]:
    """Labels by rater, from `labels` or from the keys that begin with `rater_`, and what is wrong with them."""
    by_rater = {key: value for key, value in row.items() if key.startswith(_PREFIX)}
    if "labels" in row:
        if by_rater:
            return {}, [f"has both labels and {next(iter(by_rater))}"]
        by_rater = row["labels"]
        if not isinstance(by_rater, dict):
            return {}, [f"labels must be an object, this is {json_type(by_rater)}"]
        if not by_rater:
            return {}, ["labels names no rater"]
    elif not by_rater:
        return {}, [f'labels is missing, and so is any key that begins with "{_PREFIX}"']
    problems: list[str] = []
    by_name: dict[str, dict[str, int]] = {}
    for rater, given in by_rater.items():
        if not rater.strip() or not encodes(rater):
            problems.append("the name of a rater is blank or contains a lone surrogate")
        elif not isinstance(given, dict):
            problems.append(f"what {printable(rater)} said must be an object, this is {json_type(given)}")
        else:
            problems += [
                f'{printable(rater)} called {printable(concern_id)} "{printable(label, 40)}"; known labels are same '
                "and related, and a different reference is left out"
                for concern_id, label in given.items()
                if not isinstance(label, str) or label not in LABELS
            ]
            by_name[rater] = {key: LABELS[label] for key, label in given.items() if label in ("same", "related")}
    return by_name, problems
