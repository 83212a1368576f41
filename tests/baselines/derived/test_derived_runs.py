"""Predictions made from others are no run: they are neither resumed, nor retried, nor read again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.llm.run.store import RunStore

Bench = Callable[..., Any]


@pytest.fixture(params=["predictions.jsonl", "capped.jsonl"])
def derived(bench: Bench, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with post-processed predictions of a run over demo/val."""
    run, out = tmp_path / "run", tmp_path / "capped"
    assert bench("baseline", "generic", "--data", "demo", "--split", "val", "--out", run).code == 0
    done = bench("postprocess", run / "predictions.jsonl", "-o", out / request.param, "--cap", 2)
    assert done.code == 0, done.err
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def test_no_command_takes_derived_predictions_for_a_run(bench: Bench, derived: Path) -> None:
    before = contents(derived)
    for command in (
        ["baseline", "generic", "--data", "demo", "--split", "val", "--out", derived],
        ["baseline", "retry", derived],
        ["baseline", "reparse", derived],
        ["baseline", "status", derived],
    ):
        done = bench(*command)
        assert done.code == 2, command
        assert f"{derived} contains predictions that were made from others (cap2), not a run." in done.err
        assert "bench postprocess" in done.err
        assert contents(derived) == before


def test_an_ensemble_is_no_run_either(tmp_path: Path) -> None:
    manifest = {"schema_version": 1, "name": "ensemble", "reviewer": {}, "derived_from": [], "postprocessing": "e"}
    (tmp_path / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="not a run"):
        RunStore.open(tmp_path, name="ensemble", reviewer={}, split="s", fingerprint="f")
    with pytest.raises(InputError, match="not a run"):
        RunStore.reopen(tmp_path)


def test_the_next_command_scores_on_the_data_of_the_run(bench: Bench, tmp_path: Path) -> None:
    for name in ("generic", "echo"):
        assert bench("baseline", name, "--data", "demo", "--split", "val", "--out", tmp_path / name).code == 0
    one, other = (tmp_path / name / "predictions.jsonl" for name in ("generic", "echo"))
    out = tmp_path / "out" / "predictions.jsonl"
    done = bench("postprocess", one, "-o", out, "--cap", 2)
    assert done.out.endswith(f"Next: bench evaluate {shlex.quote(str(out))} --data demo --split val\n")
    following = shlex.split(done.out.split("Next: bench ")[1])
    assert bench(*following, "--contract", "jaccard", "--draws", 0, "--quiet").code == 0
    (tmp_path / "alone").mkdir()
    alone = tmp_path / "alone" / "predictions.jsonl"
    alone.write_bytes(other.read_bytes())
    assert (
        f"{shlex.quote(str(out))} --data DATA --split SPLIT\n" in bench("postprocess", alone, "-o", out, "--cap", 1).out
    )
    bundled = bench("postprocess", "demo:careful", "-o", tmp_path / "d" / "p.jsonl", "--cap", 1)
    assert "--data demo --split test" in bundled.out


def test_an_ensemble_of_one_data_is_scored_on_it(bench: Bench, tmp_path: Path, minilm: None, warm: Path) -> None:
    for name in ("generic", "echo"):
        assert bench("baseline", name, "--data", "demo", "--split", "val", "--out", tmp_path / name).code == 0
    one, other = (tmp_path / name / "predictions.jsonl" for name in ("generic", "echo"))
    done = bench("ensemble", one, other, "-o", tmp_path / "both" / "p.jsonl", "--contract", "demo")
    assert done.code == 0, done.err
    assert "--data demo --split val" in done.out
    mixed = bench("ensemble", one, "demo:careful", "-o", tmp_path / "mixed" / "p.jsonl", "--contract", "demo")
    assert "--data DATA --split SPLIT\n" in mixed.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.jsonl", "-o", "new/deep/p.jsonl", "--cap", 2], "no file"),
        (["demo:careful", "-o", "new/p.jsonl", "--dedup", "semantic"], "not on this machine"),
        (["demo:careful", "-o", "here", "--cap", 2], "here is a folder"),
    ],
)
def test_a_failure_leaves_no_folder_behind(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[object], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    done = bench("postprocess", *arguments)
    assert done.code in (2, 3)
    assert said in done.err
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "cache") == ["here"]
