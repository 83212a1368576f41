"""The operating point, by hand, and folds that are measured at the threshold of the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bioreview_bench.data.article import Article
from bioreview_bench.errors import InputError
from bioreview_bench.training.matcher.validate import by_fold, operating_point
from bioreview_bench.validity.sheets import Question, Sheet


def article(number: int) -> Article:
    concerns = [
        {
            "concern_id": f"{number}C{place}",
            "concern_text": f"point {place} of it",
            "category": "other",
            "severity": "major",
        }
        for place in range(20)
    ]
    return Article.model_validate({"id": f"elife:{number}", "source": "elife", "concerns": concerns})


def question(reviewer: str, number: int) -> Question:
    about = article(number)
    return Question(reviewer, about, about.concerns, tuple(f"text {place}" for place in range(20)))


def similarity(*matched: float) -> Any:
    """20 texts and references: the first texts are as close to their references as `matched`, all else is apart."""
    found = np.zeros((20, 20), np.float32)
    np.fill_diagonal(found, [*matched, *[0.0] * (20 - len(matched))])
    return found


def test_the_operating_point_is_the_first_from_which_on_every_rate_is_within_its_limit() -> None:
    questions = [question("echo", 1), question("near_miss", 1)]
    # Of 20 slots, echo may match one (5 %), near misses two (10 %).
    assert operating_point(questions, [similarity(0.8, 0.415), similarity(0.7, 0.6, 0.505)]) == 0.51
    assert operating_point(questions, [similarity(0.8, 0.555), similarity(0.7, 0.6, 0.505)]) == 0.56
    with pytest.raises(InputError, match=r"No threshold up to 0\.9"):
        operating_point(questions, [similarity(0.95, 0.95), similarity()])


def test_a_fold_is_measured_at_the_threshold_of_the_others() -> None:
    questions = [question("echo", 1), question("echo", 2)]
    scores = [similarity(0.8, 0.415), similarity(0.8, 0.615)]
    gold = np.zeros((20, 20), np.int8)
    gold[0, 0] = gold[1, 1] = 2
    sheets = [Sheet(question("restated", number), gold, own_words=False) for number in (1, 2)]
    answers = [similarity(0.65, 0.5, 0.9), similarity(0.65, 0.5, 0.9)]
    first, second = by_fold(sheets, answers, (questions, scores), {"elife:1": 0, "elife:2": 1})
    assert (first["threshold"], second["threshold"]) == (0.62, 0.42)
    assert first["reviewers"] == {"restated": {"same": 2, "right": 1, "slots": 20, "matched": 2}}
    assert second["reviewers"] == {"restated": {"same": 2, "right": 2, "slots": 20, "matched": 3}}
