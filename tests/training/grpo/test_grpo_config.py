"""Presets of DPO and GRPO hold what was published, state everything to TRL, and refuse what cannot be."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import DataError, InputError
from bioreview_bench.training.config.files import shipped
from bioreview_bench.training.dpo.config import load_dpo_config
from bioreview_bench.training.grpo.config import load_grpo_config

from ..conftest import corpus_facts, corpus_row
from ..rl import grpo_job, make_questions

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")

PRESETS = {
    # G, beta, lr, iterations, V1 to V4, held-out tissues
    "grpo_mve": (4, 0.04, 1e-6, 1, {"V1": 0.6, "V4": 0.4}, ["eye"]),
    "grpo_full": (8, 0.04, 5e-7, 1, {"V1": 0.35, "V2": 0.30, "V3": 0.15, "V4": 0.20}, []),
    "grpo_full_v2": (16, 0.02, 5e-7, 2, {"V1": 0.35, "V2": 0.30, "V3": 0.15, "V4": 0.20}, ["eye", "thymus"]),
    "grpo_phase4": (16, 0.02, 5e-7, 2, {"V1": 0.30, "V2": 0.15, "V3": 0.10, "V4": 0.45}, ["eye", "thymus"]),
}
LENGTHS = {"grpo_mve": (512, 384), "grpo_phase4": (1024, 512)}  # completion, prompt


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_holds_the_published_values(name: str) -> None:
    config = load_grpo_config(name)
    g, lora, o = config.grpo, config.lora, config.optimiser
    assert (g.generations, g.beta, o.lr, g.iterations) == PRESETS[name][:4]
    assert config.reward.weights == PRESETS[name][4]
    assert config.data.hold_out == PRESETS[name][5]  # type: ignore[union-attr]
    assert (g.loss_type, g.scale_rewards, g.engine) == ("grpo", "group", "transformers")
    assert (lora.r, lora.alpha, lora.dropout) == (32, 64, 0.05)
    assert (o.warmup, o.schedule) == (0.1, "cosine")
    assert (config.quantisation.bits, config.quantisation.compute_dtype) == (4, "bfloat16")
    if name in LENGTHS:
        assert (g.max_completion, g.max_prompt) == LENGTHS[name]
    assert name != "grpo_mve" or config.training.epochs == 3


@pytest.mark.parametrize("name", ["dpo_kmp", "dpo_review"])
def test_dpo_holds_the_published_values(name: str) -> None:
    config = load_dpo_config(name)
    assert (config.dpo.beta, config.optimiser.lr) == (0.1, 5e-5)
    assert (config.lora.r, config.lora.alpha, config.lora.dropout) == (16, 32, 0.05)
    assert config.start.adapters
    assert not config.warnings()
    assert "0.05 destroyed" in load_dpo_config(name, ("dpo.beta=0.099",)).warnings()[0]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (("generations=1",), "grpo.generations"),
        (("generations=3",), "16 completions are sampled at once, which is no multiple of grpo.generations"),
        (("steps_per_generation=6",), "no multiple of training.accumulation"),
        (("effective_batch=15",), "no multiple of training.batch_size x training.accumulation"),
        (("iterations=3",), "no multiple of the 3 steps that completions are used for"),
        (("max_prompt=500",), "is not grpo.max_prompt"),
        (("engine=vllm",), "grpo.vllm_memory goes with"),
        (("engine=vllm", "vllm_memory=0.3"), "needs quantisation.bits: 16"),
        (("weights.V1=0.0", "weights.V4=0.0"), "no reward has a weight"),
        (("weights.V1=-1.0",), "reward.qa.weights.V1"),
        (("reward.v4_mode=other",), "v4_mode"),
        (("eval_examples=3", "eval_steps=3"), "nothing is evaluated on the way"),
        (("epsilon=0.0",), "epsilon"),
        (("top_p=1.5",), "top_p"),
    ],
)
def test_an_impossible_setting_is_refused(settings: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(InputError) as refused:
        load_grpo_config("grpo_mve", settings)
    assert complaint in str(refused.value)


def test_every_argument_of_trl_is_stated() -> None:
    from transformers import TrainingArguments
    from trl import DPOConfig, GRPOConfig

    from bioreview_bench.training.dpo import trainer as dpo_trainer
    from bioreview_bench.training.grpo import trainer as grpo_trainer
    from bioreview_bench.training.runs import arguments

    def own(kind: Any) -> set[str]:
        return {one.name for one in dataclasses.fields(kind)} - {
            one.name for one in dataclasses.fields(TrainingArguments)
        }

    replaced = {"use_transformers_paged", "vllm_importance_sampling_cap"}  # older names of other arguments
    server = {name for name in own(GRPOConfig) if name.startswith("vllm_server")} | {"vllm_group_port"}
    vllm = {name for name in own(GRPOConfig) if name.startswith("vllm_")}
    config = load_grpo_config("grpo_mve")
    stated = grpo_trainer.arguments(config, arguments.common(config, Path("out")), Path("out"))
    assert own(GRPOConfig) - stated.keys() == {"use_transformers_paged"} | vllm
    with_vllm = load_grpo_config("grpo_mve", ("engine=vllm", "vllm_memory=0.3", "bits=16"))
    stated = grpo_trainer.arguments(with_vllm, arguments.common(with_vllm, Path("out")), Path("out"))
    assert own(GRPOConfig) - stated.keys() == replaced | server
    assert stated["use_vllm"] is True
    preferences = load_dpo_config("dpo_kmp")
    stated = dpo_trainer.arguments(preferences, arguments.common(preferences, Path("out")), Path("out"))
    assert not own(DPOConfig) - stated.keys()


def test_what_trl_is_told_is_what_the_config_says(tmp_path: Path) -> None:
    from trl import GRPOConfig

    from bioreview_bench.training.grpo import trainer as grpo_trainer
    from bioreview_bench.training.runs import arguments

    config = load_grpo_config("grpo_phase4", ("device=cpu", "optimiser.name=adamw_torch"))
    made = GRPOConfig(**grpo_trainer.arguments(config, arguments.common(config, tmp_path), tmp_path))
    assert (made.num_generations, made.beta, made.learning_rate, made.num_iterations) == (16, 0.02, 5e-7, 2)
    assert (made.loss_type, made.scale_rewards, made.generation_batch_size) == ("grpo", "group", 64)
    assert (made.max_completion_length, made.warmup_steps, made.lr_scheduler_type) == (1024, 0.1, "cosine")


@pytest.mark.parametrize("name", [name for name in shipped() if name.startswith(("grpo", "dpo"))])
def test_every_preset_can_be_planned_without_weights(
    name: str, bench: Callable[..., Any], make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    kind = name.partition("_")[0]
    if name == "grpo_review":
        rows = [corpus_row(f"elife:{n}", "You review.", f"Paper {n}.", "[]") for n in range(40)]
        data = make_corpus(train=rows, **corpus_facts())
    else:
        data = make_questions(tmp_path / "kmp")
    settings = ["--set", "data.held_out=2"] if kind == "dpo" else []
    done = bench("train", kind, name, "--data", data, "--dry-run", "--format", "json", *settings)
    assert done.code == 0, done.err
    made = json.loads(done.out)
    assert made["steps"]["total"] > 0
    assert made["memory_gib"] > 4
    assert any("is not on this machine" in remark for remark in made["remarks"])
    text = bench("train", kind, name, "--data", data, "--dry-run", "--gpu-memory", "1", *settings)
    assert text.code == 3
    assert "has 1 GiB" in text.err


def test_questions_of_a_held_out_tissue_and_long_prompts_are_refused(tiny_qwen3: Path, tmp_path: Path) -> None:
    data = make_questions(tmp_path / "kmp")
    with pytest.raises(DataError, match="of a tissue that is held out") as refused:
        grpo_job(tiny_qwen3, data, tmp_path / "run", "hold_out=[heart]")
    assert "--hold-out heart" in str(refused.value)
    with pytest.raises(DataError, match=r"of \d+ prompts have more tokens than grpo.max_prompt \(90\)"):
        grpo_job(tiny_qwen3, data, tmp_path / "run", "max_prompt=90", "max_length=98")
    with pytest.raises(DataError, match="can earn nothing: none of V2 applies"):
        grpo_job(tiny_qwen3, data, tmp_path / "run", "weights.V1=0.0", "weights.V3=0.0", "weights.V4=0.0")
    with pytest.raises(InputError, match="prompts are sampled at once"):
        grpo_job(tiny_qwen3, data, tmp_path / "run", "batch_size=2000", "effective_batch=2000")
    with pytest.raises(InputError, match=r"training\.effective_batch is 16"):
        grpo_job(tiny_qwen3, data, tmp_path / "run", "effective_batch=16", "max_steps=1")
    said: list[str] = []
    assert grpo_job(tiny_qwen3, data, tmp_path / "run", "hold_out=[thymus]", say=said.append) is not None
    assert any("thymus is held out, and" in line for line in said)
    assert not (tmp_path / "run").exists()
