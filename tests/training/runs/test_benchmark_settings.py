"""The settings that the benchmark tries are configs that training takes, and it counts what a model computes."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.training.config.load import load
from bioreview_bench.training.runs.run import require_batch

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")


@pytest.fixture
def qlora(monkeypatch: pytest.MonkeyPatch) -> Any:
    """benchmarks/qlora.py"""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[3] / "benchmarks"))
    sys.modules.pop("qlora", None)
    return import_module("qlora")


def test_every_setting_of_the_benchmark_is_a_config(qlora: Any) -> None:
    for name, setting in qlora.SETTINGS.items():
        given = [f"effective_batch={setting.papers}", "gradient_accumulation_steps=1", *setting.changes]
        config = load("sft", qlora.CONFIG, given)
        require_batch(config, devices=1)
        assert config.packages() == ([setting.package] if setting.package else []), name


def test_operations_are_those_of_the_products_of_a_layer(qlora: Any) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import Qwen3Config, Qwen3ForCausalLM

    model = Qwen3ForCausalLM(Qwen3Config(**qlora.TINY, attn_implementation="eager"))
    length = 48
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(input_ids=torch.zeros(1, length, dtype=torch.long))
    shape = qlora.TINY
    # Forward alone: half of what weights need in training, a third of what attention does, counted as a whole square.
    attention = shape["num_hidden_layers"] * shape["num_attention_heads"] * shape["head_dim"]
    head = 4 * shape["hidden_size"] * shape["vocab_size"] * length
    weights = qlora.operations(shape, [length], length) - head - 6 * attention * length**2
    assert counter.get_total_flops() == pytest.approx((weights + head) / 2 + 4 * attention * length**2, rel=0.01)
