"""Calibration figures against values by hand, another library, and the published records."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from bioreview_bench.errors import InputError
from bioreview_bench.training.qa.evaluation.scoring import calibration


def stored(shared: Path, name: str) -> dict[str, Any]:
    (path,) = (shared / "data" / "kmp").glob(f"{name}_*.json")
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def test_figures_worked_out_by_hand() -> None:
    found = calibration([0.95, 0.95, 0.85, 0.25, 0.1], [True, False, False, True, False])
    # bins: 0.9 holds 2 (0.95, right 0.5), 0.8 one (0.85, 0), 0.2 one (0.25, 1), 0.1 one (0.1, 0)
    assert found.ece == pytest.approx((2 * 0.45 + 0.85 + 0.75 + 0.1) / 5)
    assert found.mce == pytest.approx(0.85)
    assert found.brier == pytest.approx((0.05**2 + 0.95**2 + 0.85**2 + 0.75**2 + 0.1**2) / 5)
    assert found.overconfidence == pytest.approx(2 / 3)
    assert found.underconfidence == pytest.approx(1 / 2)
    assert (found.accuracy, found.n, found.n_bins_used) == (0.4, 5, 4)


def test_brier_agrees_with_scikit_learn() -> None:
    draw = random.Random(3)
    stated = [draw.random() for _ in range(200)]
    right = [draw.random() < given for given in stated]
    assert calibration(stated, right).brier == pytest.approx(brier_score_loss(right, stated))


def test_ece_and_mce_agree_with_a_loop_over_bins() -> None:
    draw = np.random.default_rng(5)
    stated = draw.random(300)
    right = draw.random(300) < 0.5
    gaps = []
    for low in range(10):
        inside = [place for place, given in enumerate(stated) if low <= given * 10 < low + 1]
        gaps.append((len(inside), abs(np.mean(right[inside]) - np.mean(stated[inside]))))
    found = calibration(stated.tolist(), right.tolist())
    assert found.ece == pytest.approx(sum(n * gap for n, gap in gaps) / 300)
    assert found.mce == pytest.approx(max(gap for _, gap in gaps))


def test_empty_sets_have_no_figures() -> None:
    found = calibration([], [])
    assert (found.n, found.ece, found.mce, found.brier, found.accuracy) == (0, None, None, None, None)
    middle = calibration([0.5], [True])
    assert middle.overconfidence is None
    assert middle.underconfidence is None


@pytest.mark.parametrize("wrong", [[1.5], [-0.1], [math.nan]])
def test_what_is_no_confidence_is_refused(wrong: list[float]) -> None:
    with pytest.raises(InputError, match="not from 0 to 1"):
        calibration(wrong, [True])
    with pytest.raises(InputError, match="do not go together"):
        calibration([0.5], [])


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("grpo_phase4_eval", {"ece": 0.28536, "brier": 0.34352, "overconfidence": 0.45283, "mce": 0.9}),
        ("grpo_mve_eval", {"ece": 0.0780, "brier": 0.2371, "mce": 0.0780, "overconfidence": None}),
    ],
)
def test_the_published_records_are_reproduced(shared: Path, name: str, figures: dict[str, float | None]) -> None:
    document = stored(shared, name)
    rows = document["per_sample"]
    found = calibration([row["confidence"] for row in rows], [row["total_reward"] > 0.5 for row in rows])
    for figure, value in figures.items():
        assert getattr(found, figure) == (value if value is None else pytest.approx(value, abs=5e-6)), figure
    summary = document["calibration"]
    assert found.ece == pytest.approx(summary["ece"], abs=1e-12)
    assert found.brier == pytest.approx(summary["brier_score"], abs=1e-12)
    assert found.accuracy == pytest.approx(summary["mean_accuracy"], abs=1e-12)


def test_what_the_documentation_says_of_the_published_rewards_holds(shared: Path) -> None:
    """Weights .35/.30/.15/.20 in both records; V4 of phase 4 aims at 0.8 when V1 is right and 0.25 when it is wrong."""
    weights = {"V1": 0.35, "V2": 0.30, "V3": 0.15, "V4": 0.20}
    for name in ("grpo_phase4_eval", "grpo_mve_eval"):
        for row in stored(shared, name)["per_sample"]:
            scores = row["verifier_scores"]
            total = sum(weights[k] * v for k, v in scores.items()) / sum(weights[k] for k in scores)
            assert row["total_reward"] == pytest.approx(total, abs=1e-9)
    explained = 0
    directions = [row for row in stored(shared, "grpo_phase4_eval")["per_sample"] if "V1" in row["verifier_scores"]]
    for row in directions:
        target = 0.8 if row["verifier_scores"]["V1"] > 0.5 else 0.25
        expected = max(0.1, 1 - 2 * abs(row["confidence"] - target))
        explained += math.isclose(row["verifier_scores"]["V4"], expected, abs_tol=1e-9)
    assert (explained, len(directions)) == (96, 96)
