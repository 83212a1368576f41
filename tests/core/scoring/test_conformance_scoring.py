"""Scores, intervals and paired tests agree with the conformance cases, which other code computed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas
import pytest

from bioreview_bench import Contract, Result, score
from bioreview_bench.stats.significance import label_swap_test
from bioreview_bench.stats.uncertainty import bootstrap

CONTROLS = ("null_matched", "n_without_donor", "null_f1", "match_rate", "null_match_rate", "skill")
OVERALL = (
    *("n_ref", "n_pred", "n_matched", "recall", "precision", "f1", "f1_macro"),
    *("soft_recall", "soft_precision", "soft_f1", "ceiling_f1"),
)
N_CASES = 5
# Vectors in the cases are rounded float32.
TOLERANCE = 1e-5


def same(value: float | None, expected: float | None) -> bool:
    if isinstance(expected, float) and value is not None:
        return value == pytest.approx(expected, abs=TOLERANCE)
    return value == expected


@pytest.fixture(scope="module", params=range(N_CASES))
def case(shared: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    found = json.loads((shared / "conformance" / "scoring.json").read_text())
    assert len(found) == N_CASES
    return found[request.param]  # type: ignore[no-any-return]


@pytest.fixture
def result(case: dict[str, Any], table_encoder: type, make_article: Callable[..., Any]) -> Result:
    vectors: dict[str, list[float]] = {}
    articles, predictions = [], {}

    def text(kind: str, article_id: str, number: int, vector: list[float]) -> str:
        name = f"{kind} {number} about {article_id}"
        vectors[name] = vector
        return name

    for article in case["articles"]:
        name = article["id"]
        concerns = []
        for number, reference in enumerate(article["references"]):
            labels = {key: value for key, value in reference.items() if key != "vector"}
            concerns.append({"concern_text": text("reference", name, number, reference["vector"]), **labels})
        articles.append(make_article(name, concerns, doi=article["doi"]))
        predictions[name] = []
        for number, given in enumerate(article["predictions"]):
            labels = {key: value for key, value in given.items() if key != "vector"}
            predictions[name].append({"text": text("prediction", name, number, given["vector"]), **labels})
    contract = replace(Contract.load("demo"), threshold=case["threshold"], name="custom")
    return score(articles, predictions, contract, table_encoder(vectors), draws=0)


def test_headline_controls_and_exclusions(case: dict[str, Any], result: Result) -> None:
    found, expected = result.to_dict(), case["expected"]
    for section, names in (("overall", OVERALL), ("controls", CONTROLS), ("coverage", ("excluded_figure",))):
        for name in names:
            assert same(found[section][name], expected[name]), name
    sections = {"per_category", "per_severity", "per_source", "label_agreement"}
    assert set(expected) == {*OVERALL, *CONTROLS, "excluded_figure", *sections}


def test_counts_by_category_severity_and_source(case: dict[str, Any], result: Result) -> None:
    found, expected = result.to_dict(), case["expected"]
    for section in ("per_category", "per_severity", "per_source"):
        assert set(found[section]) == set(expected[section])
        for name, counts in expected[section].items():
            assert {count: found[section][name][count] for count in counts} == counts


def test_label_agreement(case: dict[str, Any], result: Result) -> None:
    found, expected = result.to_dict()["label_agreement"], case["expected"]["label_agreement"]
    for label in ("category", "severity"):
        for name, value in expected[label].items():
            assert same(found[label][name], value), (label, name)


def test_bootstrap_intervals(shared: Path) -> None:
    for case in json.loads((shared / "conformance" / "bootstrap.json").read_text()):
        found = bootstrap(pandas.DataFrame(case["rows"]), case["draws"], case["seed"])
        assert set(found) == {"recall", "precision", "f1"}
        for name, interval in found.items():
            assert interval == pytest.approx(tuple(case[name]), abs=TOLERANCE)


def test_label_swaps(shared: Path) -> None:
    for case in json.loads((shared / "conformance" / "randomization.json").read_text()):
        assert case["columns"] == ["n_matched", "n_ref", "n_pred"]
        found = label_swap_test(case["a"], case["b"])
        assert found.exact
        assert found.n_informative == case["n_informative"]
        assert found.delta_f1 == pytest.approx(case["delta_f1"], abs=TOLERANCE)
        assert found.p_value == pytest.approx(case["p_value"], abs=TOLERANCE)
