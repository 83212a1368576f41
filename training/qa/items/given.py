"""Rows that others made, passed through: supervised rows and preference pairs in the `### Instruction:` form.

Texts of answers stay as they are; the question goes into the one template.

Question rows, as `bench train qa-data` writes them, read strictly.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.jsonl import read_rows
from bioreview_bench.files.reading import read_text

from ..prompt import asked, conversation, given_question, question_key

_LARGEST = 256 << 20  # bytes


@dataclass(frozen=True)
class Given:
    """A row to train on: its question, and the line to be written."""

    question: str
    row: dict[str, Any]


def read_sft(path: Path) -> tuple[list[Given], int]:
    """(rows, number of exact duplicates left out) of a JSON list of `{"text"}`. Raises InputError."""
    found: dict[str, Given] = {}
    problems, n = [], 0
    for number, row in enumerate(read_list(path), start=1):
        text = row.get("text")
        parts = given_question(text) if isinstance(text, str) else None
        if parts is None or not parts[1]:
            problems.append(Problem(f"row {number} has no text with ### Instruction: and ### Response:"))
            continue
        n += 1
        question, answer = parts
        row = {
            "messages": conversation(question, answer),
            "question": question,
            "answer": answer,
            "type": "given",
            "truth": {},
            "verifiers": [],
            "tissue": None,
        }
        found.setdefault(str(text), Given(question, row))
    _refuse(path, problems)
    kept = [
        Given(held.question, {"id": f"given-{place}", **held.row}) for place, held in enumerate(found.values(), start=1)
    ]
    return kept, n - len(found)


def read_pairs(path: Path) -> list[Given]:
    """Preference pairs: a JSON list of `{"prompt", "chosen", "rejected"}`. Raises InputError."""
    kept, problems = [], []
    for number, row in enumerate(read_list(path), start=1):
        texts = [row.get(key) for key in ("prompt", "chosen", "rejected")]
        if not all(isinstance(text, str) and text.strip() for text in texts):
            problems.append(Problem(f"row {number} lacks prompt, chosen or rejected"))
            continue
        prompt, chosen, rejected = map(str, texts)
        if chosen.strip() == rejected.strip():
            problems.append(Problem(f"row {number}: chosen and rejected are the same"))
            continue
        parts = given_question(prompt)
        question = parts[0] if parts else prompt.strip()
        row = {
            "id": f"pair-{number}",
            "question": question,
            "prompt": asked(question),
            "chosen": [{"role": "assistant", "content": chosen}],
            "rejected": [{"role": "assistant", "content": rejected}],
        }
        kept.append(Given(question, row))
    _refuse(path, problems)
    return kept


def questions_in(path: Path) -> list[str]:
    """Every `question` in a JSON or JSONL file, at any depth, and those of `### Instruction:` texts.

    Raises InputError when there is none.
    """
    found: list[str] = []
    stack = [_json(path)]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(reversed(value))
        elif isinstance(value, dict):
            for key, held in value.items():
                if key == "question" and isinstance(held, str):
                    found.append(held)
                elif key in ("text", "prompt") and isinstance(held, str) and (parts := given_question(held)):
                    found.append(parts[0])
                else:
                    stack.append(held)
    if not found:
        raise InputError(f"There is no question in {path}.", remedy='name a file whose rows have a "question"')
    return found


def leave_out(rows: Iterable[Given], keys: set[str]) -> tuple[list[Given], int]:
    """(rows whose question is not among `keys`, number left out)."""
    held = list(rows)
    kept = [row for row in held if question_key(row.question) not in keys]
    return kept, len(held) - len(kept)


def read_list(path: Path) -> list[Mapping[str, Any]]:
    """The objects of a JSON list. Raises InputError."""
    value = _json(path)
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise InputError(f"{path} is not a JSON list of objects.", remedy="name a file of rows")
    return value


def read_whole(path: Path) -> str:
    """The text of a file of at most 256 MiB. Raises InputError."""
    if path.is_file() and path.stat().st_size > _LARGEST:
        raise InputError(f"{path} is larger than {_LARGEST >> 20} MiB.", remedy="name a smaller file")
    return read_text(path, InputError, "name a file of rows in UTF-8", "utf-8-sig")


def _json(path: Path) -> Any:
    text = read_whole(path)
    try:
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {printable(error)}.", remedy="check that the file is whole") from error


def _refuse(path: Path, problems: list[Problem]) -> None:
    if problems:
        raise InputError(f"{path} cannot be used:", problems=problems[:20], remedy="fix the rows named")


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
