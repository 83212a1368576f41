"""V3, consistency: does the answer cover what is compared, and end where its steps lead?

Mends of the predecessor: a comparison earned half its score by the mere word "consistent", however negated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .statements import Statements

_SAME = ("the same", "same", "share", "shares", "shared", "identical", "alike", "consistent", "agree", "concordant")
_DIFFERENT = ("different", "differ", "differs", "opposite", "inconsistent", "disagree", "discordant", "distinct")
_LAST = 2  # sentences that count as the end


def v3_consistency(question: str, answer: str, truth: Mapping[str, Any]) -> float | None:
    """From 0 to 1; None when `truth` holds neither a comparison nor an expected answer.

    Comparison: half for the share of tissues that are named, half for the right verdict (same or different, and not
    both). Otherwise 1 when one of the last two sentences asserts the expected answer and no alternative. Either is
    scaled by the share of sentences that are not repeated.
    """
    statements = Statements.of(answer, question)
    if not statements.sentences:
        return 0.0
    if truth.get("consistent"):
        found = _compared(Statements.of(answer), statements, truth)
    elif truth.get("expected"):
        end = Statements(statements.sentences[-_LAST:])
        others = [other for other in truth.get("alternatives") or () if other != truth["expected"]]
        found = float(end.asserted(truth["expected"]) and not any(end.asserted(other) for other in others))
    else:
        return None
    return found * len(set(statements.sentences)) / len(statements.sentences)


def _compared(whole: Statements, statements: Statements, truth: Mapping[str, Any]) -> float:
    tissues = truth.get("tissues") or list(truth.get("directions") or ())
    named = sum(bool(whole.naming([tissue]).sentences) for tissue in tissues) / len(tissues) if tissues else 0.0
    verdicts = set()
    if any(statements.asserted(word) for word in _SAME):
        verdicts.add("same")
    if any(statements.asserted(word) for word in _DIFFERENT) or _denied(statements):
        verdicts.add("different")
    return 0.5 * named + 0.5 * (verdicts == {truth["consistent"]})


def _denied(statements: Statements) -> bool:
    """ "not the same", "do not share": the word is there and is not asserted."""
    return any(statements.naming([word]).sentences and not statements.asserted(word) for word in _SAME)
