"""Every figure of a result on corpora small enough to be counted by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, cohen_kappa_score

from bioreview_bench import Contract, Result, read_predictions, score
from bioreview_bench.data.split import Split
from bioreview_bench.results.counts import ArticleCounts
from bioreview_bench.stats import summary
from bioreview_bench.stats.agreement import label_agreement
from bioreview_bench.stats.confidence import confidence
from bioreview_bench.stats.summary import gate

CUSTOM = replace(Contract.load("demo"), threshold=0.5, name="custom")
# References are axes of a four-dimensional space, so a prediction's coordinates are its similarities; a fifth
# coordinate makes it a unit vector.
AXES = {name: [float(name == axis) for axis in "ABCD"] + [0.0] for name in "ABCD"}


def leaning(*similarities: float) -> list[float]:
    own = [*similarities, *[0.0] * (4 - len(similarities))]
    return [*own, math.sqrt(1 - sum(value**2 for value in own))]


def reference(name: str, category: str, severity: str, **fields: Any) -> dict[str, Any]:
    return {"concern_text": f"reference {name}", "category": category, "severity": severity, **fields}


VECTORS = {
    **{f"reference {name}": vector for name, vector in AXES.items()},
    "near A": leaning(0.9, 0.3),
    "nearer B than A": leaning(0.2, 0.4),
    "close to A": leaning(0.8),
    "less close to A": leaning(0.6),
    "as far from A as from B": leaning(0.3, 0.3),
    "nearer B than A, and close to both": leaning(0.6, 0.7),
    "close to B": leaning(0.0, 0.9),
    "on the figure": leaning(0.0, 0.1, 0.9),
}


@pytest.fixture
def result(make_article: Callable[..., Any], table_encoder: type) -> Result:
    articles = [
        make_article(
            "elife:1",
            [
                reference("A", "design_flaw", "major"),
                reference("B", "interpretation", "minor"),
                reference("C", "figure_issue", "major"),
                reference("D", "writing_clarity", "major", requires_figure_reading=True),
            ],
        ),
        make_article("elife:2", [reference("A", "design_flaw", "minor")]),
        make_article("elife:3"),
        make_article("plos:4", [reference("B", "other", "optional")]),
    ]
    predictions = {
        "elife:1": ["near A", "nearer B than A", {"text": "on the figure", "category": "figure_issue"}],
        "elife:2": ["less close to A", "close to A"],
        "elife:3": ["near A"],
    }
    return score(articles, predictions, CUSTOM, table_encoder(VECTORS), draws=0)


def test_headline_by_hand(result: Result) -> None:
    # R = 2 + 1 + 0 + 1, P = 3 + 2 + 1 + 0, M = 1 + 1, ceilings 2 + 1 + 0 + 0, similarities 0.9 + 0.8.
    overall = result.to_dict()["overall"]
    assert (overall["n_ref"], overall["n_pred"], overall["n_matched"]) == (4, 6, 2)
    expected = {"recall": 2 / 4, "precision": 2 / 6, "f1": 4 / 10, "ceiling_f1": 6 / 10}
    expected |= {"soft_recall": 1.7 / 4, "soft_precision": 1.7 / 6, "soft_f1": 3.4 / 10}
    # design_flaw: R = 2, P = 3, M = 2; interpretation: R = 1, P = 2, M = 0; other: R = 1, P = 0.
    expected["f1_macro"] = (4 / 5 + 0 + 0) / 3
    # plos:4 has no row, so its reference is left out.
    expected["f1_answered"] = 4 / 9
    assert {name: overall[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def test_predictions_count_under_their_match_or_their_nearest_counted_reference(result: Result) -> None:
    # "on the figure" is nearest to C, which does not count, then to B; elife:3 has no reference to stand under.
    found = {name: (row.n_ref, row.n_pred, row.n_matched) for name, row in result.record.per_category.items()}
    assert found == {"design_flaw": (2, 3, 2), "interpretation": (1, 2, 0), "other": (1, 0, 0)}
    assert result.record.per_category["other"].precision is None
    assert result.record.per_category["other"].f1 == 0


def test_a_match_outranks_a_nearer_reference(make_article: Callable[..., Any], table_encoder: type) -> None:
    article = make_article("elife:1", [reference("A", "other", "minor"), reference("B", "design_flaw", "minor")])
    predictions = {"elife:1": ["nearer B than A, and close to both", "close to B"]}
    found = score([article], predictions, CUSTOM, table_encoder(VECTORS), draws=0).record.per_category
    assert {name: row.n_pred for name, row in found.items()} == {"other": 1, "design_flaw": 1}


def test_severities_and_sources(result: Result) -> None:
    found = {name: (row.n_ref, row.n_matched, row.recall) for name, row in result.record.per_severity.items()}
    assert found == {"major": (1, 1, 1.0), "minor": (2, 1, 0.5), "optional": (1, 0, 0.0)}
    sources = {name: (row.n_ref, row.n_pred, row.n_matched) for name, row in result.record.per_source.items()}
    assert sources == {"elife": (3, 6, 2), "plos": (1, 0, 0)}
    assert result.record.per_source["elife"].f1 == pytest.approx(4 / 9)
    assert result.record.per_source["plos"].controls.n_without_donor == 1


def test_figure_references_are_left_out_and_counted_but_no_prediction_is(result: Result) -> None:
    assert result.record.coverage.excluded_figure == 2
    assert result.record.overall.n_pred == 6


def test_figure_references_count_when_the_contract_includes_them(
    make_article: Callable[..., Any], table_encoder: type
) -> None:
    article = make_article("elife:1", [reference("C", "figure_issue", "major")])
    contract = replace(CUSTOM, figures="included")
    found = score([article], {"elife:1": ["on the figure"]}, contract, table_encoder(VECTORS), draws=0).record
    assert (found.overall.n_matched, found.coverage.excluded_figure) == (1, 0)


def test_nearest_reference_is_the_first_on_ties(make_article: Callable[..., Any], table_encoder: type) -> None:
    first, second = reference("A", "writing_clarity", "minor"), reference("B", "design_flaw", "minor")
    for order, expected in (([first, second], "writing_clarity"), ([second, first], "design_flaw")):
        article = make_article("elife:1", order)
        predictions = {"elife:1": ["as far from A as from B"]}
        found = score([article], predictions, CUSTOM, table_encoder(VECTORS), draws=0).record.per_category
        assert [name for name, row in found.items() if row.n_pred] == [expected]


def test_undefined_ratios_are_null_and_never_zero(make_article: Callable[..., Any], hash_encoder: Any) -> None:
    nothing = score([make_article("elife:1")], {}, CUSTOM, hash_encoder, draws=0).to_dict()["overall"]
    assert {value for name, value in nothing.items() if not name.startswith("n_")} == {None}
    silent = score([make_article("elife:1", ["A real concern."])], {}, CUSTOM, hash_encoder, draws=0).to_dict()
    overall = silent["overall"]
    assert (overall["precision"], overall["soft_precision"], overall["f1_answered"]) == (None, None, None)
    assert (overall["recall"], overall["f1"], overall["f1_macro"], overall["ceiling_f1"]) == (0, 0, 0, 0)


def counts(**columns: float) -> ArticleCounts:
    """One article with a donor."""
    names = ("n_ref", "n_pred", "n_matched", "ceiling", "similarity", "n_excluded", "null_matched", "null_ceiling")
    controls = {f"{name}_{count}": None for name in ("echo", "generic") for count in ("pred", "matched", "ceiling")}
    row = {"id": "elife:1", "source": "elife", "family": "f", "status": "scored", "has_donor": True}
    row |= {**dict.fromkeys(names, 0), **controls, "per_category": {}, "per_severity": {}}
    return ArticleCounts.from_rows([row | columns])


@pytest.mark.parametrize(
    ("null_matched", "saturated", "skill"),
    [(100, True, None), (99.1, True, None), (99, False, -49.0), (75, False, -1.0), (0, False, 0.5)],
)
def test_skill_is_null_above_a_null_match_rate_of_099(
    null_matched: float, saturated: bool, skill: float | None
) -> None:
    table = counts(n_ref=100, n_pred=100, n_matched=50, ceiling=100, null_matched=null_matched, null_ceiling=100)
    found = summary.controls(table)
    assert found.saturated is saturated
    assert found.skill == (None if skill is None else pytest.approx(skill))
    assert found.null_f1 == pytest.approx(null_matched / 100)


def test_coverage_partitions_the_split(
    make_article: Callable[..., Any], hash_encoder: Any, write_jsonl: Callable[..., Path]
) -> None:
    said = ["Some real concern."]
    rows = [("ok", said), ("repaired", said), ("truncated", said), (None, said), ("ok", []), (None, [" "])]
    rows += [("empty", None), ("parse_failed", []), ("refused", None), ("error", None)]
    articles = [make_article(f"elife:{number}", said) for number in range(len(rows) + 1)]
    path = write_jsonl(
        [
            {"article_id": f"elife:{number}", "concerns": concerns, **({"status": status} if status else {})}
            for number, (status, concerns) in enumerate(rows)
        ]
    )
    found = score(articles, read_predictions(path, articles), CUSTOM, hash_encoder, draws=0).record
    outcomes = {name: getattr(found.coverage, name) for name in ("scored", "empty", "missing")}
    assert outcomes == {"scored": 4, "empty": 3, "missing": 1}
    assert (found.coverage.parse_failed, found.coverage.refused, found.coverage.error) == (1, 1, 1)
    assert found.coverage.n_articles == 11 == sum(outcomes.values()) + 3
    assert found.coverage.n_blank_dropped == 1
    # All eleven articles are in the headline; failing and leaving out gain nothing.
    assert (found.overall.n_ref, found.overall.f1) == (11, pytest.approx(8 / 15))
    assert found.overall.f1_answered == pytest.approx(8 / 11)


@pytest.mark.parametrize("seed", range(5))
def test_label_agreement_equals_sklearn(seed: int) -> None:
    random = np.random.default_rng(seed)
    references, predicted = random.choice(["a", "b", "c", "d"], size=(2, 40), p=[0.5, 0.3, 0.1, 0.1]).tolist()
    found = label_agreement(zip(references, predicted, strict=True))
    assert found["kappa"] == pytest.approx(cohen_kappa_score(references, predicted))
    assert found["accuracy"] == pytest.approx(np.mean(np.array(references) == np.array(predicted)))


def test_confusion_has_references_in_rows_and_kappa_needs_two_labels() -> None:
    found = label_agreement([("major", "minor"), ("major", "minor"), ("minor", "minor")])
    assert found["confusion"] == {"major": {"minor": 2}, "minor": {"minor": 1}}
    assert label_agreement([("major", "major")])["kappa"] is None
    assert label_agreement([]) == {"n_pairs": 0, "n_agree": 0, "accuracy": None, "kappa": None, "confusion": {}}


def test_labels_are_compared_on_matched_pairs_that_carry_one(
    make_article: Callable[..., Any], table_encoder: type
) -> None:
    article = make_article("elife:1", [reference("A", "design_flaw", "major"), reference("B", "other", "minor")])
    labelled = {"text": "near A", "category": "other", "severity": "major"}
    unmatched = {"text": "nearer B than A", "category": "other"}
    found = score([article], {"elife:1": [labelled, unmatched]}, CUSTOM, table_encoder(VECTORS), draws=0).record
    assert found.label_agreement.category.confusion == {"design_flaw": {"other": 1}}
    assert (found.label_agreement.severity.n_agree, found.label_agreement.severity.n_pairs) == (1, 1)


def test_confidence_bins_include_their_lower_edge() -> None:
    for number in range(11):
        found = confidence([number / 10], [True])
        assert found is not None
        assert [row["n"] for row in found["bins"]].index(1) == min(number, 9), number


def test_calibration_by_hand_and_by_sklearn() -> None:
    stated, matched = [0.95, 0.95, 0.15, 0.15], [True, False, False, False]
    found = confidence(stated, matched)
    assert found is not None
    # Half of the predictions are 0.95 - 0.5 off, half 0.15 - 0.
    assert found["ece"] == pytest.approx(0.5 * 0.45 + 0.5 * 0.15)
    assert found["brier"] == pytest.approx(brier_score_loss(matched, stated))
    assert found["overconfidence_rate"] == 0.5


def test_overconfidence_starts_above_08() -> None:
    found = confidence([0.8], [False])
    assert found is not None
    assert found["overconfidence_rate"] is None
    bolder = confidence([0.8, 0.81], [False, False])
    assert bolder is not None
    assert bolder["overconfidence_rate"] == 1


def test_confidence_is_of_all_predictions_that_state_one(
    result: Result, make_article: Any, table_encoder: type
) -> None:
    assert result.record.confidence is None
    articles = [make_article("elife:1", [reference("A", "other", "minor")]), make_article("elife:2")]
    predictions = {
        "elife:1": [{"text": "near A", "confidence": 0.9}, "close to A", {"text": "less close to A", "confidence": 0}],
        "elife:2": [{"text": "near A", "confidence": 1.0}],
    }
    found = score(articles, predictions, CUSTOM, table_encoder(VECTORS), draws=0).record.confidence
    assert found is not None
    assert (found.n, found.overconfidence_rate) == (3, 0.5)
    assert found.brier == pytest.approx((0.1**2 + 0 + 1) / 3)


def test_jaccard_by_hand(make_article: Callable[..., Any]) -> None:
    # {the, cat, sat} and {the, cat, ran, off} share 2 of 5 words; words of two letters do not count, so two equal
    # texts without longer ones share nothing; {cat} is 1 of 6 from the second reference, under the threshold.
    articles = [
        make_article("elife:1", ["The cat sat"]),
        make_article("elife:2", ["so it is as I do"]),
        make_article("elife:3", ["a cat and five other large words"]),
    ]
    predictions = {"elife:1": ["the CAT: ran off"], "elife:2": ["so it is as I do"], "elife:3": ["cat"]}
    found = score(articles, predictions, Contract.load("jaccard"), draws=0).record
    assert (found.overall.n_ref, found.overall.n_matched) == (3, 1)
    assert found.overall.soft_recall == pytest.approx(0.4 / 3)
    assert "|enc:-|" in found.signature
    assert "|sim:jaccard|thr:0.195|" in found.signature


@pytest.mark.parametrize(
    ("f1", "recall", "passed"),
    [(0.58, 0.0, True), (0.5799, 0.4499, False), (0.0, 0.45, True), (None, None, False)],
)
def test_gate_thresholds_are_inclusive(f1: float | None, recall: float | None, passed: bool) -> None:
    assert gate(f1, recall, saturated=False) == {
        **{"f1_min": 0.58, "recall_min": 0.45},
        **{"passed": passed, "informative": True},
    }
    assert gate(f1, recall, saturated=True)["informative"] is False


def test_gate_stands_only_beside_contract_v3_on_released_data(
    make_article: Callable[..., Any], hash_encoder: Any, tiny_bert: Path
) -> None:
    articles = [make_article(f"elife:{number}", [f"concern number {number}"]) for number in (1, 2)]
    predictions = {"elife:1": ["a first comment"], "elife:2": ["a second comment"]}
    released = Split.of(articles, "v3", "test", verification="counts")
    v3 = Contract.load("v3")
    found = score(released, predictions, v3, encoder_path=tiny_bert, draws=0).record
    assert found.gate is not None
    # A random encoder holds all texts for alike.
    assert (found.gate.passed, found.gate.informative) == (True, False)
    assert score(Split.of(articles), predictions, v3, encoder_path=tiny_bert, draws=0).record.gate is None
    assert score(released, predictions, v3, hash_encoder, draws=0).record.gate is None
