"""Reading and checking predictions: every problem is found and listed before anything is scored.

The same checks serve files, mappings handed to the Python API, and submissions.
"""

from __future__ import annotations

import difflib
import hashlib
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from bioreview_bench.data.article import canonical_id
from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, STATUSES, STATUSES_WITHOUT_CONCERNS, normalise
from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.jsonl import json_type, read_rows
from bioreview_bench.files.recognise import PREDICTIONS, require_kind

MOST_MARKS = 1_000  # on one letter; putting them in order takes time that grows with the square of their number
MAX_SUGGESTIONS = 20  # looking up the nearest id is slow; a file of nothing but wrong ids needs no more


@dataclass(frozen=True, slots=True)
class PredictedConcern:
    """One concern of a machine reviewer; `text` is normalised, labels outside the vocabulary are None."""

    text: str
    category: str | None = None
    severity: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """Everything usable that was predicted for one article, and how much of it was not."""

    article_id: str
    concerns: tuple[PredictedConcern, ...]
    status: str | None = None
    n_blank: int = 0
    n_unknown_labels: int = 0

    @property
    def outcome(self) -> str:
        """`scored`, `empty`, `parse_failed`, `refused` or `error` (scoring specification, section 1)."""
        if self.concerns:
            return "scored"
        return self.status if self.status in STATUSES_WITHOUT_CONCERNS else "empty"


