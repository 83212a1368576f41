"""The settings that the benchmarks try are configs that training takes; they count what a model computes, and one that
fails costs no other its figures."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bioreview_bench.training.config.load import load
from bioreview_bench.training.runs.run import require_batch

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A module of benchmarks/training, by its name."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[3] / "benchmarks" / "training"))
    for name in ("each", "grpo", "qlora", "random_model"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return import_module


@pytest.fixture
def qlora(script: Callable[[str], Any]) -> Any:
    return script("qlora")


def test_every_setting_of_the_benchmark_is_a_config(qlora: Any) -> None:
    for name, setting in qlora.SETTINGS.items():
        given = [f"effective_batch={setting.papers}", "gradient_accumulation_steps=1", *setting.changes]
        config = load("sft", qlora.CONFIG, given)
        require_batch(config, devices=1)
        assert config.packages() == ([setting.package] if setting.package else []), name


def test_every_setting_of_grpo_is_a_config_of_the_model_that_is_made(script: Callable[[str], Any]) -> None:
    grpo, shape = script("grpo"), script("random_model").SHAPE
    given = Namespace(config="grpo_phase4", prompt=None, completion=None, warm_up=2, steps=4, changes=[], tiny=False)
    for name, (_, package) in grpo.SETTINGS.items():
        config = grpo.configured(given, name)
        assert config.packages() == ([package] if package else []), name
        assert config.architecture.hidden_size == shape["hidden_size"]
    assert (config.trl["max_steps"], config.data.max_prompt, config.span) == (6, 512, 4)


def test_the_random_model_samples_with_a_cache_as_loaded_models_do(script: Callable[[str], Any]) -> None:
    import torch

    part = SimpleNamespace(bits=16, compute_dtype="float32")
    made = script("random_model")
    model = made.build(made.TINY, part, "sdpa", "cpu")
    widths: list[int] = []
    model.model.register_forward_pre_hook(
        lambda _, given, named: widths.append(named["input_ids"].shape[1]), with_kwargs=True
    )
    model.generate(input_ids=torch.full((1, 8), 3), max_new_tokens=3, do_sample=False, pad_token_id=0)
    assert widths == [8, 1, 1]


def test_a_setting_that_fails_or_takes_too_long_costs_no_other_its_figures(
    script: Callable[[str], Any], tmp_path: Path
) -> None:
    toy = tmp_path / "toy.py"
    toy.write_text(
        "import sys, time\n"
        "if sys.argv[1] == 'broken':\n    raise RuntimeError('CUDA out of memory. Tried to allocate')\n"
        "if sys.argv[1] == 'killed':\n    sys.exit(9)\n"
        "if sys.argv[1] == 'slow':\n    time.sleep(600)\n"
        "print('some line')\nprint('{\"tokens\": 7}')\n"
    )
    measured = script("each").measured
    settings = {"absent": "no_such_package", "broken": None, "killed": None, "good": None}
    assert dict(measured(str(toy), settings, [], minutes=10)) == {
        "absent": "no_such_package is not installed",
        "broken": "RuntimeError: CUDA out of memory. Tried to allocate",
        "killed": "ended with code 9",
        "good": {"tokens": 7},
    }
    assert dict(measured(str(toy), {"slow": None}, [], 0.01)) == {"slow": "did not end in the time that was left"}


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
