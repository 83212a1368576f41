"""V4, uncertainty: does the stated confidence fit the answer?

`match_v1` is a proper score of the confidence against V1 (rewards/confidence.py). `legacy` is the predecessor's rule,
which knows the question and not whether the answer is right; it stands here for comparison with published runs. Mends
of the predecessor in both: how confidence is read (confidence_parse.py). In `match_v1` moderate confidence is not
flattened: the predecessor gave 0.2 (0.1 in its fourth phase) to everything from 0 to 0.6 said of a right answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..rewards.confidence import confidence_score
from .confidence_parse import stated_confidence

MODES = ("match_v1", "legacy")
RIGHT = 0.5  # V1 above this is a right answer
_UNSTATED = 0.5  # what the predecessor took silence for
_LEVELS = {"high": (0.70, 1.00), "medium": (0.35, 0.75), "low": (0.00, 0.40)}


def v4_match_v1(answer: str, v1: float | None) -> float | None:
    """y - (c - y)^2 with y = 1 when V1 is above 0.5; silence is the worst of all c. None when V1 does not apply."""
    return None if v1 is None else confidence_score(stated_confidence(answer), v1 > RIGHT)


def v4_legacy(answer: str, truth: Mapping[str, Any]) -> float:
    """The predecessor's rule for the confidence c that is stated (0.5 when none is).

    `context_dependent` questions: 0.6 * [0.3 <= c <= 0.75] + 0.4 * max(0, 1 - 2|c - 0.5|), which gives every score of
    uncertainty questions in the stored fourth-phase evaluation. Questions with an expected level (`high` 0.70 to 1,
    `medium` 0.35 to 0.75, `low` 0 to 0.40): 1 inside, max(0, 1 - 2.5 d) at a distance d. Others:
    max(0.2, 1 - 1.5|c - 0.5|), from the published source; no stored row shows it.
    """
    stated = stated_confidence(answer)
    given = _UNSTATED if stated is None else stated
    return legacy_score(given, truth.get("behaviour"), truth.get("expected_confidence"))


def legacy_score(given: float, behaviour: str | None, level: str | None) -> float:
    """The rule of `v4_legacy` for a confidence."""
    if behaviour == "context_dependent":
        return 0.6 * (0.30 <= given <= 0.75) + 0.4 * max(0.0, 1 - 2 * abs(given - 0.5))
    if level in _LEVELS:
        low, high = _LEVELS[level]
        distance = max(low - given, given - high, 0.0)
        return max(0.0, 1 - 2.5 * distance)
    return max(0.2, 1 - 1.5 * abs(given - 0.5))
