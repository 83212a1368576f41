"""Verifiers of answers: what the predecessor let pass earns nothing, and what it missed counts."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.training.qa.items.facts import kmp_items
from bioreview_bench.training.qa.items.gsea import Finding, gsea_items
from bioreview_bench.training.qa.items.item import Item
from bioreview_bench.training.qa.prompt import content
from bioreview_bench.training.qa.statements import Statements, stated_confidence
from bioreview_bench.training.qa.verifiers import (
    QaReward,
    consistency,
    facts,
    legacy_score,
    legacy_uncertainty,
    pathway_direction,
    uncertainty,
)
from bioreview_bench.training.rewards.composer import RewardComposer

FULL = {"V1": 0.35, "V2": 0.30, "V3": 0.15, "V4": 0.20}
FINDINGS = [
    Finding("HALLMARK_ADIPOGENESIS", "eye", {"RR-1": -1.5, "RR-3": -2.1}),
    Finding("HALLMARK_ADIPOGENESIS", "thymus", {"RR-1": 1.4, "RR-3": 2.2}),
    Finding("HALLMARK_MYOGENESIS", "eye", {"RR-1": -1.5, "RR-3": 2.1}),
]


def all_items() -> list[Item]:
    return [*kmp_items(), *gsea_items(FINDINGS)]


@pytest.fixture
def reward() -> QaReward:
    return QaReward(RewardComposer(FULL))


def test_every_item_s_own_answer_earns_all_of_every_verifier(reward: QaReward) -> None:
    for item in all_items():
        found = reward.score(item.row(), item.answer).components
        told = {name: value for name, value in found.items() if value is not None}
        assert set(told) == set(item.verifiers), item.question
        assert all(told[name] == 1 for name in told if name != "V4"), (item.question, told)
        assert told["V4"] > 0.5


def test_a_restated_question_earns_nothing(reward: QaReward) -> None:
    for item in all_items():
        statement = item.question.replace("?", ".")
        hidden = " ".join(f"{word[:2]}\u200b{word[2:]}" for word in statement.split())
        for said in ("", item.question, statement, hidden, content(item.question), f"You ask: {statement}"):
            found = reward.score(item.row(), said)
            assert not found.components["V1"], (item.question, said)
            assert found.total <= 0.08, (item.question, said, found)


def test_words_of_the_wrong_answer_earn_nothing_in_facts(reward: QaReward) -> None:
    """Another item's answer, of the same kind and with another truth."""
    items = [item for item in all_items() if item.type == "factual" and item.wording == 0]
    for item in items:
        for other in items:
            if other.truth.get("expected") != item.truth.get("expected"):
                assert reward.score(item.row(), other.answer).components["V1"] == 0, (item.question, other.answer)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("KMP produces 112 DEGs.", 1),
        ("112", 1),
        ("KMP produces 1,112 DEGs.", 0),
        ("KMP produces 1120 DEGs.", 0),
        ("KMP produces 112.5 DEGs.", 0),
        ("It changes the gene Zfp112.", 0),
        ("Not 112 DEGs.", 0),
        ("It is not 140 but 112 DEGs.", 1),
        ("At baseline 112, against 2,110 under stress.", 1),
        ("Is it 112?", 0),
        ("2, 33, 36, 52, 67, 93, 112, 140, 165, 211 or 243", 1 / 10),
    ],
)
def test_numbers_match_by_value_and_a_list_of_guesses_pays_little(answer: str, right: float) -> None:
    question = "How many DEGs does KMP produce in heart at baseline?"
    assert facts(question, answer, {"expected": "112"}) == pytest.approx(right)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("The liver is Type C.", 1),
        ("Type C (stress-blocked)", 1),
        ("The liver is Type A, B, or C.", 0),
        ("Type A or Type C", 0),
        ("The liver is not Type C.", 0),
        ("Not Type A; it is Type C.", 1),
        ("Type Cardiac", 0),
        ("The liver is Type B. Type C is wrong.", 0),
        ("Type A is wrong. The liver is Type C.", 1),
    ],
)
def test_one_alternative_must_be_asserted_and_no_other(answer: str, right: float) -> None:
    truth = {"expected": "type c", "alternatives": ["type a", "type b", "type c"]}
    assert facts("Is the liver response to KMP Type A, B, or C?", answer, truth) == right


