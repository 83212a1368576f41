"""The study in three calls gives what the commands give."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.training.qa import study


def test_data_writes_what_the_command_writes(bench: Callable[..., Any], shared: Path, tmp_path: Path) -> None:
    kmp = shared / "data" / "kmp"
    given = {"sft": kmp / "kmp_sft_final.json", "pairs": kmp / "kmp_dpo_preferences.json"}
    made = study.data(
        tmp_path / "call", sft=[given["sft"]], pairs=given["pairs"], hold_out=["liver"], drill=1, unstated=None
    )
    words = ["--sft", given["sft"], "--pairs", given["pairs"], "--hold-out", "liver", "--drill", 1]
    done = bench("train", "qa-data", "-o", tmp_path / "command", *words, "--given-confidence", "drop")
    assert done.code == 0, done.err
    for path in (tmp_path / "command").iterdir():
        assert path.read_bytes() == (tmp_path / "call" / path.name).read_bytes()
    assert made.pop("duplicates") == [96]
    assert made == json.loads((tmp_path / "call" / "manifest.json").read_text())
    assert bench("train", "qa-data", "-o", tmp_path / "x", "--given-confidence", "101").code == 2


def test_a_score_is_by_verifier_and_leaves_out_what_does_not_apply() -> None:
    asked = "How many DEGs has HU in soleus?"
    found = study.score(asked, "It has 6,425 DEGs.\nConfidence: 80%", {"expected": "6,425"})
    assert (found["facts"], found["pathway_direction"]) == (1.0, None)
    assert found["uncertainty"] == pytest.approx(1 - 0.2**2)  # y - (c - y)^2 with y = 1
    assert found["consistency"] == 1.0
    weighed = 0.35 * 1 + 0.15 * 1 + 0.20 * 0.96
    assert found["reward"] == pytest.approx(weighed / (0.35 + 0.15 + 0.20))
    alone = study.score(asked, "It has 12 DEGs.", {"expected": "6,425"}, {"facts": 1.0})
    assert alone == {"reward": 0.0, "facts": 0.0, "pathway_direction": None, "consistency": None, "uncertainty": None}
    with pytest.raises(InputError, match="no V4 mode"):
        study.score(asked, "", {}, v4_mode="other")


def test_evaluate_gives_what_the_command_prints(bench: Callable[..., Any], shared: Path) -> None:
    kmp = shared / "data" / "kmp"
    found = study.evaluate(kmp / "comparison_results.json", trained_on=[kmp / "kmp_sft_final.json"])
    words = ["--trained-on", kmp / "kmp_sft_final.json", "--format", "json"]
    done = bench("train", "evaluate-qa", kmp / "comparison_results.json", *words)
    assert json.loads(json.dumps(found)) == json.loads(done.out)
