"""What is trained on and what is evaluated: held-out tissues, a wording kept back, proof that nothing is in both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bioreview_bench.errors import DataError, InputError, printable

from .item import Item
from .prompt import question_key

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
