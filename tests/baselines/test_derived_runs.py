"""Predictions made from others are no run: they are neither resumed, nor retried, nor read again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.llm.run_store import RunStore

Bench = Callable[..., Any]


@pytest.fixture(params=["predictions.jsonl", "capped.jsonl"])
def derived(bench: Bench, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with post-processed predictions of a run over demo/val."""
    run, out = tmp_path / "run", tmp_path / "capped"
    assert bench("baseline", "generic", "--data", "demo", "--out", run).code == 0
    done = bench("postprocess", run / "predictions.jsonl", "-o", out / request.param, "--cap", 2)
    assert done.code == 0, done.err
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def test_no_command_takes_derived_predictions_for_a_run(bench: Bench, derived: Path) -> None:
    before = contents(derived)
    for command in (
        ["baseline", "generic", "--data", "demo", "--out", derived],
        ["baseline", "retry", derived],
        ["baseline", "reparse", derived],
        ["baseline", "status", derived],
    ):
        done = bench(*command)
        assert done.code == 2, command
        assert f"{derived} holds predictions that were made from others (cap2), not a run." in done.err
        assert "bench postprocess" in done.err
        assert contents(derived) == before


def test_an_ensemble_is_no_run_either(tmp_path: Path) -> None:
    manifest = {"schema_version": 1, "name": "ensemble", "reviewer": {}, "derived_from": [], "postprocessing": "e"}
    (tmp_path / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="not a run"):
        RunStore.open(tmp_path, name="ensemble", reviewer={}, split="s", fingerprint="f")
    with pytest.raises(InputError, match="not a run"):
        RunStore.reopen(tmp_path)