@dataclass(frozen=True)
class Predictions(Mapping[str, PredictionRow]):
    """Rows by article id. `sha256` is that of the file's bytes; None when they came from no file."""

    rows: Mapping[str, PredictionRow]
    n_extra_ignored: int = 0
    sha256: str | None = None
    path: Path | None = None
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)

    def __getitem__(self, article_id: str) -> PredictionRow:
        return self.rows[article_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def read_predictions(
    path: str | Path, articles: Iterable[Any] | None = None, *, allow_extra: bool = False
) -> Predictions:
    """Read a predictions file.

    `articles` (a Split, or any iterable of Article) says which ids are known; without it ids are not checked.
    With `allow_extra`, rows for unknown ids are checked in form, counted and left out.

    Raises InputError with all problems and their line numbers; nothing is returned from a file with one.

    >>> import json, tempfile
    >>> file = Path(tempfile.mkdtemp()) / "predictions.jsonl"
    >>> _ = file.write_text(json.dumps({"article_id": "elife:1", "concerns": ["No control for batch effects."]}))
    >>> read_predictions(file).rows["elife:1"].concerns[0].text
    'No control for batch effects.'
    """
    path = Path(path)
    require_kind(path, PREDICTIONS)
    problems: list[Problem] = []
    rows: dict[str, PredictionRow] = {}
    lines: dict[str, int] = {}
    members = None if articles is None or not allow_extra else set(known_ids(articles))
    extras = ExtraRows()
    digest = hashlib.sha256()
    for number, value in read_rows(path, InputError, digest.update):
        if isinstance(value, Problem):
            problems.append(value)
            continue
        row, found = check_row(value, number)
        problems.extend(found)
        named = value.get("article_id")
        if not isinstance(named, str) or not encodes(named):
            continue
        article_id = canonical_id(named)
        if members is not None and article_id not in members:
            extras.add(article_id, number)
            continue
        if article_id in lines:
            problems.append(
                Problem(f'a second row for "{printable(article_id)}" (first on line {lines[article_id]})', number)
            )
            continue
        lines[article_id] = number
        # A row with a problem stands in, so that its id is checked too; nothing is returned from such a file.
        rows[article_id] = row or PredictionRow(article_id, ())
    if not lines and not extras and not problems:
        raise InputError(f"{path} has no rows: it is empty.", remedy="bench schema predictions shows what a row holds")
    problems.extend(extras.repeated(path))
    if articles is not None and not allow_extra:
        rows, _, unknown = split_known(rows, known_ids(articles), lines, allow_extra=False)
        problems.extend(unknown)
    if problems:
        problems.sort(key=lambda problem: problem.line or 0)
        raise InputError(
            _count(problems, path),
            problems=problems,
            remedy="fix these lines; bench schema predictions shows the form",
        )
    return Predictions(rows, n_extra_ignored=len(extras), sha256=digest.hexdigest(), path=path, lines=lines)


def as_predictions(
    predictions: Mapping[str, Any], articles: Iterable[Any], *, allow_extra: bool = False
) -> Predictions:
    """Check a mapping of article id to a list of strings or objects (or pass `Predictions` through).

    Raises InputError with all problems.
    """
    problems: list[Problem] = []
    remedy = None
    if isinstance(predictions, Predictions):
        source, remedy = predictions, "score the split that the file was written for"
    else:
        source, problems = _checked(predictions)
    rows, extra, unknown = split_known(dict(source.rows), known_ids(articles), source.lines, allow_extra=allow_extra)
    problems += unknown
    if problems:
        raise InputError(_count(problems, source.path), problems=problems, remedy=remedy)
    return replace(source, rows=rows, n_extra_ignored=source.n_extra_ignored + extra)


def _checked(predictions: Mapping[str, Any]) -> tuple[Predictions, list[Problem]]:
    problems: list[Problem] = []
    rows: dict[str, PredictionRow] = {}
    for article_id, concerns in predictions.items():
        given = list(concerns) if isinstance(concerns, tuple) else concerns
        row, found = check_row({"article_id": article_id, "concerns": given}, None)
        problems.extend(Problem(f"{printable(article_id)}: {problem.message}") for problem in found)
        if isinstance(article_id, str) and encodes(article_id):
            named = canonical_id(article_id)
            if named in rows:
                problems.append(Problem(f'a second entry for "{printable(named)}"'))
            rows[named] = row or PredictionRow(named, ())
    return Predictions(rows), problems


def require_answers(predictions: Predictions, articles: Iterable[Any]) -> None:
    """Raise InputError listing every article that is missing or whose row failed."""
    problems = []
    for article in articles:
        row = predictions.get(article.id)
        if row is None:
            problems.append(Problem(f"no row for {printable(article.id)}"))
        elif row.outcome in ("parse_failed", "refused", "error"):
            problems.append(
                Problem(f"status {row.outcome} for {printable(article.id)}", predictions.lines.get(article.id))
            )
    if problems:
        raise InputError(
            f"{len(problems)} articles have no answer, and a complete file is required.",
            problems=problems,
            remedy="run the reviewer for these articles again",
        )


def known_ids(articles: Iterable[Any]) -> Sequence[str]:
    """Ids that predictions may name: those of the whole split, also when only its first N are scored."""
    ids = getattr(articles, "known_ids", None)
    return ids if ids is not None else [article.id for article in articles]


def split_known(
    rows: dict[str, PredictionRow], known: Sequence[str], lines: Mapping[str, int], *, allow_extra: bool
) -> tuple[dict[str, PredictionRow], int, list[Problem]]:
    """Separate rows of known articles from the rest: (rows, number ignored, problems)."""
    members = set(known)
    extra = [article_id for article_id in rows if article_id not in members]
    kept = {article_id: row for article_id, row in rows.items() if article_id in members}
    if allow_extra:
        return kept, len(extra), []
    problems = []
    for position, article_id in enumerate(extra):
        hint = nearest(article_id, known) if position < MAX_SUGGESTIONS else ""
        problems.append(Problem(f'unknown article id "{printable(article_id)}"{hint}', lines.get(article_id)))
    return kept, 0, problems


def nearest(wrong: str, known: Sequence[str]) -> str:
    """What a message says after a wrong id; empty when nothing is known."""
    near = difflib.get_close_matches(wrong, known, n=1, cutoff=0)
    return f' (the nearest known one is "{printable(near[0])}")' if near else ""


def check_row(row: Mapping[str, Any], line: int | None) -> tuple[PredictionRow | None, list[Problem]]:
    """Check one row: (the row, or None when it has a problem; its problems)."""
    problems: list[str] = []
    article_id = row.get("article_id")
    if "article_id" not in row:
        problems.append("article_id is missing")
    else:
        problems += _unfit("article_id", article_id)

    status = row.get("status")
    if status is not None and status not in STATUSES:
        problems.append(f'unknown status "{printable(status)}"; known are {", ".join(STATUSES)}')
        status = None
    without = status in STATUSES_WITHOUT_CONCERNS

    concerns = row.get("concerns")
    if "concerns" not in row:
        problems.append("concerns is missing")
        concerns = []
    elif concerns is None and without:
        concerns = []
    elif not isinstance(concerns, list):
        problems.append(f"concerns must be an array, this is {json_type(concerns)}")
        concerns = []
    if concerns and without:
        problems.append(f'{len(concerns)} concerns under the status "{status}", which has none')

    usable: list[PredictedConcern] = []
    n_blank = n_unknown = 0
    for position, concern in enumerate(concerns, start=1):
        checked, unknown, found = _check_concern(concern)
        problems.extend(f"concern {position}: {reason}" for reason in found)
        n_unknown += unknown
        if checked is not None:
            if checked.text:
                usable.append(checked)
            else:
                n_blank += 1
    if problems:
        return None, [Problem(reason, line) for reason in problems]
    return PredictionRow(canonical_id(str(article_id)), tuple(usable), status, n_blank, n_unknown), []


def _check_concern(concern: Any) -> tuple[PredictedConcern | None, int, list[str]]:
    """(the concern, how many labels were outside the vocabulary, problems)."""
    if isinstance(concern, str):
        concern = {"text": concern}
    if not isinstance(concern, Mapping):
        return None, 0, [f"must be a string or an object, this is {json_type(concern)}"]
    problems: list[str] = []
    keys = [key for key in ("text", "concern_text") if key in concern]
    text: Any = ""
    if len(keys) == 2:
        problems.append("has both text and concern_text")
    elif not keys:
        problems.append("has neither text nor concern_text")
    else:
        text = concern[keys[0]]
        problems += _unfit(keys[0], text)
    labels: dict[str, str | None] = {}
    n_unknown = 0
    for key, vocabulary in (("category", CATEGORIES), ("severity", SEVERITIES)):
        label = concern.get(key)
        if label is not None and not isinstance(label, str):
            problems.append(f"{key} must be a string, this is {json_type(label)}")
        elif label is not None and label not in vocabulary:
            n_unknown += 1
            label = None
        labels[key] = label
    confidence = concern.get("confidence")
    if confidence is not None and (
        isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 <= confidence <= 1
    ):
        problems.append(f"confidence must be a number from 0 to 1, this is {printable(confidence, 40)}")
    if problems:
        return None, 0, problems
    stated = None if confidence is None else float(confidence)
    return PredictedConcern(normalise(text), labels["category"], labels["severity"], stated), n_unknown, []


def _unfit(name: str, text: Any) -> list[str]:
    """Why a value is no text that can be scored, if so."""
    if not isinstance(text, str):
        return [f"{name} must be a string, this is {json_type(text)}"]
    if not encodes(text):
        return [f"{name} contains a lone surrogate"]
    if len(text) > MOST_MARKS and not text.isascii() and _longest_marks(text) > MOST_MARKS:
        return [f"{name} has more than {MOST_MARKS:,} combining marks in a row"]
    return []


def _longest_marks(text: str) -> int:
    runs = groupby(text, key=lambda char: unicodedata.combining(char) != 0)
    return max((sum(1 for _ in run) for marks, run in runs if marks), default=0)


def encodes(text: str) -> bool:
    """True when `text` can be written as UTF-8: it holds no lone surrogate."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _count(problems: Sequence[Problem], path: Path | None) -> str:
    noun = "problem" if len(problems) == 1 else "problems"
    return f"{path or 'The predictions'}: {len(problems)} {noun}, nothing was scored."


class ExtraRows:
    """Rows for articles outside the split, of which only a count is wanted, and whether two have one id.

    Hashes of ids and lines are kept, 24 bytes a row, so that files of millions of rows are checked in little memory.
    """

    def __init__(self) -> None:
        self._hashes = bytearray()
        self._lines = array("Q")

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, article_id: str, line: int) -> None:
        """Note a row."""
        self._hashes += hashlib.blake2b(article_id.encode("utf-8"), digest_size=16).digest()
        self._lines.append(line)

    def repeated(self, path: Path) -> list[Problem]:
        """A Problem for every row whose id stands on an earlier line; the file is read again for their ids."""
        hashes = np.frombuffer(self._hashes, "V16")
        lines = np.frombuffer(self._lines, np.uint64)
        _, first, which = np.unique(
            hashes.view([("high", "<u8"), ("low", "<u8")]), return_index=True, return_inverse=True
        )
        earliest = lines[first[which]]
        again = {int(line): int(before) for line, before in zip(lines, earliest, strict=True) if line != before}
        if not again:
            return []
        return [
            Problem(
                f'a second row for "{printable(canonical_id(row["article_id"]))}" (first on line {again[number]})',
                number,
            )
            for number, row in read_rows(path, InputError)
            if number in again and not isinstance(row, Problem)
        ]
