"""Presets of DPO and GRPO hold what was published, state everything to TRL, and refuse what cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import DataError, InputError
from bioreview_bench.training.config.files import presets
from bioreview_bench.training.config.load import arguments, load

from ..conftest import corpus_facts, corpus_row
from ..rl import grpo_job, make_questions

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")

WEIGHTS = {"facts": 0.35, "pathway_direction": 0.30, "consistency": 0.15, "uncertainty": 0.20}
PRESETS = {
    # G, beta, lr, iterations, weights of the verifiers, held-out tissues
    "grpo_mve": (4, 0.04, 1e-6, 1, {"facts": 0.6, "uncertainty": 0.4}, ["eye"]),
    "grpo_full": (8, 0.04, 5e-7, 1, WEIGHTS, ["eye", "thymus"]),
    "grpo_full_v2": (16, 0.02, 5e-7, 2, WEIGHTS, ["eye", "thymus"]),
    "grpo_phase4": (16, 0.02, 5e-7, 2, dict(zip(WEIGHTS, (0.30, 0.15, 0.10, 0.45), strict=True)), ["eye", "thymus"]),
}
LENGTHS = {"grpo_mve": (512, 384)}  # completion, prompt


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_holds_the_published_values(name: str) -> None:
    config = load("grpo", name)
    t = config.trl
    assert (t["num_generations"], t["beta"], t["learning_rate"], t["num_iterations"]) == PRESETS[name][:4]
    assert config.reward.weights == PRESETS[name][4]
    assert config.data.hold_out == PRESETS[name][5]
    assert (t["max_completion_length"], config.data.max_prompt) == LENGTHS.get(name, (1024, 512))
    assert config.reward.v4_mode == ("legacy" if name == "grpo_phase4" else "match_v1")


@pytest.mark.parametrize("name", ["dpo_kmp", "dpo_review"])
def test_a_small_beta_is_warned_of(name: str) -> None:
    config = load("dpo", name)
    assert config.start.adapters
    assert not config.warnings()
    assert "0.05 destroyed" in load("dpo", name, ("trl.beta=0.099",)).warnings()[0]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (("num_generations=1",), "trl.num_generations"),
        (("num_generations=3",), "8 completions are sampled at once, not a multiple of trl.num_generations"),
        (("steps_per_generation=6",), "not a multiple of trl.gradient_accumulation_steps"),
        (("effective_batch=7",), "not a multiple of trl.per_device_train_batch_size x"),
        (("num_iterations=3",), "not a multiple of the 3 steps that completions are used for"),
        (("use_vllm=true",), "needs quantisation.bits: 16"),
        (("weights.facts=0.0", "weights.uncertainty=0.0"), "no reward has a weight"),
        (("weights.facts=-1.0",), "reward.qa.weights.facts"),
        (("reward.weights={form: 1.0}",), "reward.qa.weights.form"),
        (("reward.v4_mode=other",), "v4_mode"),
        (("eval_strategy=steps",), "nothing is evaluated on the way"),
        (("save_strategy=epoch",), "trl.save_strategy: is steps"),
        (("epsilon=0.0",), "epsilon"),
        (("top_p=1.5",), "top_p"),
        (("trl.loss_type=gpro",), "trl.loss_type: is one of"),
        (("trl.scale_rewards=groups",), "trl.scale_rewards"),
        (("trl.generation_batch_size=8",), "it follows from steps_per_generation"),
        (("trl.use_transformers_continuous_batching=true",), "TRL makes the adapter bfloat16"),
        (("architecture.key_value_width=null",), "key_value_width: is missing"),
    ],
)
def test_an_impossible_setting_is_refused(settings: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(InputError) as refused:
        load("grpo", "grpo_mve", settings)
    assert complaint in str(refused.value)


def test_vllm_corrects_what_it_samples_and_its_server_can_be_reached(tmp_path: Path) -> None:
    config = load("grpo", "grpo_phase4", ("device=cpu", "bits=16", "use_vllm=true", "trl.vllm_mode=server"))
    made = arguments(config, tmp_path)
    assert (made.vllm_mode, made.vllm_max_model_length, made.vllm_importance_sampling_clip_max) == ("server", 1536, 3.0)
    assert (made.vllm_importance_sampling_correction, made.vllm_importance_sampling_mode) == (True, "sequence_mask")
    assert (made.generation_batch_size, "vllm" in config.packages()) == (16, True)


@pytest.mark.parametrize("name", ["form", "V3"])
def test_the_form_of_a_review_has_no_weight(name: str) -> None:
    assert sum(load("grpo", "grpo_review").reward.weights.values()) == pytest.approx(1)
    with pytest.raises(InputError, match="form multiplies its reward and has no weight"):
        load("grpo", "grpo_review", (f"reward.weights={{groundedness: 0.7, {name}: 0.3}}",))


@pytest.mark.parametrize("name", [name for name in presets() if name.startswith(("grpo", "dpo"))])
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
    with pytest.raises(DataError, match=r"of \d+ prompts have more tokens than data.max_prompt \(90\)"):
        grpo_job(tiny_qwen3, data, tmp_path / "run", "max_prompt=90")
    with pytest.raises(DataError, match="can earn nothing: none of V2 applies"):
        grpo_job(
            tiny_qwen3,
            data,
            tmp_path / "run",
            "weights.facts=0.0",
            "weights.consistency=0.0",
            "weights.uncertainty=0.0",
        )
    with pytest.raises(InputError, match="prompts are sampled at once"):
        grpo_job(tiny_qwen3, data, tmp_path / "run", "per_device_train_batch_size=2000", "effective_batch=2000")
    with pytest.raises(InputError, match="effective_batch is 16"):
        grpo_job(tiny_qwen3, data, tmp_path / "run", "effective_batch=16", "max_steps=1")
    said: list[str] = []
    assert grpo_job(tiny_qwen3, data, tmp_path / "run", "hold_out=[thymus]", say=said.append) is not None
    assert any("thymus is held out, and" in line for line in said)
    assert not (tmp_path / "run").exists()
