"""From a corpus to a board with two processes for each training: SFT, DPO, GRPO, each on those before it merged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.numpy import load_file

from bioreview_bench.data.load import load_split
from bioreview_bench.training.corpora.files import read_corpus
from bioreview_bench.training.models.summary import read_summary
from bioreview_bench.training.runs.folder import checkpoints

from ..conftest import make_answering_model

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")
pytest.importorskip("bitsandbytes", reason="pip install 'bioreview-bench[training]'")

ANSWER = json.dumps(
    [
        {"text": "The study has no control group.", "category": "design_flaw", "severity": "major"},
        {"text": "The sample is too small.", "category": "statistical_methodology", "severity": "minor"},
    ]
)
SHARED = (
    "device=cpu", "max_steps=2", "save_steps=1", "learning_rate=1e-6", "gradient_accumulation_steps=1",
    "adapter.targets=[q_proj, o_proj, down_proj]",
)  # fmt: skip
SFT = (
    *SHARED, "effective_batch=2", "per_device_train_batch_size=1", "trl.max_length=4096", "eval_strategy=no",
    "eval_examples=null",
)  # fmt: skip
DPO = (*SHARED, "effective_batch=2", "per_device_train_batch_size=1", "trl.max_length=4096", "held_out=1")
GRPO = (
    *SHARED, "effective_batch=4", "per_device_train_batch_size=2", "steps_per_generation=1", "num_generations=2",
    "max_prompt=4096", "max_completion_length=8", "reward.data=demo",
)  # fmt: skip
# In each of two processes: the commands of the first argument; an empty one copies the first run as if it had stopped.
PROGRAM = """
import json, os, shutil, sys
from bioreview_bench.cli.main import run
for words in json.loads(sys.argv[1]):
    if not words:
        if os.environ["RANK"] == "0":
            shutil.copytree("runs/sft", "runs/again", ignore=shutil.ignore_patterns("adapter", "checkpoint-2"))
        import torch
        torch.distributed.barrier()
    elif code := run(words):
        sys.exit(code)
