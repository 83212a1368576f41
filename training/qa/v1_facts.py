"""V1, facts and directions: does the answer assert what the tables hold, and nothing else in its place?

Mends of the predecessor: words and numbers match on boundaries, so that 112 is not found in 1,112 nor "heart" in
"hearty"; a restated question earns nothing (what the question said is blanked out, and asking is not asserting), nor
does silence (it earned 0.3); naming all alternatives or many numbers is no answer; a comparison is scored tissue by
tissue (tissues that the answer left out were left out of the score).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .abstention import abstains
from .directions import direction_of, names
from .item import ABSTAIN
from .statements import Statements, as_number, numbers_in

CORE = 0.6  # of the score when further facts are asked for


def v1_facts(question: str, answer: str, truth: Mapping[str, Any]) -> float | None:
    """From 0 to 1; None when `truth` holds nothing that could be asserted. `question` is all that was asked.

    The core is the expected answer, or the direction of a pathway (for several tissues: the share of tissues). With
    further facts the score is core * (0.6 + 0.4 * share of facts asserted); without a core it is that share.
    """
    statements = Statements.of(answer, question)
    if truth.get("behaviour") == ABSTAIN:
        return float(abstains(" ".join(statements.sentences)))
    core = _core(question, statements, truth)
    facts = [statements.asserted(fact) for fact in truth.get("facts") or ()]
    if core is None:
        return sum(facts) / len(facts) if facts else None
    return core * (CORE + (1 - CORE) * sum(facts) / len(facts)) if facts else core


def _core(question: str, statements: Statements, truth: Mapping[str, Any]) -> float | None:
    expected = truth.get("expected")
    if expected is not None:
        return _expected(question, statements, str(expected), truth)
    if truth.get("directions"):
        shares: list[bool] = [
            direction_of(Statements(_about(statements, tissue, truth["directions"])), names(truth["pathway"]))
            == direction
            for tissue, direction in truth["directions"].items()
        ]
        return sum(shares) / len(shares)
    if truth.get("direction") is not None:
        return float(direction_of(statements, names(truth["pathway"])) == str(truth["direction"]))
    return None


def _expected(question: str, statements: Statements, expected: str, truth: Mapping[str, Any]) -> float:
    if not statements.asserted(expected):
        return 0.0
    others = [other for other in truth.get("alternatives") or () if other != expected]
    if any(statements.asserted(other) for other in others):
        return 0.0
    return 1.0 if as_number(expected) is None else 1 / max(1, _unasked(question, statements, truth))


def _unasked(question: str, statements: Statements, truth: Mapping[str, Any]) -> int:
    """How many different numbers are stated that neither truth nor question holds; one is a detail, ten are a guess."""
    held = [truth["expected"], *(truth.get("facts") or ()), *(truth.get("alternatives") or ())]
    known = {value for term in held if (value := as_number(str(term))) is not None}
    known |= {number.value for _, _, number in numbers_in(question)}
    stated = {number.value for number in statements.numbers()}
    return len(stated - known)


def _about(statements: Statements, tissue: str, tissues: Mapping[str, str]) -> tuple[str, ...]:
    """Sentences that speak of the tissue and of no other of the tissues, or clauses where a sentence speaks of both."""
    others = [other for other in tissues if other != tissue]
    found = []
    for sentence in statements.sentences:
        one = Statements((sentence,))
        if not one.naming([tissue]).sentences:
            continue
        found += [sentence] if not one.naming(others).sentences else list(one.naming([tissue]).sentences)
    return tuple(found)
