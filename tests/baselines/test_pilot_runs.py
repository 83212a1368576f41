"""Real articles, from a tiny local model to scores under two contracts, by command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Bench = Callable[..., Any]


@pytest.mark.parametrize("contract", ["demo", "demo-topic"])
def test_a_tiny_model_reviews_the_pilot_and_is_scored(
    bench: Bench, shared: Path, minilm: None, warm: Path, answering_model: Path, tmp_path: Path, contract: str
) -> None:
    pilot, out = shared / "data" / "elife_pilot", tmp_path / "run"
    done = bench(
        "baseline", f"hf:{answering_model}", "--data", pilot, "--split", "test", "--prompt", "strings-v1",
        "--budget", 200, "--param", "max_new_tokens=8", "--out", out,
    )  # fmt: skip
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    ids = json.loads((pilot / "splits.json").read_text())["test"]
    assert sorted(row["article_id"] for row in rows) == sorted(ids)
    assert all(row["status"] == "ok" and len(row["concerns"]) == 2 for row in rows)
    assert all(row["notes"]["cut"]["of"] > 1000 for row in rows)  # whole papers were there to be cut
    scored = bench("evaluate", out / "predictions.jsonl", "--data", pilot, "--split", "test", "--contract", contract,
                   "--draws", 100, "--format", "json", "--quiet")  # fmt: skip
    assert scored.code == 0, scored.err
    result = json.loads(scored.out)
    overall = result["overall"]
    assert result["coverage"]["scored"] == len(ids)
    assert overall["n_pred"] == 2 * len(ids)
    assert overall["f1"] == pytest.approx(2 * overall["n_matched"] / (overall["n_ref"] + overall["n_pred"]))
    # The same two sentences for every paper: other articles' predictions match as often, so there is no skill.
    assert result["controls"]["skill"] == pytest.approx(0.0, abs=1e-9)
    assert f"thr:{result['contract']['threshold']!r}" in result["signature"]
