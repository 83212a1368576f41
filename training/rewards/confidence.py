"""V4, stated confidence: a score that is best when one says what one believes, and pays nothing for doubt in junk."""

from __future__ import annotations

from collections.abc import Iterable

WORST = -1.0


def confidence_score(stated: float | None, right: bool) -> float:
    """y - (c - y)^2 for a confidence c and an outcome y (1 right, 0 wrong): from -1 to 1.

    This is the Brier score (G. W. Brier 1950), turned round and shifted by a term that does not depend on c, so it is
    proper: in expectation c = P(right) is the best to say, and is worth P(right)^2. The shift makes a wrong answer at
    confidence 0 worth 0 and not 1: doubt earns nothing by itself. An omitted confidence counts as the worst that could
    have been said, y - 1.
    """
    outcome = float(right)
    if stated is None:
        return outcome - 1
    return outcome - (stated - outcome) ** 2


def confidence_reward(stated: Iterable[tuple[float | None, bool]]) -> float:
    """Mean over (confidence, matched) of the concerns of a review; -1 when there is none."""
    scores = [confidence_score(given, right) for given, right in stated]
    return sum(scores) / len(scores) if scores else WORST
