"""Whether a submission may be scored. Client and server call this same code, from the ids of the split alone.

All problems are found, not the first: those of the card, of every line, of articles without an answer. Only a file that
is beyond all bounds is given up half-way, and the list then says so.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from bioreview_bench.data.article import canonical_id
from bioreview_bench.data.predictions import Predictions, read_predictions, require_answers
from bioreview_bench.data.released.manifest import RELEASED, load_manifest
from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.jsonl import parse_object
from bioreview_bench.results.card import Card

from ..names import mixed_scripts
from ..settings import Limits
from ..store.settings import BoardSplit
from ..store.submissions import Package
from .package import PREDICTIONS, Refused, read_package, refusal

# A file with so many more rows than articles, or so many times the concerns, is not read any further: what it costs to
# list its problems would be the sender's to choose.
_SPARE_ROWS: Final = 1000
_FACTOR: Final = 10
_FAILED: Final = ("error", "parse_failed", "refused")
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Validated:
    """What may be scored. `facts`: rows, concerns, what was dropped, and flags of names."""

    predictions: Predictions
    facts: dict[str, Any]


def validate(package: Package, split: BoardSplit, limits: Limits) -> Validated:
    """Check a submission against a split. Raises InputError listing all problems."""
    predictions, problems = check_predictions(package.predictions, split, limits)
    problems = [*barred(package.card, split), *problems]
    if problems or predictions is None:
        raise refusal(problems)
    return Validated(predictions, _facts(predictions, package.card))


def check_files(
    predictions: Path, card: Path | bytes, run: Path | bytes | None, split: BoardSplit, limits: Limits
) -> tuple[Package, Validated]:
    """Read and check the files of a submission at once. Raises InputError listing all problems of all files."""
    try:
        package = read_package(predictions, card, run, limits)
    except Refused as error:
        raise completed(error, split, limits) from error
    return package, validate(package, split, limits)


def completed(error: Refused, split: BoardSplit, limits: Limits) -> InputError:
    """The error with what is wrong with the predictions, too: a sender gets to know everything at once."""
    if error.predictions is None:
        return error
    _, found = check_predictions(error.predictions, split, limits)
    return refusal([*error.problems, *found])


def barred(card: Card, split: BoardSplit) -> list[Problem]:
    """Why a system with this card may not be scored on the split."""
    if split.data not in RELEASED or not split.held_out:
        return []
    said = {"v3": card.training_data.saw_v3_train, "v4": card.training_data.saw_v4_train}
    found = []
    for version in load_manifest(split.data).barred_training:
        answer = said[version]
        if answer != "no":
            counts = "" if answer == "yes" else ", which counts as yes"
            found.append(
                Problem(
                    f"card.yaml: training_data.saw_{version}_train is {answer}{counts}: every article of {split.data} "
                    f"{split.name} is part of {version}, so systems trained on {version} are not scored on it"
                )
            )
    return found


def check_predictions(content: bytes, split: BoardSplit, limits: Limits) -> tuple[Predictions | None, list[Problem]]:
    """(the predictions, or None when there is a problem; all problems)."""
    scan = _scan(content, split, limits)
    if scan.given_up:
        return None, [*scan.problems, Problem("the rest of the file was not checked")]
    articles = [SimpleNamespace(id=one) for one in split.ids]  # the readers want things with an id
    try:
        predictions = read_content(content, articles)
    except InputError as error:
        found = list(error.problems) or [Problem(error.message)]
        return None, _ordered([*scan.problems, *found, *scan.unanswered(split)])
    try:
        require_answers(predictions, articles)
    except InputError as error:
        return None, _ordered([*scan.problems, *error.problems])
    return (None if scan.problems else predictions), _ordered(scan.problems)


@dataclass
class _Scan:
    problems: list[Problem] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    failed: list[Problem] = field(default_factory=list)
    given_up: bool = False

    def unanswered(self, split: BoardSplit) -> list[Problem]:
        missing = [Problem(f"no row for {printable(one)}") for one in split.ids if one not in self.answered]
        return [*self.failed, *missing]


def _scan(content: bytes, split: BoardSplit, limits: Limits) -> _Scan:
    """Bounds of the file, and which articles have a row; broken lines are left to the strict reader."""
    scan, total = _Scan(), 0
    if content.startswith(b"\x1f\x8b"):
        scan.problems.append(Problem(f"{PREDICTIONS} is a gzip file: decompress first"))
        scan.given_up = True
        return scan
    n_lines = content.count(b"\n")
    if n_lines > 2 * (len(split.ids) + _SPARE_ROWS):  # half of them may be blank
        scan.problems.append(Problem(f"{n_lines:,} lines for {len(split.ids):,} articles"))
        scan.given_up = True
        return scan
    for number, line in enumerate(io.BytesIO(content), start=1):
        if len(line) > limits.line_bytes:
            scan.problems.append(Problem(f"longer than {limits.line_bytes:,} bytes; leave out raw_output", number))
            scan.given_up = True
            continue
        n = _scan_line(scan, line.removeprefix(_BOM) if number == 1 else line, number)
        total += n
        if n > limits.concerns_per_article:
            scan.problems.append(
                Problem(f"{n:,} concerns for one article; at most {limits.concerns_per_article:,} are taken", number)
            )
    if total > limits.concerns:
        scan.problems.append(Problem(f"{total:,} concerns in all; at most {limits.concerns:,} are taken"))
        scan.given_up |= total > _FACTOR * limits.concerns
    return scan


def _scan_line(scan: _Scan, line: bytes, number: int) -> int:
    """The number of concerns in a line."""
    if not line.strip():
        return 0
    try:
        row = parse_object(line.decode())
    except ValueError:  # not UTF-8, not JSON
        return 0
    named = row.get("article_id")
    if isinstance(named, str):
        article_id = canonical_id(named)
        scan.answered.add(article_id)
        if row.get("status") in _FAILED:
            scan.failed.append(Problem(f"status {row['status']} for {printable(article_id)}", number))
    concerns = row.get("concerns")
    return len(concerns) if isinstance(concerns, list) else 0


def read_content(content: bytes, articles: Iterable[Any] | None) -> Predictions:
    """The strict reader on a file's content; `articles` says which ids are known (None: any). Raises InputError."""
    with tempfile.TemporaryDirectory(prefix="bioreview-") as folder:
        path = Path(folder) / PREDICTIONS
        path.write_bytes(content)
        try:
            return read_predictions(path, articles)
        except InputError as error:
            if error.problems:
                raise
            message = error.message.replace(str(path), PREDICTIONS)
            raise InputError(message, problems=[Problem(message)]) from error


def _ordered(problems: list[Problem]) -> list[Problem]:
    """Those of the file as a whole first, then by line."""
    return sorted(problems, key=lambda problem: problem.line or 0)


def _facts(predictions: Predictions, card: Card) -> dict[str, Any]:
    rows = predictions.rows.values()
    odd = [name for name in ("system_name", "organisation", "base_model") if mixed_scripts(getattr(card, name))]
    return {
        "n_rows": len(predictions),
        "n_concerns": sum(len(row.concerns) for row in rows),
        "n_blank": sum(row.n_blank for row in rows),
        "n_unknown_labels": sum(row.n_unknown_labels for row in rows),
        "mixed_scripts": odd,
    }
