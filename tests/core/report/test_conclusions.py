"""What tables come to: in words, and no more than the figures say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bioreview_bench import Contract, Result, score
from bioreview_bench.report.conclusions import beaten, calibrated, compared, p_value, stable
from bioreview_bench.results.records import ResultRecord
from bioreview_bench.scoring.calibration import THRESHOLDS, Curve
from bioreview_bench.stats.comparison import Comparison, PairComparison
from bioreview_bench.stats.stability import RankAgreement


@pytest.fixture
def result(make_article: Callable[..., Any], hash_encoder: Any) -> Result:
    return score([make_article("elife:1", ["A concern."])], {}, Contract.load("demo"), hash_encoder, draws=0)


def of_f1(result: Result, f1: float | None) -> Result:
    overall = result.record.overall.model_copy(update={"f1": f1})
    return Result(result.record.model_copy(update={"overall": overall}), result.counts)


def comparison(result: Result, f1: dict[str, float], p: dict[str, float], groups: list[list[str]]) -> Comparison:
    """Systems by falling F1; `p` of the best against each other one."""
    best, *others = f1
    tests = [PairComparison(best, name, f1[best] - f1[name], 5, p[name], p[name], True) for name in others]
    return Comparison(list(f1), [of_f1(result, value) for value in f1.values()], tests, groups)


def test_one_system_is_ahead_of_all_others(result: Result) -> None:
    found = comparison(result, {"a": 0.5, "b": 0.4, "c": 0.3}, {"b": 0.04, "c": 1e-4}, [["a"], ["b", "c"]])
    assert compared(found).text == (
        "a (F1 0.500) is ahead: b (F1 0.400) and c (F1 0.300) are significantly below it (p = 0.040)."
    )
    two = comparison(result, {"a": 0.5, "b": 0.4}, {"b": 1e-4}, [["a"], ["b"]])
    assert compared(two).text == "a (F1 0.500) is ahead: b (F1 0.400) is significantly below it (p < 0.001)."


def test_systems_that_differ_by_chance_cannot_be_told_apart(result: Result) -> None:
    found = comparison(result, {"a": 0.5, "b": 0.4, "c": 0.3}, {"b": 0.3, "c": 0.06}, [["a", "b", "c"]])
    assert compared(found).text == (
        "a (F1 0.500), b (F1 0.400) and c (F1 0.300) cannot be told apart on these articles (p = 0.060)."
    )


def test_leaders_that_are_tied_are_named_together(result: Result) -> None:
    found = comparison(result, {"a": 0.5, "b": 0.49, "c": 0.3}, {"b": 0.9, "c": 0.01}, [["a", "b"], ["c"]])
    assert compared(found).text == (
        "a (F1 0.500) and b (F1 0.490) lead and are not significantly different; c (F1 0.300) is significantly below "
        "a (p = 0.010)."
    )


@pytest.mark.parametrize(
    ("p", "shown"), [(1.0, "1.000"), (0.05, "0.050"), (0.001, "0.001"), (0.00099, "< 0.001"), (9.999e-05, "< 0.001")]
)
def test_p_values_are_printed_as_papers_print_them(p: float, shown: str) -> None:
    assert p_value(p) == shown


def rows(*taus: float | None) -> list[RankAgreement]:
    return [RankAgreement("contract", f"{place / 10:g}", 3, tau) for place, tau in enumerate(taus, start=1)]


@pytest.mark.parametrize(
    ("taus", "said"),
    [
        ((1.0, 1.0), "Under demo the ranking is the same at all 2 thresholds."),
        ((1.0, 1.0, None), "Under demo the ranking is the same at all 2 thresholds; at 1 more it is undefined."),
        (
            (1.0, 0.333, -0.333),
            "Under demo the ranking is the same at 1 of 3 thresholds. It differs most at 0.3 (Kendall's tau -0.33).",
        ),
        ((None, None), "Under demo the ranking cannot be compared at any threshold: too few systems, or all tied."),
    ],
)
def test_a_ranking_over_thresholds(taus: tuple[float | None, ...], said: str) -> None:
    assert [note.text for note in stable({"demo": rows(*taus)}, [])] == [said]


@pytest.mark.parametrize(
    ("tau", "said"),
    [
        (1.0, "demo and reader rank the 3 systems alike."),
        (
            0.333,
            "demo and reader rank the 3 systems differently (Kendall's tau 0.33): who is better depends on the "
            "contract.",
        ),
        (-1.0, "demo and reader rank the 3 systems in reverse order: who is better depends on the contract."),
        (None, "demo and reader cannot be compared: too few systems in common, or all tied."),
    ],
)
def test_a_ranking_under_two_contracts(tau: float | None, said: str) -> None:
    assert [note.text for note in stable({}, [RankAgreement("demo", "reader", 3, tau)])] == [said]


HIGHEST = "No control scores above F1 0.05: the highest is stock comments (generic), F1 "


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({"echo": 0.333, "generic": 0.04}, "To beat: sentences copied from the paper (echo), F1 0.333."),
        ({"echo": 0.01, "neighbour": 0.12}, "To beat: concerns about the most similar train article"),
        ({"echo": 0.01, "generic": 0.05}, HIGHEST + "0.050."),
        ({"echo": None, "generic": 0.0}, HIGHEST + "0.000."),
    ],
)
def test_the_control_to_beat(result: Result, scores: dict[str, float | None], said: str) -> None:
    records: dict[str, ResultRecord] = {name: of_f1(result, f1).record for name, f1 in scores.items()}
    assert beaten(records).text.startswith(said)


def test_a_calibration_ends_with_its_threshold_or_says_that_there_is_none() -> None:
    rates = np.linspace(1, 0, len(THRESHOLDS))
    at = THRESHOLDS.index(0.62)
    limits = {"echo": 0.05, "near_misses": 0.10}
    found = {"echo": rates, "near_misses": rates, "hurried": rates}
    curve = Curve("none", found, found, at, 300, Contract.load("demo"), limits)
    assert calibrated(curve).text == (
        "none: from threshold 0.62 on all controls stay within their limits (echo 5%, near_misses 10%). There it finds "
        "40% of the points of hurried."
    )
    nowhere = Curve("none", found, found, None, 300, Contract.load("demo"), limits)
    assert calibrated(nowhere).text == (
        "none: no threshold keeps all controls within their limits (echo 5%, near_misses 10%), so there is no contract."
    )
