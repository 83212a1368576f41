"""V3, consistency: a readable answer, labels of the vocabulary, no repetition, no copying, no more than is needed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES

FORM = {"ok": 1.0, "repaired": 0.8, "truncated": 0.5}  # by the parser's status; every other is 0
FEWEST_ALLOWED, MOST_ALLOWED, PER_REFERENCE = 5, 20, 1.5
SHORTEST, LONGEST = 6, 100  # words of a concern
SAME = 0.7  # share of words in common from which on a concern repeats an earlier one
_WORD = re.compile(r"[^\W_]+")


def allowed(n_references: int) -> int:
    """How many concerns may be written at no loss: one and a half for each reference, 5 at least, 20 at most."""
    return max(FEWEST_ALLOWED, min(MOST_ALLOWED, round(PER_REFERENCE * n_references)))


def repeats(texts: Sequence[str]) -> list[bool]:
    """Which texts share 70 % of their words (Jaccard) with an earlier one."""
    words = [set(_WORD.findall(text.casefold())) for text in texts]
    return [any(_overlap(own, earlier) >= SAME for earlier in words[:place]) for place, own in enumerate(words)]


def consistency(
    status: str, concerns: Sequence[Mapping[str, Any]], faulty: Sequence[bool], n_written: int, n_references: int
) -> float:
    """form * (labels + 1) / 2 * fair * sized * short, each from 0 to 1.

    form: by parser status. labels: share of the labels category and severity that are of the vocabulary. fair: share
    of concerns that are not `faulty` (repeated, copied or stock). sized: share of concerns of 6 to 100 words. short:
    allowed / written, at most 1. `concerns` are the ones looked at, `n_written` how many there were.
    """
    if not concerns:
        return 0.0
    labels = [concern.get("category") in CATEGORIES for concern in concerns]
    labels += [concern.get("severity") in SEVERITIES for concern in concerns]
    sized = [SHORTEST <= len(_WORD.findall(concern["text"])) <= LONGEST for concern in concerns]
    short = min(1.0, allowed(n_references) / n_written)
    return FORM.get(status, 0.0) * (_share(labels) + 1) / 2 * (1 - _share(faulty)) * _share(sized) * short


def _share(given: Sequence[bool]) -> float:
    return sum(given) / len(given)


def _overlap(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0
