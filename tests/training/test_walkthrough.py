"""The walk-through of README.md, repeated in docs/training.md, command by command, with a tiny model."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.load import load_split
from bioreview_bench.training.corpora.files import read_corpus

from .conftest import make_answering_model

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")
pytest.importorskip("bitsandbytes", reason="pip install 'bioreview-bench[training]'")

ROOT = Path(__file__).resolve().parents[2]
README, DOCS = ROOT / "README.md", ROOT / "docs" / "training.md"
ANSWER = json.dumps(
    [
        {"text": "The study has no control group.", "category": "design_flaw", "severity": "major", "confidence": 0.8},
        {"text": "The sample is too small.", "category": "statistical_methodology", "severity": "minor"},
    ]
)
# What the tiny model needs besides: it reads less, learns for two steps, on the CPU.
BESIDES = {
    "corpus": ["--budget", "300", "--max-length", "4096"],
    "sft": [
        word
        for setting in (
            "device=cpu",
            "effective_batch=2",
            "gradient_accumulation_steps=2",
            "max_steps=2",
            "trl.max_length=4096",
            "eval_strategy=no",
            "eval_examples=null",
            "learning_rate=1e-6",
            "adapter.targets=[q_proj, o_proj, down_proj]",
        )
        for word in ("--set", setting)
    ],
    "generate": ["--param", "temperature=0", "--param", "max_new_tokens=8"],
    "evaluate": ["--contract", "demo"],
    "submit": ["--contract", "demo"],
}


@pytest.fixture(scope="module")
def answering_qwen3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answers every prompt with ANSWER; two small steps of training do not change what is most likely."""
    return make_answering_model(tmp_path_factory.mktemp("models") / "tiny-answer", [ANSWER])


def commands(model: Path) -> list[list[str]]:
    """The `bench` lines of the first block of the docs, on the demo data and with `model`."""
    block = re.search(r"## Train a reviewer\n\n```\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    steps = block.group(1).partition("\n")[2]
    assert steps in DOCS.read_text(encoding="utf-8")
    found = []
    for line in steps.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] != ["bench"]:
            continue
        words = [{"v3": "demo", "Qwen/Qwen3-8B": str(model)}.get(word, word) for word in words[1:]]
        step = words[1] if words[0] == "train" else words[0]
        words += ["--model", str(model)] if step in ("sft", "generate") else []
        found.append([*words, *BESIDES.get(step, [])])
    return found


def test_the_walk_through_leads_to_a_local_board(
    bench: Callable[..., Any], answering_qwen3: Path, minilm: None, warm: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    steps = commands(answering_qwen3)
    assert [words[1] if words[0] == "train" else words[0] for words in steps] == [
        "corpus", "sft", "generate", "evaluate", "card", "submit"
    ]  # fmt: skip
    for words in steps:
        done = bench(*words)
        assert done.code == 0, f"{' '.join(words)}\n{done.out}\n{done.err}"
    corpus = read_corpus(tmp_path / "corpora" / "a-qwen3")
    run = json.loads((tmp_path / "runs" / "sft-a-val" / "run.json").read_text())
    assert run["reviewer"]["prompt"]["sha256"] == corpus.manifest["prompt"]["sha256"]
    assert (run["reviewer"]["budget_tokens"], run["reviewer"]["token_counter"]) == (300, "chars3")
    rows = [json.loads(line) for line in (tmp_path / "runs" / "sft-a-val" / "predictions.jsonl").open()]
    assert {row["article_id"] for row in rows} == {article.id for article in load_split("demo", "val")}
    assert all(row["status"] == "ok" and row["raw_output"] == ANSWER for row in rows)
    result = json.loads((tmp_path / "sft-a.result.json").read_text())
    assert (result["overall"]["n_pred"], result["coverage"]["scored"]) == (12, 6)
    assert f"{result['overall']['f1']:.3f}" in done.out  # the board's own figure is the same
    assert result["signature"] in (tmp_path / "runs" / "sft-a" / "adapter" / "README.md").read_text()
