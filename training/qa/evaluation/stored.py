"""Stored answers in the forms that exist, read into one.

judged      `{"detailed_results": {system: [{"question", "type", "expected", "response", "correct"}]}}`
rewarded    `{"per_sample": [{"prompt", "response", "total_reward", "verifier_scores", "confidence"}]}`
own         JSONL of `{"system", "question", "type", "response", "truth", "verifiers"}`, as `--answers-out` writes
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, printable
from bioreview_bench.files.jsonl import parse_object, read_rows

from ..items.given import checked, numbered, read_whole


@dataclass(frozen=True)
class Answer:
    """One stored answer. What a form does not hold is None."""

    system: str
    question: str
    response: str
    type: str
    expected: str | None = None
    verdict: bool | None = None
    reward: float | None = None
    components: Mapping[str, float] = field(default_factory=dict)
    confidence: float | None = None
    truth: Mapping[str, Any] | None = None
    verifiers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stored:
    """The answers of a file; `summary` is the calibration that the file itself states. Raises InputError for none."""

    path: Path
    answers: Sequence[Answer]
    summary: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.answers:
            raise InputError(f"{self.path} contains no answer.", remedy="name a file with answers")


def read_answers(path: Path) -> Stored:
    """Read a file of answers. Raises InputError for anything else, naming every row that cannot be used."""
    if path.suffix == ".jsonl":
        rows = ((f"line {line}", row) for line, row in read_rows(path, InputError))
        return Stored(path, checked(path, rows, lambda row: own_answer(row, path.stem)))
    text = read_whole(path)
    try:
        document = parse_object(text)
    except ValueError as error:
        raise InputError(f"{path}: {printable(error)}.", remedy="check that the file is whole") from error
    systems, samples = document.get("detailed_results"), document.get("per_sample")
    if isinstance(systems, dict):
        judged = (
            (f"{printable(system)}, row {number}", (system, row))
            for system, rows in systems.items()
            for number, row in enumerate(rows if isinstance(rows, list) else [None], start=1)
        )
        return Stored(path, checked(path, judged, lambda pair: _judged(*pair)))
    if isinstance(samples, list):
        name, summary = str(document.get("model_path") or path.stem), document.get("calibration")
        answers = checked(path, numbered(samples), lambda row: _rewarded(name, row))
        return Stored(path, answers, summary if isinstance(summary, dict) else None)
    raise InputError(
        f"{path} contains no answers: there is neither detailed_results nor per_sample in it.",
        remedy="name an evaluation file, or JSONL rows with question and response",
    )


def own_answer(row: Mapping[str, Any], system: str) -> Answer:
    """An answer from a row of `--answers-out`; `system` is its name where the row has none. Raises ValueError."""
    truth, verifiers = row.get("truth"), row.get("verifiers")
    if not isinstance(row.get("question"), str) or not isinstance(row.get("response"), str):
        raise ValueError("question and response must be strings")
    if not isinstance(truth, dict) or not isinstance(verifiers, list):
        raise ValueError("truth must be an object and verifiers a list")
    expected = truth.get("expected")
    return Answer(
        str(row.get("system") or system),
        row["question"],
        row["response"],
        str(row.get("type", "-")),
        expected if isinstance(expected, str) else None,
        truth=truth,
        verifiers=tuple(map(str, verifiers)),
    )


def _judged(system: str, row: Any) -> Answer:
    keys = ("question", "response", "type", "expected")
    texts = [row.get(key) for key in keys] if isinstance(row, dict) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("question, response, type and expected must be strings")
    verdict = row.get("correct")
    question, response, kind, expected = map(str, texts)
    return Answer(system, question, response, kind, expected, verdict if isinstance(verdict, bool) else None)


def _rewarded(system: str, row: Any) -> Answer:
    confidence = None if row.get("confidence") is None else _number(row["confidence"])
    if confidence is not None and not 0 <= confidence <= 1:
        raise ValueError("confidence is not from 0 to 1")
    return Answer(
        system,
        str(row["prompt"]),
        str(row["response"]),
        str(row.get("question_type", "-")),
        reward=_number(row["total_reward"]),
        components={str(name): _number(value) for name, value in row["verifier_scores"].items()},
        confidence=confidence,
    )


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{printable(value, 40)} is not a finite number")
    return float(value)
