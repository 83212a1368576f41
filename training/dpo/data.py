"""Preference pairs as tokens: each answer proved as examples of supervised training are, questions held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.errors import DataError, InputError, printable

from ..corpora.files import Rows, asked_by, chosen
from ..models.encode_examples import Encoder, Example, encode_all
from ..runs.preparing import Model
from .config import DpoConfig


@dataclass(frozen=True)
class Pair:
    """Token ids of a prompt, of the chosen answer and of the rejected one, each answer with its end."""

    key: str
    prompt: NDArray[np.int32]
    chosen: NDArray[np.int32]
    rejected: NDArray[np.int32]

    @property
    def length(self) -> int:
        """Tokens of the prompt and the longer answer."""
        return len(self.prompt) + max(len(self.chosen), len(self.rejected))


@dataclass(frozen=True)
class Pairs:
    """Pairs to train on, and pairs of other questions to measure accuracy with."""

    train: Sequence[Pair]
    held_out: Sequence[Pair]


def question_of(row: Mapping[str, Any]) -> str:
    """What is asked in a pair: its article, or else the words of the prompt."""
    return str(row.get("article_id") or row["prompt"][-1]["content"])


def divide(rows: Sequence[Mapping[str, Any]], n: int, seed: int) -> tuple[list[Any], list[Any]]:
    """(train, held out): all pairs of `n` questions, chosen by the seed, are held out. Raises InputError."""
    questions = {question_of(row) for row in rows}
    if n >= len(questions):
        raise InputError(
            f"The pairs ask {len(questions):,} questions, and data.held_out is {n:,}: nothing is left to train on.",
            remedy="--set data.held_out=N with a smaller number",
        )
    apart = set(chosen(questions, n, seed))
    return (
        [row for row in rows if question_of(row) not in apart],
        [row for row in rows if question_of(row) in apart],
    )


def prove_pairs(config: DpoConfig, read: Rows, model: Model, progress: Callable[[str, int, int], None]) -> Pairs:
    """All pairs as tokens. Raises DataError listing answers that do not fit or cannot be proved."""
    train, apart = divide(read.rows, config.data.held_out, config.training.seed)
    asking = asked_by(read.manifest)
    encoder = Encoder(
        model.chat,
        model.family,
        model.end_id,
        thinking=asking["thinking"],
        system=asking["system"],
        max_length=config.training.max_length,
    )
    return Pairs(
        _encoded(train, encoder, lambda done, of: progress("train", done, of)),
        _encoded(apart, encoder, lambda done, of: progress("held-out pairs", done, of)),
    )


def _encoded(rows: Sequence[Mapping[str, Any]], encoder: Encoder, progress: Callable[[int, int], None]) -> list[Pair]:
    answers = [
        {"article_id": f"{row['id']} {side}", "messages": [*row["prompt"], *row[side]]}
        for row in rows
        for side in ("chosen", "rejected")
    ]
    found = encode_all(answers, encoder, "the pairs", progress)
    return [
        _pair(str(row["id"]), first, second) for row, first, second in zip(rows, found[::2], found[1::2], strict=True)
    ]


def _pair(key: str, first: Example, second: Example) -> Pair:
    prompt = first.input_ids[: first.n_prompt]
    if not np.array_equal(prompt, second.input_ids[: second.n_prompt]):
        raise DataError(f"The pair {printable(key)} has two prompts.", remedy="report this as a defect")
    return Pair(key, prompt, first.input_ids[first.n_prompt :], second.input_ids[second.n_prompt :])


def dataset(pairs: Sequence[Pair]) -> Any:
    """For TRL's DPOTrainer: columns prompt_ids, chosen_ids, rejected_ids."""
    from datasets import Dataset

    return Dataset.from_dict(
        {
            "prompt_ids": [one.prompt for one in pairs],
            "chosen_ids": [one.chosen for one in pairs],
            "rejected_ids": [one.rejected for one in pairs],
        }
    )
