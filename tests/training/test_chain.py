"""SFT, DPO and GRPO one after another: a chain computes what PEFT computes by hand, and in 4 bits it runs through."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.llm.local.weights import add_adapter, load_weights
from bioreview_bench.training.models.merge import merge
from bioreview_bench.training.models.summary import read_summary
from bioreview_bench.training.sft.train import Sft

from .rl import FOUR_BITS, TINY, Toy, checked, dpo_run, grpo_run, make_questions, samples, started_from, trained

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")
pytest.importorskip("bitsandbytes", reason="pip install 'bioreview-bench[training]'")

SFT = (
    *(setting for setting in TINY if not setting.startswith("start")), "per_device_train_batch_size=4",
    "gradient_accumulation_steps=1", "effective_batch=4", "max_steps=3", "save_steps=3", "eval_strategy=no",
    "eval_examples=null", "adapter.r=8", "adapter.alpha=16",
)  # fmt: skip


def chain_of(model: Path, data: Path, folder: Path, *settings: str) -> tuple[list[Path], Any]:
    """Three short runs, each from those before it: (their adapters, the last trainer)."""
    given = (f"model.name={json.dumps(str(model))}", f"data.folder={json.dumps(str(data))}", "learning_rate=1e-2")
    trained(checked(Sft(), "kmp_mistral7b", folder / "sft", (*SFT, *given, *settings)))
    dpo_run(model, data, folder / "dpo", *settings, started_from(folder / "sft"), "max_steps=3")
    made = grpo_run(model, data, folder / "grpo", *settings, started_from(folder / "sft", folder / "dpo"), judge=Toy())
    return [folder / name / "adapter" for name in ("sft", "dpo", "grpo")], made.trainer


def test_a_chain_of_three_gives_the_logits_of_peft_by_hand(tiny_qwen3: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel

    adapters, trainer = chain_of(tiny_qwen3, make_questions(tmp_path / "kmp"), tmp_path)
    ids = torch.arange(20, 60)[None]
    by_hand = load_weights(tiny_qwen3, "float32", "cpu")
    for adapter in adapters[:2]:
        by_hand = PeftModel.from_pretrained(by_hand, str(adapter)).merge_and_unload()
    two = by_hand(input_ids=ids).logits.clone()
    by_hand = PeftModel.from_pretrained(by_hand, str(adapters[2])).eval()
    ours_trained = trainer.model.eval()
    ours = load_weights(tiny_qwen3, "float32", "cpu")
    for number, adapter in enumerate(adapters):
        ours = add_adapter(ours, adapter, merge=number < 2)
    with torch.no_grad():
        expected = by_hand(input_ids=ids).logits
        assert torch.allclose(ours_trained(input_ids=ids).logits, expected, atol=1e-4)
        assert torch.allclose(ours.eval()(input_ids=ids).logits, expected, atol=1e-5)
        with ours_trained.disable_adapter():  # the reference of GRPO's KL term is SFT and DPO, not the base model
            assert torch.allclose(ours_trained(input_ids=ids).logits, two, atol=1e-4)
    assert not torch.allclose(two, expected, atol=1e-3)
    summary = read_summary(adapters[2])
    assert [one["name"] for one in summary["start"]["adapters"]] == ["sft", "dpo"]
    assert summary["prompt"] == read_summary(adapters[0])["prompt"]


def test_the_chain_runs_in_four_bits_and_leaves_no_merged_weights(
    tiny_qwen3: Path, tmp_path: Path, bench: Callable[..., Any]
) -> None:
    data = make_questions(tmp_path / "kmp")
    adapters, _ = chain_of(tiny_qwen3, data, tmp_path, *FOUR_BITS)
    assert not [path for run in ("dpo", "grpo") for path in (tmp_path / run).glob("start*")]
    assert len(samples(tmp_path / "grpo")) == 16
    merge(str(tiny_qwen3), [str(one) for one in adapters], tmp_path / "merged", dtype="float32")  # records agree
    done = bench(
        "train", "evaluate-qa", "--baseline", tiny_qwen3, "--adapters", ",".join(map(str, adapters)), "--questions",
        _first(data / "eval.jsonl", tmp_path / "few.jsonl", 2), "--max-new-tokens", 4, "--device", "cpu",
    )  # fmt: skip
    assert done.code == 0, done.err
    alone = bench(
        "train",
        "evaluate-qa",
        "--baseline",
        tiny_qwen3,
        "--adapters",
        adapters[2],
        "--questions",
        tmp_path / "few.jsonl",
    )
    assert (alone.code, "--adapters FIRST,SECOND" in alone.err) == (2, True)  # trained on the sum of the others


def _first(path: Path, out: Path, n: int) -> Path:
    out.write_text("".join(path.read_text().splitlines(keepends=True)[:n]))
    return out
