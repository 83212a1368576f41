"""Questions of `bench train qa-data`, as GRPO reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError, Problem, printable

from ..corpora.files import Rows, ends_with, has_strings, read_stated
from .items.build import GRPO
from .prompt import question_key
from .verifiers import VERIFIERS

_MOST_PROBLEMS = 20


def read_questions(folder: Path, fingerprint: str | None) -> Rows:
    """The questions of `grpo.jsonl`. Raises DataError."""
    return read_stated(folder, GRPO, _wrong_question, fingerprint)


def require_held_out(read: Rows, tissues: Sequence[str]) -> list[str]:
    """Raise DataError for rows that depend on, or name, a tissue that is held out.

    Returns those of `tissues` that the folder was not made to hold out, which therefore nothing evaluates.
    """
    problems = []
    for number, row in enumerate(read.rows, start=1):
        words = f" {question_key(' '.join((row['question'], str(row.get('answer', '')))))} "
        of = (row.get("tissue") or "").casefold().split("+")
        named = [name for name in tissues if name.casefold() in of or f" {question_key(name)} " in words]
        if named:
            problems.append(Problem(f"{printable(row['id'])}: {', '.join(named)}", number))
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems[:_MOST_PROBLEMS])
        options = " ".join(f"--hold-out {name}" for name in tissues)
        raise DataError(
            f"{len(problems):,} of {len(read.rows):,} training questions are of a tissue that is held out:\n{listed}",
            remedy=f"bench train qa-data {options} -o NEW_FOLDER",
        )
    known = {str(name).casefold() for name in read.manifest.get("held_out", ())}
    return [name for name in tissues if name.casefold() not in known]


def _wrong_question(row: Mapping[str, Any]) -> str | None:
    if not has_strings(row, "id", "question") or not ends_with(row.get("prompt"), "user"):
        return "id, question or prompt is missing"
    verifiers, known = row.get("verifiers"), {*VERIFIERS.values()}
    if not isinstance(row.get("truth"), dict) or not isinstance(verifiers, list) or not set(verifiers) <= known:
        return "truth or verifiers is missing, or of another kind"
    if not isinstance(row.get("tissue"), str | None):
        return "tissue is not text"
    return None
