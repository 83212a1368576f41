"""Our verdicts on published answers, and what a mention is worth."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.training.qa.evaluation.judge import judge
from bioreview_bench.training.qa.verifiers import abstains


@pytest.fixture
def published(shared: Path) -> dict[str, list[dict[str, Any]]]:
    document = json.loads((shared / "data" / "kmp" / "comparison_results.json").read_text())
    rows: dict[str, list[dict[str, Any]]] = document["detailed_results"]
    return rows


@pytest.mark.parametrize(
    ("model", "counts"),
    [
        ("Mistral-7B", {"factual": 8, "reasoning": 5, "calibration": 5}),
        ("Qwen2.5-7B", {"factual": 3, "reasoning": 4, "calibration": 1}),
        ("Phi-2", {"factual": 2, "reasoning": 3, "calibration": 0}),
    ],
)
def test_mention_reproduces_the_published_accuracies(published: Any, model: str, counts: dict[str, int]) -> None:
    found = Counter[str]()
    for row in published[model]:
        found[row["type"]] += judge(row["question"], row["response"], row["expected"]).mention
    assert dict(found) == counts


def test_mention_agrees_with_every_stored_verdict_and_assertion_with_all_but_two(published: Any) -> None:
    differing = []
    for model, rows in published.items():
        for row in rows:
            verdict = judge(row["question"], row["response"], row["expected"])
            assert verdict.mention == row["correct"], (model, row)
            if verdict.assertion != row["correct"]:
                differing.append((model, row["question"], verdict.why))
    assert differing == [
        (
            "Mistral-7B",
            "Which tissues show OXPHOS rescue pattern?",
            'where "heart" is named, the answer says suppression, and rescue was asked for',
        ),
        (
            "Qwen2.5-7B",
            "Does heart show OXPHOS rescue or suppression?",
            '"rescue" occurs there only negated or in contrast',
        ),
    ]


@pytest.mark.parametrize(
    ("answer", "expected", "mention", "assertion"),
    [
        ("It is 8484.", "8,484", True, True),
        ("It is 18,484.", "8,484", False, False),
        ("It is not 8,484.", "8,484", True, False),
        ("Heart is Type A.", "type a", True, True),
        ("Heart is Type Alpha.", "type a", False, False),
        ("Heart is Type A or Type B.", "type a", True, False),
        ("Heart is Type A, unlike Type B.", "type a", True, True),
        ("HEART", "heart", True, True),
        ("It is heartening.", "heart", False, False),
        ("", "heart", False, False),
    ],
)
def test_a_mention_is_on_word_boundaries_and_an_assertion_stands_alone(
    answer: str, expected: str, mention: bool, assertion: bool
) -> None:
    verdict = judge("Is heart Type A, B, or C?", answer, expected)
    assert (verdict.mention, verdict.assertion) == (mention, assertion)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("This cannot be determined.", True),
        ("I can't say.", True),
        ("Extrapolation requires careful assessment.", True),
        ("There is not enough data.", True),
        ("The data do not answer this.", True),
        ("Optimal duration is unknown.", False),
        ("It is 500 mg.", False),
        ("Cannons fire.", False),
        ("Astronauts need protection.", False),
        ("500 mg. " + "It works well. " * 30 + "I cannot say more.", False),
        ("", False),
    ],
)
def test_an_abstention_opens_the_answer(answer: str, expected: bool) -> None:
    assert abstains(answer) == expected
