"""What is trained on and what is evaluated: held-out tissues, a wording kept back, proof that nothing is in both.

Questions that were trained on, and rows that stand in a training file more than once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bioreview_bench.errors import DataError, InputError, printable

from ..prompt import question_key
from .given import questions_in, read_list
from .item import Item

_SHOWN = 5


def divide(items: Sequence[Item], held_out: Sequence[str]) -> tuple[list[Item], list[Item]]:
    """(train, evaluation), in the order of `items`.

    Every item that depends on a held-out tissue is for evaluation. Of other facts the last wording is: the fact is
    learnt in other words. Facts with one wording are for training. Raises InputError for a tissue that no item has.
    """
    known = sorted({tissue for item in items for tissue in item.tissues})
    wanted = {name.casefold() for name in held_out}
    unknown = sorted(wanted - set(known))
    if unknown:
        raise InputError(
            f"No item has the tissue {', '.join(map(printable, unknown))}.",
            remedy=f"the tissues are {', '.join(known)}",
        )
    last: dict[str, int] = {}
    for item in items:
        last[item.fact] = max(item.wording, last.get(item.fact, 0))
    train: list[Item] = []
    evaluation: list[Item] = []
    for item in items:
        kept_back = item.wording > 0 and item.wording == last[item.fact]
        (evaluation if kept_back or wanted & set(item.tissues) else train).append(item)
    return train, evaluation


def prove_disjoint(train: Iterable[str], evaluation: Iterable[str]) -> None:
    """Raise DataError when a question is in both after normalisation (case, signs, thousands, white space)."""
    asked = {question_key(question): question for question in evaluation}
    both = [asked[key] for key in dict.fromkeys(map(question_key, train)) if key in asked]
    if both:
        listed = "\n".join(f"  {printable(question)}" for question in both[:_SHOWN])
        raise DataError(
            f"{len(both)} questions are in training and in evaluation:\n{listed}",
            remedy="--keep-out the evaluation file, so that these questions leave training",
        )


@dataclass(frozen=True)
class Contamination:
    """Of `n_questions` distinct questions: how many stand word for word, and after normalisation, in the training file.

    Of its `n_rows` rows (0 where it is no list of texts), `n_duplicates` repeat an earlier row exactly.
    """

    path: Path
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
                f"{self.n_verbatim} of the {self.n_questions} questions stand word for word in {self.path.name}"
                + (f" ({self.n_normalised} up to case and signs)" if self.n_normalised > self.n_verbatim else "")
                + ": right answers to them may be remembered"
            )
        if self.n_duplicates:
            parts.append(f"{self.n_duplicates} of the {self.n_rows} rows of {self.path.name} repeat another row")
        return "; ".join(parts)


def contamination(questions: Iterable[str], path: Path) -> Contamination:
    """Compare questions with a training file (JSON or JSONL). Raises InputError when it cannot be read."""
    asked = list(dict.fromkeys(questions))
    trained = questions_in(path)
    verbatim, keys = set(trained), set(map(question_key, trained))
    texts = _texts(path)
    return Contamination(
        path=path,
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
