"""Sweeps: variants of a config, and one table of what came of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.training.cluster.sweep import collect, command, variants, write_sweep
from bioreview_bench.training.config.load import load
from bioreview_bench.training.models.summary import write_summary


def test_every_combination_becomes_a_config_of_its_own(bench: Callable[..., Any], tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    settings = ("--set", "learning_rate=1e-4,3e-4", "--set", "r=8,16", "--set", "num_train_epochs=1")
    done = bench("train", "sweep", "qwen3_8b", *settings, "-o", out)
    assert done.code == 0, done.err
    folders = [
        "learning_rate=0.0001,r=8",
        "learning_rate=0.0001,r=16",
        "learning_rate=0.0003,r=8",
        "learning_rate=0.0003,r=16",
    ]
    assert done.out.splitlines() == [
        f"bench train sft {out / folder / 'config.yaml'} -o {out / folder / 'run'}" for folder in folders
    ]
    made = [load("sft", str(out / folder / "config.yaml")) for folder in folders]
    rates = [(config.trl["learning_rate"], config.adapter.r) for config in made]
    assert rates == [(1e-4, 8), (1e-4, 16), (3e-4, 8), (3e-4, 16)]
    assert {config.trl["num_train_epochs"] for config in made} == {1}
    assert made[0].name == "qwen3_8b+learning_rate=0.0001,r=8"
    base = load("sft", "qwen3_8b").model_dump()
    changed = made[3].model_dump()
    assert changed.pop("name") != base.pop("name")
    assert changed["trl"].pop("learning_rate") == 3e-4
    assert changed["trl"].pop("num_train_epochs") == 1
    del base["trl"]["learning_rate"], base["trl"]["num_train_epochs"]
    assert base["adapter"]["r"] == 16
    assert changed == base
    again = bench("train", "sweep", "qwen3_8b", *settings, "-o", out)
    assert again.code == 2
    assert "is not an empty folder" in again.err


def test_values_that_are_lists_are_split_outside_their_brackets() -> None:
    found = variants("qwen3_8b", ["targets=[q_proj, v_proj],[q_proj]", "seed=1"])
    assert [one.config["adapter"]["targets"] for one in found] == [["q_proj", "v_proj"], ["q_proj"]]
    assert [one.folder for one in found] == ["targets=q_proj-v_proj", "targets=q_proj"]


@pytest.mark.parametrize(("name", "method"), [("dpo_review", "dpo"), ("grpo_full", "grpo")])
def test_configs_of_every_method_are_varied(name: str, method: str, tmp_path: Path) -> None:
    made = variants(name, ["learning_rate=1e-6,2e-6"])
    write_sweep(name, made, tmp_path / "sweep")
    config = tmp_path / "sweep" / made[1].folder / "config.yaml"
    assert load(method, str(config)).trl["learning_rate"] == 2e-6
    assert command(made[1], tmp_path / "sweep").startswith(f"bench train {method} {config} -o ")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (["learning_rate=1e-4"], "Nothing varies"),
        (["learning_rate=1e-4,1e-4"], "Two variants are equal"),
        (["learning_rate=1e-4,fast"], r"trl\.learning_rate: input should be a valid number"),
        (["learning_rate=1e-4,2e-4", "trl.learning_rate=1,2"], r"trl\.learning_rate is set twice"),
        (["learning_rate"], "is not of the form"),
        (["speed=1,2"], '"speed" is not a key'),
        ([f"seed={','.join(map(str, range(300)))}"], "300 variants"),
    ],
)
def test_a_sweep_that_makes_no_sense_writes_nothing(
    settings: list[str], complaint: str, bench: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=complaint):
        variants("qwen3_8b", settings)
    words = [word for setting in settings for word in ("--set", setting)]
    assert bench("train", "sweep", "qwen3_8b", *words, "-o", tmp_path / "sweep").code == 2
    assert not (tmp_path / "sweep").exists()


def test_results_are_collected_with_the_best_checkpoint_of_the_last_probe(
    bench: Callable[..., Any], tmp_path: Path
) -> None:
    out = tmp_path / "sweep"
    assert bench("train", "sweep", "qwen3_8b", "--set", "learning_rate=1e-4,2e-4,3e-4", "-o", out).code == 0
    finished(out / "learning_rate=0.0001" / "run" / "adapter", 12, 0.5)
    finished(out / "learning_rate=0.0002" / "run" / "checkpoint-4", 4, 0.9)
    points = [
        {"step": 4, "skill": 0.10, "f1": 0.9},
        {"step": 8, "skill": 0.20, "f1": 0.3},
        {"step": 12, "skill": None, "f1": 0.99},
    ]
    report = {"points": points, "sample": {"n": 50, "seed": 42}, "contract": "demo"}
    folder = out / "learning_rate=0.0001" / "run" / "probes" / "n50-seed42-local"
    folder.mkdir(parents=True)
    (folder / "probe.json").write_text(json.dumps(report))
    done = bench("train", "sweep", "collect", out, "--format", "json")
    assert done.code == 0, done.err
    first, second, third = json.loads(done.out)
    assert (first["state"], first["n_steps"], first["train_loss"], first["eval_loss"]) == ("finished", 12, 0.5, 0.6)
    assert (first["step"], first["skill"], first["f1"]) == (8, 0.20, 0.3)
    assert first["probed"] == "50 articles, seed 42, contract demo"
    assert (second["state"], second["n_steps"], second["f1"]) == ("at step 4", 4, None)
    assert (third["state"], third["values"]) == ("not begun", {"trl.learning_rate": 3e-4})
    table = " ".join(bench("train", "sweep", "collect", out).out.split())
    assert "learning_rate=0.0002 at step 4" in table
    with pytest.raises(InputError, match="no file"):
        collect(tmp_path)


def finished(folder: Path, n_steps: int, loss: float) -> None:
    folder.mkdir(parents=True)
    names = ("base_model", "base_digest", "prompt", "thinking", "system", "budget", "corpus", "config")
    metrics = {"train_loss": loss, "eval_loss": loss + 0.1}
    write_summary(folder, {**dict.fromkeys(names), "n_steps": n_steps, "metrics": metrics})