@pytest.mark.parametrize(
    ("answer", "v1", "v2"),
    [
        ("Adipogenesis is downregulated (NES -2.10).", 1, 1),
        ("Adipogenesis is downregulated (NES -2.1).", 1, 1),
        ("Adipogenesis is downregulated (NES -3.33).", 1, 0.5),
        ("It is downregulated.", 1, 0),
        ("Adipogenesis is upregulated.", 0, 0),
        ("Adipogenesis is not downregulated.", 0, 0),
        ("Adipogenesis is upregulated or downregulated.", 0, 1),
        ("Myogenesis is upregulated; adipogenesis is suppressed.", 1, 1),
        ("The hyperadipogenesis pathway is downregulated.", 1, 0),
        ("", 0, 0),
    ],
)
def test_a_direction_counts_where_its_pathway_is_named(answer: str, v1: float, v2: float) -> None:
    truth = {"pathway": "HALLMARK_ADIPOGENESIS", "direction": "down", "scores": [-1.5, -2.1]}
    question = "What is the direction of the Adipogenesis pathway in eye of mice in space?"
    assert facts(question, answer, truth) == v1
    assert pathway_direction(question, answer, truth) == v2


def test_comparisons_are_scored_tissue_by_tissue() -> None:
    truth = {
        "pathway": "HALLMARK_ADIPOGENESIS",
        "directions": {"eye": "down", "thymus": "up"},
        "consistent": "different",
        "tissues": ["eye", "thymus"],
    }
    asked = "Compare the direction of the Adipogenesis pathway in eye and thymus of mice in space."
    both = "Adipogenesis is suppressed in eye, but activated in thymus. The directions are opposite."
    assert facts(asked, both, truth) == 1
    assert consistency(asked, both, truth) == 1
    one = "Adipogenesis is suppressed in eye. The directions are different."
    assert facts(asked, one, truth) == 0.5  # what is left out is wrong, not ignored
    assert consistency(asked, one, truth) == pytest.approx(0.5 * 0.5 + 0.5)
    wrong = "Adipogenesis is activated in eye and thymus alike. The directions are the same."
    assert facts(asked, wrong, truth) == 0.5
    assert consistency(asked, wrong, truth) == 0.5
    hedged = "In eye and thymus the directions are the same or different."
    assert facts(asked, hedged, truth) == 0
    assert consistency(asked, hedged, truth) == 0.5


def test_the_end_of_an_answer_must_hold_its_result() -> None:
    truth = {"expected": "hu", "facts": ["6,425", "67"]}
    asked = "Which stressor dominates in soleus, HU or IR? Think step by step."
    steps = "HU causes 6,425 DEGs. IR causes 67 DEGs. That is fewer. So HU dominates."
    assert consistency(asked, steps, truth) == 1
    assert facts(asked, steps, truth) == 1
    assert facts(asked, "HU dominates.", truth) == pytest.approx(0.6)
    assert consistency(asked, "HU has 6,425. IR has 67. It is IR. Yes, IR.", truth) == 0
    assert consistency(asked, "HU. " * 4, truth) == pytest.approx(1 / 4)


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Confidence: 85%", 0.85),
        ("Confidence: 0.9", 0.9),
        ("confidence is .75", 0.75),
        ("My confidence level is 60 percent.", 0.6),
        ("Confidence: 85", 0.85),
        ("Confidence: 1", 1.0),
        ("Confidence: 7/10", 0.7),
        ("I am 80% sure.", 0.8),
        ("(confidence = 55 %)", 0.55),
        ("**Confidence:** 40%", 0.4),
        ("Confidence: 0%", 0.0),
        ("Confidence: 150%", None),
        ("Confidence: 150 %. I am 70% confident.", 0.7),
        ("150% sure", None),
        ("a 95% confidence interval of 1.2", None),
        ("confidence interval: 95%", None),
        ("The effect is likely, and probably clear.", None),
        ("", None),
        ("Confidence: 90%. On reflection, confidence: 60%.", 0.6),
        ("Confidence: moderate", 0.6),
        ("moderate to high confidence", 0.75),
        ("low confidence", 0.25),
        ("I am very confident.", 0.95),
        ("I am not confident.", 0.2),
        ("Confidence: high (85%)", 0.85),
        ("overconfident people", None),
    ],
)
def test_confidence_is_read_as_it_is_stated(text: str, stated: float | None) -> None:
    assert stated_confidence(text) == (stated if stated is None else pytest.approx(stated))


