"""Stored answers in the forms that exist, read into one.

judged      `{"detailed_results": {system: [{"question", "type", "expected", "response", "correct"}]}}`
rewarded    `{"per_sample": [{"prompt", "response", "total_reward", "verifier_scores", "confidence"}]}`
own         JSONL of `{"system", "question", "type", "response", "truth", "verifiers"}`, as `--answers-out` writes
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.jsonl import parse_object, read_rows

_LARGEST = 256 << 20  # bytes
_SHOWN = 20


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
    """The answers of a file; `summary` is the calibration that the file itself states."""

    path: Path
    form: str
    answers: tuple[Answer, ...]
    summary: Mapping[str, Any] | None = None


def read_answers(path: Path) -> Stored:
    """Read a file of answers. Raises InputError for anything else, naming every row that cannot be used."""
    if path.suffix == ".jsonl":
        return _own(path)
    document = _document(path)
    if isinstance(document.get("detailed_results"), dict):
        return _judged(path, document["detailed_results"])
    if isinstance(document.get("per_sample"), list):
        return _rewarded(path, document)
    raise InputError(
        f"{path} holds no answers: there is neither detailed_results nor per_sample in it.",
        remedy="name an evaluation file, or JSONL rows with question and response",
    )


def _judged(path: Path, systems: Mapping[str, Any]) -> Stored:
    answers, problems = [], []
    for system, rows in systems.items():
        for number, row in enumerate(rows if isinstance(rows, list) else [None], start=1):
            texts = (
                [row.get(key) for key in ("question", "response", "type", "expected")] if isinstance(row, dict) else []
            )
            if not texts or not all(isinstance(text, str) for text in texts):
                problems.append(
                    f"{printable(system)}, row {number}: question, response, type and expected must be strings"
                )
                continue
            question, response, kind, expected = map(str, texts)
            verdict = row.get("correct")
            answers.append(
                Answer(system, question, response, kind, expected, verdict if isinstance(verdict, bool) else None)
            )
    return Stored(path, "judged", _held(path, answers, problems))


def _rewarded(path: Path, document: Mapping[str, Any]) -> Stored:
    answers, problems = [], []
    system = str(document.get("model_path") or path.stem)
    for number, row in enumerate(document["per_sample"], start=1):
        try:
            components = {str(name): _number(value) for name, value in row["verifier_scores"].items()}
            confidence = None if row.get("confidence") is None else _number(row["confidence"])
            if confidence is not None and not 0 <= confidence <= 1:
                raise ValueError("confidence is not from 0 to 1")
            answers.append(
                Answer(
                    system,
                    str(row["prompt"]),
                    str(row["response"]),
                    str(row.get("question_type", "-")),
                    reward=_number(row["total_reward"]),
                    components=components,
                    confidence=confidence,
                )
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            problems.append(f"row {number}: {printable(error)}")
    summary = document.get("calibration")
    return Stored(path, "rewarded", _held(path, answers, problems), summary if isinstance(summary, dict) else None)


def _own(path: Path) -> Stored:
    answers, problems = [], []
    for line, row in read_rows(path, InputError):
        if isinstance(row, Problem):
            problems.append(str(row))
            continue
        truth, verifiers = row.get("truth"), row.get("verifiers")
        if not isinstance(row.get("question"), str) or not isinstance(row.get("response"), str):
            problems.append(f"line {line}: question and response must be strings")
        elif not isinstance(truth, dict) or not isinstance(verifiers, list):
            problems.append(f"line {line}: truth must be an object and verifiers a list")
        else:
            system = str(row.get("system") or path.stem)
            kind, expected = str(row.get("type", "-")), truth.get("expected")
            answers.append(
                Answer(
                    system,
                    row["question"],
                    row["response"],
                    kind,
                    expected if isinstance(expected, str) else None,
                    truth=truth,
                    verifiers=tuple(map(str, verifiers)),
                )
            )
    return Stored(path, "own", _held(path, answers, problems))


def _held(path: Path, answers: list[Answer], problems: list[str]) -> tuple[Answer, ...]:
    if problems:
        shown = [Problem(problem) for problem in problems[:_SHOWN]]
        raise InputError(f"{path} has rows that cannot be used:", problems=shown, remedy="mend the rows named")
    if not answers:
        raise InputError(f"{path} holds no answer.", remedy="name a file with answers")
    return tuple(answers)


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path} is larger than {_LARGEST >> 20} MiB.", remedy="name a smaller file")
        return parse_object(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}.", remedy="check the path") from error
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.", remedy="name a file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8.", remedy="save it as UTF-8") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: {printable(error)}.", remedy="check that the file is whole") from error


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{printable(value, 40)} is not a finite number")
    return float(value)
