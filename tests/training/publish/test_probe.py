"""Probes: checkpoints of a run review a fixed sample by command, and are scored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.llm.local.model_files import digest
from bioreview_bench.llm.text.prompt import Prompt
from bioreview_bench.training.corpora.files import chosen
from bioreview_bench.training.models.summary import write_summary
from bioreview_bench.training.publish.probe import ProbeSettings, merged_before, probe
from bioreview_bench.training.runs.folder import seal

from ..conftest import QWEN_TEMPLATE, make_tokenizer

pytest.importorskip("peft", reason="pip install 'bioreview-bench[training]'")

CONCERN = "The study has no control group of untreated mice."
ANSWER = json.dumps([CONCERN, "Blinding of the assessors remains undescribed throughout."])


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A model that answers every prompt with ANSWER: its layers add nothing, and its output layer holds successors."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    roles = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    tokenizer = make_tokenizer(control, ["<think>", "</think>", ANSWER], QWEN_TEMPLATE, **roles)
    n = len(tokenizer) + len(tokenizer) % 2
    config = LlamaConfig(
        vocab_size=n, hidden_size=n, intermediate_size=4, num_hidden_layers=1, num_attention_heads=1, head_dim=2,
        max_position_embeddings=32_768, eos_token_id=tokenizer.eos_token_id, tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    before, answer = (tokenizer(text)["input_ids"][-1] for text in ("</think>\n\n", ANSWER))
    with torch.no_grad():
        for parameter in model.model.layers.parameters():
            parameter.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(n))
        model.lm_head.weight.zero_()
        model.lm_head.weight[answer, before] = 10.0
        model.lm_head.weight[tokenizer.eos_token_id, answer] = 10.0
    folder = tmp_path / "base"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def run(base: Path, tmp_path: Path) -> Path:
    """A run with a whole checkpoint at step 2, a broken one at step 4, and a loss on val at step 2."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = tmp_path / "run"
    adapter = folder / "checkpoint-2"
    config = LoraConfig(r=1, target_modules=["q_proj"], task_type="CAUSAL_LM")  # B is zero: it changes nothing
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(adapter)
    prompt = Prompt.load("strings-v1")
    facts = {
        "base_model": "base", "base_digest": digest(base), "prompt": {"id": prompt.id, "sha256": prompt.sha256},
        "thinking": False, "system": "own", "budget": 500, "counter": {"name": "chars3"}, "corpus": {}, "config": {},
        "n_steps": 2,
    }  # fmt: skip
    write_summary(adapter, facts)
    seal(adapter)
    (folder / "checkpoint-4").mkdir()
    (folder / "run.json").write_text(json.dumps({"config": {"name": "tiny", "model": {"name": str(base)}}}))
    rows = [{"step": 2, "loss": 1.0}, {"step": 2, "eval_loss": 1.25}, {"step": 4, "eval_loss": 1.0}]
    (folder / "log.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four articles; every one has one concern that the model raises and one that it does not."""
    folder = tmp_path / "data"
    folder.mkdir()
    with (folder / "val.jsonl").open("w") as stream:
        for number in range(1, 5):
            name = f"elife:{number}"
            texts = [CONCERN, f"Sequencing depth number {number} looks insufficient."]
            concerns = [
                {"concern_id": f"{name}:R1C{n}", "concern_text": text, "category": "other", "severity": "major"}
                for n, text in enumerate(texts, start=1)
            ]
            body = {"id": name, "source": "elife", "title": f"Paper {number}", "abstract": "Mice sleep."}
            stream.write(json.dumps({**body, "concerns": concerns}) + "\n")
    return folder


def test_checkpoints_are_reviewed_by_command_and_scored_on_a_sample_of_the_seed(
    run: Path, data: Path, bench: Callable[..., Any]
) -> None:
    done = bench("train", "probe", run, "--n", 3, "--data", data, "--contract", "jaccard", "--format", "json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert f"Passed over {run / 'checkpoint-4'}: it was cut off while it was written." in done.err
    ids = [f"elife:{number}" for number in range(1, 5)]
    by_hand = sorted(sorted(ids, key=lambda one: hashlib.sha256(f"42\0{one}".encode()).hexdigest())[:3])
    assert report["sample"]["ids"] == by_hand
    [point] = report["points"]
    # Three articles of two references; two predictions each, of which one is right.
    assert (point["step"], point["eval_loss"], point["answered"], point["concerns"]) == (2, 1.25, 3, 2.0)
    assert (point["recall"], point["f1"]) == (pytest.approx(3 / 6), pytest.approx(2 * 3 / (6 + 6)))
    folder = run / "probes" / "n3-seed42-local"
    assert json.loads((folder / "probe.json").read_text()) == report
    assert (folder / "ids.txt").read_text().split() == by_hand
    manifest = json.loads((folder / "step-2" / "run.json").read_text())
    assert manifest["reviewer"]["prompt"]["id"] == "strings-v1"
    table = bench("train", "probe", run, "--n", 3, "--data", data, "--contract", "jaccard")  # reviews are kept
    assert table.code == 0
    assert [row.split() for row in table.out.splitlines() if row.split()[:1] == ["2"]] == [
        [
            "2",
            "1.250",
            "0.500",
            *([f"{point['skill']:.3f}"] if point["skill"] is not None else ["-"]),
            "0.500",
            "2.0",
            "3/3",
        ]
    ]


def test_a_probe_without_whole_checkpoints_or_run_is_refused(run: Path, data: Path, bench: Callable[..., Any]) -> None:
    common = ("--data", data, "--contract", "jaccard", "--n", 2)
    absent = bench("train", "probe", run, "--step", 4, *common)
    assert absent.code == 2
    assert "has no complete checkpoint at step 4" in absent.err
    nowhere = bench("train", "probe", data, *common)
    assert nowhere.code == 2
    assert "Next: name a training run" in nowhere.err


def test_checkpoints_of_a_chain_are_probed_on_what_they_were_trained_on_and_by_vllm_where_asked(
    run: Path, data: Path, bench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable = tmp_path / "vllm"  # a stand-in, which notes how it was called
    executable.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/called\nexit 1\n')
    executable.chmod(0o755)
    monkeypatch.setenv("BIOREVIEW_VLLM", str(executable))
    words = ["train", "probe", run, "--n", 3, "--data", data, "--contract", "jaccard", "--step", 2]
    served = bench(*words, "--engine", "vllm", "--tensor-parallel", 2)
    assert (served.code, "no accelerator" in served.err) == (3, False)
    called = (tmp_path / "called").read_text().split()
    assert called[:2] == ["serve", str(run.parent / "base")]
    assert called[called.index("--tensor-parallel-size") + 1] == "2"
    config = {"name": "tiny", "model": {"name": str(run.parent / "base")}}
    facts = json.loads((run / "run.json").read_text())
    start = {"adapters": ["runs/sft", "runs/dpo"], "last": "merged"}
    assert merged_before({**facts, "config": {**config, "start": start}}) == ("runs/sft", "runs/dpo")
    assert merged_before({**facts, "config": {**config, "start": {**start, "last": "continued"}}}) == ("runs/sft",)
    assert merged_before(facts) == ()
    start = {"adapters": [str(tmp_path / "nowhere")], "last": "merged"}
    (run / "run.json").write_text(json.dumps({"config": {**config, "start": start}}))
    lost = bench(*words)
    assert (lost.code, "There is no folder" in lost.err) == (3, True)


def test_another_base_model_is_refused_before_reviewing(run: Path, data: Path, base: Path) -> None:
    from bioreview_bench.errors import InputError

    (base / "generation_config.json").write_text('{"eos_token_id": 2, "changed": true}')
    with pytest.raises(InputError, match="was trained on base"):
        probe(ProbeSettings(run, n=2, data=str(data), contract="jaccard"), lambda text: None)


def test_a_sample_depends_on_the_seed_alone_and_grows_by_adding() -> None:
    ids = [f"elife:{number}" for number in range(100)]
    small, large = chosen(ids, 10, 42), chosen(ids[::-1], 30, 42)
    assert set(small) < set(large)
    assert chosen(ids, 10, 43) != small
    kept = [one for one in ids if one not in small][:50] + small
    assert chosen(kept, 10, 42) == small  # others that go change nothing
    assert chosen(ids, 1000, 42) == sorted(ids)