def test_moderate_confidence_is_not_flattened() -> None:
    """The predecessor gave one score to every confidence from 0 to 0.6 in a right answer."""
    scores = [uncertainty(f"Confidence: {percent}%", 1.0) for percent in range(0, 101, 5)]
    assert all(one < other for one, other in pairwise(scores))
    scores = [uncertainty(f"Confidence: {percent}%", 0.0) for percent in range(0, 101, 5)]
    assert all(one > other for one, other in pairwise(scores))


def test_silence_and_doubt_in_a_wrong_answer_do_not_pay() -> None:
    assert uncertainty("no idea", 0.0) == -1
    assert uncertainty("right", 1.0) == 0
    assert uncertainty("wrong. Confidence: 0%", 0.0) == 0
    assert uncertainty("anything", None) is None


def test_legacy_follows_the_stored_uncertainty_scores(shared: Path) -> None:
    (path,) = (shared / "data" / "kmp").glob("grpo_phase4_eval_*.json")
    rows = [row for row in json.loads(path.read_text())["per_sample"] if row["question_type"] == "uncertainty"]
    assert len(rows) == 9
    for row in rows:
        expected = legacy_score(row["confidence"], "context_dependent", None)
        assert row["verifier_scores"]["V4"] == pytest.approx(expected, abs=1e-9)


def test_legacy_follows_the_levels_of_the_first_record(shared: Path) -> None:
    """There the confidence that V4 saw was not always the one that is stored; where it was, one level explains V4."""
    (path,) = (shared / "data" / "kmp").glob("grpo_mve_eval_*.json")
    rows = [row for row in json.loads(path.read_text())["per_sample"] if row["question_type"] == "direction"]
    explained = [
        row
        for row in rows
        if any(
            abs(row["verifier_scores"]["V4"] - legacy_score(row["confidence"], None, level)) < 1e-9
            for level in ("high", "medium")
        )
    ]
    assert (len(explained), len(rows)) == (18, 21)


def test_legacy_does_not_know_whether_the_answer_is_right() -> None:
    assert legacy_uncertainty("Confidence: 50%", {}) == 1
    assert legacy_uncertainty("", {}) == 1  # silence was taken for one half
    assert legacy_uncertainty("Confidence: 100%", {}) == pytest.approx(0.25)
    assert legacy_uncertainty("Confidence: 90%", {"expected_confidence": "medium"}) == pytest.approx(1 - 2.5 * 0.15)


def test_only_the_verifiers_of_a_row_apply(reward: QaReward) -> None:
    item = next(item for item in kmp_items() if item.type == "factual")
    found = reward.score(item.row(), item.answer)
    assert {name for name, value in found.components.items() if value is not None} == {"V1", "V4"}
    assert found.total == pytest.approx((0.35 + 0.2 * found.components["V4"]) / 0.55)


def test_an_abstention_is_right_only_where_the_data_cannot_answer(reward: QaReward) -> None:
    refused = "This cannot be determined from these data.\nConfidence: 90%"
    for item in kmp_items():
        expected = float(item.type == "calibration")
        assert reward.score(item.row(), refused).components["V1"] == expected, item.question


def test_unknown_modes_and_verifiers_are_refused() -> None:
    with pytest.raises(InputError, match="no V4 mode"):
        QaReward(RewardComposer(FULL), "old")
    with pytest.raises(InputError, match="no verifier V5"):
        QaReward(RewardComposer({"V5": 1}))


def test_a_statement_is_known_whatever_its_signs() -> None:
    said = Statements.of("**RESCUE**. Heart: NES −2.30, KMP × HU = 8484.")
    assert said.asserted("rescue")
    assert said.asserted("8,484")
    assert said.asserted("-2.302")
    assert not said.asserted("2.302")


@pytest.mark.parametrize(
    "hostile", ["a" * 200_000, "1," * 100_000, "not " * 50_000, "confidence " * 30_000, "(" * 100_000]
)
def test_long_nonsense_is_scored_in_bounded_time(reward: QaReward, hostile: Any) -> None:
    item = next(item for item in kmp_items() if item.type == "comparison")
    assert reward.score(item.row(), hostile).total <= 0.5
