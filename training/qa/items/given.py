"""Rows that others made, read strictly: supervised rows and preference pairs in the `### Instruction:` form, questions.

The question goes into the one template, whose answers end with a confidence: an answer that lacks the line is
completed, or its row is not used (`completed`).

Also which questions stand in a training file, and which rows of it stand there more than once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.jsonl import read_rows
from bioreview_bench.files.reading import read_filled

from ..prompt import asked, closed, conversation, given_question, question_key

_LARGEST = 256 << 20  # bytes
_SHOWN = 20  # problems
T = TypeVar("T")


@dataclass(frozen=True)
class Given:
    """A row to train on: its question, and the line to be written."""

    question: str
    row: dict[str, Any]


def read_sft(path: Path) -> tuple[list[Given], int]:
    """(rows, number of exact duplicates left out) of a JSON list of `{"text"}`. Raises InputError."""
    texts = read_list(path)
    rows = checked(path, numbered(texts), _sft_row)
    distinct: dict[str, Given] = {}
    for text, row in zip(texts, rows, strict=True):
        distinct.setdefault(text["text"], row)
    return list(distinct.values()), len(rows) - len(distinct)


def read_pairs(path: Path) -> list[Given]:
    """Preference pairs: a JSON list of `{"prompt", "chosen", "rejected"}`. Raises InputError."""
    rows = checked(path, numbered(read_list(path)), _pair)
    return [Given(row.question, {"id": f"pair-{number}", **row.row}) for number, row in enumerate(rows, start=1)]


def completed(rows: Sequence[Given], percent: int | None) -> tuple[list[Given], int, int]:
    """(rows whose every answer ends with the confidence that the prompt demands, how many were completed, how many are
    left out).

    An answer without the line gets one: of the confidence that it states in other words, or else of `percent`; with
    `percent` None its row is left out. Both answers of a pair that state none get the same line, so that the pair
    prefers no confidence.
    """
    kept, n_completed = [], 0
    for given in rows:
        made = _completed(given.row, percent)
        if made is not None:
            n_completed += made != given.row
            kept.append(Given(given.question, made))
    return kept, n_completed, len(rows) - len(kept)


def _completed(row: Mapping[str, Any], percent: int | None) -> dict[str, Any] | None:
    made = dict(row)
    for key in ("chosen", "rejected"):
        if key in row:
            text = closed(row[key][0]["content"], percent)
            if text is None:
                return None
            made[key] = [{"role": "assistant", "content": text}]
    if "answer" in row:
        text = closed(row["answer"], percent)
        if text is None:
            return None
        made |= {"answer": text, "messages": conversation(row["question"], text)}
    return made


def read_questions(path: Path) -> list[dict[str, Any]]:
    """Rows with `question`, `truth` and `verifiers`, as `bench train qa-data` writes them. Raises InputError."""
    rows = checked(path, ((f"line {line}", row) for line, row in read_rows(path, InputError)), _question)
    if not rows:
        raise InputError(f"{path} contains no question.", remedy="make it by bench train qa-data")
    return rows


def checked(path: Path, rows: Iterable[tuple[str, Any]], read: Callable[[Any], T]) -> list[T]:
    """What `read` makes of rows, each with its place. Raises InputError naming every row that it refuses."""
    made, problems = [], []
    for place, row in rows:
        try:
            if isinstance(row, Problem):
                raise ValueError(row.message)
            made.append(read(row))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            problems.append(Problem(f"{place}: {printable(error)}"))
    if problems:
        raise InputError(
            f"{path} has rows that cannot be used:", problems=problems[:_SHOWN], remedy="fix the rows named"
        )
    return made


def numbered(rows: Sequence[Any]) -> Iterable[tuple[str, Any]]:
    """Rows with their places, for `checked`."""
    return ((f"row {number}", row) for number, row in enumerate(rows, start=1))


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
    return read_filled(path, InputError, "name a file of rows in UTF-8", "utf-8-sig")


def _json(path: Path) -> Any:
    text = read_whole(path)
    try:
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {printable(error)}.", remedy="check that the file is whole") from error


def _sft_row(row: Mapping[str, Any]) -> Given:
    text = row.get("text")
    parts = given_question(text) if isinstance(text, str) else None
    if parts is None or not parts[1]:
        raise ValueError("there is no text with ### Instruction: and ### Response:")
    question, answer = parts
    line: dict[str, Any] = {
        "messages": conversation(question, answer),
        "question": question,
        "answer": answer,
        "type": "given",
        "truth": {},
        "verifiers": [],
        "tissue": None,
    }
    return Given(question, line)


def _pair(row: Mapping[str, Any]) -> Given:
    texts = [row.get(key) for key in ("prompt", "chosen", "rejected")]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError("prompt, chosen or rejected is missing")
    prompt, chosen, rejected = map(str, texts)
    if chosen.strip() == rejected.strip():
        raise ValueError("chosen and rejected are the same")
    parts = given_question(prompt)
    question = parts[0] if parts else prompt.strip()
    answers = {"chosen": chosen, "rejected": rejected}
    turns = {name: [{"role": "assistant", "content": text}] for name, text in answers.items()}
    return Given(question, {"question": question, "prompt": asked(question), **turns})


def _question(row: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(row.get("question"), str) or not row["question"].strip():
        raise ValueError("question must be a string that is not blank")
    if not isinstance(row.get("truth"), dict) or not isinstance(row.get("verifiers"), list):
        raise ValueError("truth must be an object and verifiers a list")
    return dict(row)


@dataclass(frozen=True)
class Contamination:
    """Of `n_questions` distinct questions: how many stand word for word, and after normalisation, in the training file.

    Of its `n_rows` rows (0 where it is no list of texts), `n_duplicates` repeat an earlier row exactly.
    """

    file: str
    n_questions: int
    n_verbatim: int
    n_normalised: int
    n_rows: int
    n_duplicates: int

    @property
    def sentence(self) -> str:
        """What a reader of the scores should know; empty when there is nothing."""
        parts = []
        if self.n_normalised:
            parts.append(
                f"{self.n_verbatim} of the {self.n_questions} questions are word for word in {self.file}"
                + (f" ({self.n_normalised} up to case and signs)" if self.n_normalised > self.n_verbatim else "")
                + ": right answers to them may be remembered"
            )
        if self.n_duplicates:
            parts.append(f"{self.n_duplicates} of the {self.n_rows} rows of {self.file} repeat another row")
        return "; ".join(parts)


def contamination(questions: Iterable[str], path: Path) -> Contamination:
    """Compare questions with a training file (JSON or JSONL). Raises InputError when it cannot be read."""
    asked = list(dict.fromkeys(questions))
    trained = questions_in(path)
    verbatim, keys = set(trained), set(map(question_key, trained))
    texts = _texts(path)
    return Contamination(
        file=path.name,
        n_questions=len(asked),
        n_verbatim=sum(question in verbatim for question in asked),
        n_normalised=sum(question_key(question) in keys for question in asked),
        n_rows=len(texts),
        n_duplicates=len(texts) - len(set(texts)),
    )


def _texts(path: Path) -> Sequence[str]:
    if path.suffix == ".jsonl":
        return ()
    return [row["text"] for row in read_list(path) if isinstance(row.get("text"), str)]
