"""Question rows, as `bench train qa-data` writes them, read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, Problem
from bioreview_bench.files.jsonl import read_rows


def read_questions(path: Path) -> list[dict[str, Any]]:
    """Rows with `question`, `truth` and `verifiers`. Raises InputError listing every row without."""
    rows, problems = [], []
    for line, row in read_rows(path, InputError):
        if isinstance(row, Problem):
            problems.append(row)
        elif not isinstance(row.get("question"), str) or not row["question"].strip():
            problems.append(Problem("question must be a string that is not blank", line))
        elif not isinstance(row.get("truth"), dict) or not isinstance(row.get("verifiers"), list):
            problems.append(Problem("truth must be an object and verifiers a list", line))
        else:
            rows.append(row)
    if problems:
        raise InputError(
            f"{path} has rows that cannot be asked:", problems=problems[:20], remedy="make it by bench train qa-data"
        )
    if not rows:
        raise InputError(f"{path} holds no question.", remedy="make it by bench train qa-data")
    return rows