"""


def teachable(model: Path) -> Path:
    """Its layer's first half gets weights, so that adapters of the second half, which stay 0, have something to learn
    from; what it says stays as it is."""
    import torch
    from safetensors.torch import load_file, save_file

    path = model / "model.safetensors"
    weights = dict(load_file(path))
    torch.manual_seed(0)
    for name in weights:
        if name.rpartition(".weight")[0].endswith(("v_proj", "gate_proj", "up_proj")):
            weights[name] = torch.randn_like(weights[name]) * 0.1
        elif "layernorm" in name:
            weights[name] = torch.ones_like(weights[name])
    save_file(weights, path, metadata={"format": "pt"})
    return model


def settings(*given: str) -> list[str]:
    return [word for setting in given for word in ("--set", setting)]


def in_two_processes(folder: Path, commands: list[list[str]]) -> str:
    """Run the commands by torchrun; what they printed on stderr."""
    (folder / "program.py").write_text(PROGRAM)
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    done = subprocess.run(
        [sys.executable, *launcher, "program.py", json.dumps(commands)],
        cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
        timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-6000:]
    return done.stderr


def predictions(path: Path, corpus: Path, text: Callable[[str], str]) -> Path:
    path.parent.mkdir(parents=True)
    rows = [row["article_id"] for row in read_corpus(corpus).train]
    lines = [{"article_id": one, "status": "ok", "concerns": [], "raw_output": text(one)} for one in rows]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_reviewer_goes_from_a_corpus_to_a_board_with_two_processes_for_each_training(
    bench: Callable[..., Any], minilm: None, warm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = teachable(make_answering_model(tmp_path / "tiny-answer", [ANSWER, "No comment."]))

    def done(*words: object) -> str:
        made = bench(*words)
        assert made.code == 0, f"{words}\n{made.out}\n{made.err}"
        return str(made.out)

    corpus = ("--recipe", "A", "--data", "demo", "--model", model, "--budget", 300, "--max-length", 4096)
    done("train", "corpus", *corpus, "-o", "corpus")
    references = {article.id: [one.text for one in article.concerns] for article in load_split("demo", "train")}
    good = predictions(
        tmp_path / "good" / "p.jsonl", tmp_path / "corpus",
        lambda one: json.dumps([{"text": t, "category": "other", "severity": "major"} for t in references[one]]),
    )  # fmt: skip
    order = list(references)
    bad = predictions(  # longer than the good review in every other article
        tmp_path / "bad" / "p.jsonl", tmp_path / "corpus",
        lambda one: "The study is of no interest. " * (1 + 99 * (order.index(one) % 2)),
    )  # fmt: skip
    reviews = ("--predictions", good, "--predictions", bad)
    done("train", "pairs", "--corpus", "corpus", "--data", "demo", *reviews, "--ratio", 1000, "-o", "pairs")

    common = ["--model", str(model), "-o"]
    sft = ["train", "sft", "qwen3_8b", "--corpus", "corpus", *settings(*SFT), *common]
    dpo = ["train", "dpo", "dpo_review", "--data", "pairs", *settings(*DPO), "--adapter", "runs/sft", *common]
    grpo = ["train", "grpo", "grpo_review", "--data", "corpus", *settings(*GRPO)]
    grpo += ["--adapter", "runs/sft", "--adapter", "runs/dpo", *common]
    runs = [[*sft, "runs/sft"], [], [*sft, "runs/again"], [*dpo, "runs/dpo"], [*grpo, "runs/grpo"]]
    said = in_two_processes(tmp_path, runs)
    assert said.count("Going on from runs/again/checkpoint-1 (step 1).") == 1
    for name in ("adapter/adapter_model.safetensors", "checkpoint-2/optimizer.pt"):
        assert (Path("runs/again") / name).read_bytes() == (Path("runs/sft") / name).read_bytes()
    assert said.count("Writing runs/dpo/start ...") == said.count("Writing runs/grpo/start ...") == 1  # by the first
    assert not list(Path("runs").glob("*/start*"))
    for name in ("sft", "dpo", "grpo"):
        summary = read_summary(Path("runs") / name / "adapter")
        assert (summary["state"], summary["n_steps"]) == ("finished", 2)
        assert [one.fault for one in checkpoints(Path("runs") / name)] == [None, None]
        trained = load_file(f"runs/{name}/adapter/adapter_model.safetensors")
        assert name == "grpo" or any(one.any() for key, one in trained.items() if "lora_B" in key)
    sampled = [path.name.rpartition("-")[2] for path in Path("runs/grpo/samples").iterdir()]
    assert sorted(sampled) == ["0.jsonl", "0.jsonl", "1.jsonl", "1.jsonl"]  # two steps, two processes

    adapters = [word for name in ("sft", "dpo", "grpo") for word in ("--adapter", f"runs/{name}")]
    engine = ("--param", "temperature=0", "--param", "max_new_tokens=8")
    done("train", "generate", *adapters, "--model", model, "--data", "demo", "--split", "val", "--out", "val", *engine)
    found = [json.loads(line) for line in Path("val/predictions.jsonl").read_text().splitlines()]
    assert {row["article_id"] for row in found} == {article.id for article in load_split("demo", "val")}
    scored = ("--data", "demo", "--split", "val", "--contract", "demo")
    done("evaluate", "val/predictions.jsonl", *scored, "-o", "r.result.json")
    owner = ("--organisation", "Mine", "--contact", "me@example.org")
    done("train", "card", "runs/grpo", *owner, "--result", "r.result.json")
    readme = Path("runs/grpo/adapter/README.md").read_text()
    assert "bench train generate --model tiny-answer --adapter sft --adapter dpo --adapter FOLDER" in readme
    said = yaml.safe_load(Path("runs/grpo/adapter/card.yaml").read_text())["training_data"]["description"]
    corpora = [read_summary(Path("runs") / name / "adapter")["corpus"]["fingerprint"] for name in ("sft", "dpo")]
    assert all(one in said for one in corpora)
    assert "recipe A on demo" in said
    assert "pairs of reviews on demo" in said
    card = ("--card", "runs/grpo/adapter/card.yaml")
    board = done("submit", "val/predictions.jsonl", *card, *scored, "--to", "board.sqlite")
    assert f"{json.loads(Path('r.result.json').read_text())['overall']['f1']:.3f}" in board
