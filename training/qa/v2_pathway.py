"""V2, pathway: is the pathway named where its direction or pattern is asserted, with scores that it has?

Mends of the predecessor: half of a fact's words were enough for the whole fact, and words matched inside words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .directions import directions_in, names
from .statements import Statements

WRONG_SCORE = 0.5  # the factor for quoting a score that the pathway does not have


def v2_pathway(question: str, answer: str, truth: Mapping[str, Any]) -> float | None:
    """From 0 to 1; None when `truth` names no pathway.

    0 unless a sentence names the pathway and asserts its expected pattern or direction (for several tissues: each of
    the directions); halved when such a sentence quotes a score (a number with decimals) that is none of the pathway's.
    """
    if not truth.get("pathway"):
        return None
    statements = Statements.of(answer, question)
    called = names(truth["pathway"])
    sentences = [one for text in statements.sentences if (one := Statements((text,))).naming(called).sentences]
    if not sentences:
        return 0.0
    if truth.get("expected"):
        told = any(one.asserted(truth["expected"]) for one in sentences)
    else:
        wanted = set((truth.get("directions") or {}).values()) or {truth.get("direction")}
        told = wanted <= set().union(*map(directions_in, sentences))
    if not told:
        return 0.0
    scores = truth.get("scores") or ()
    quoted = [number for one in sentences for number in one.numbers() if number.decimals]
    wrong = scores and any(not any(number.states(true) for true in scores) for number in quoted)
    return WRONG_SCORE if wrong else 1.0
