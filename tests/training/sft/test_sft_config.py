"""Training configs: what the shipped ones say, what is refused, and what a dry run tells without GPU and weights."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.training.config.files import RENAMED, config_words, names, parse_yaml, presets, put, shipped
from bioreview_bench.training.config.load import OWNED, REQUIRED, arguments, load, resolved, stated
from bioreview_bench.training.runs.run import require_batch

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# (config, dropout, batch x accumulation, tokens) where configs of reviewers differ.
CONFIGS = [
    ("qwen3_8b", 0.0, (1, 8), 16_384),
    ("qwen3.5_9b", 0.05, (1, 8), 16_384),
    ("qwen3.5_9b_fast", 0.05, (2, 4), 16_384),
    ("qwen3.5_9b_hi_conf", 0.05, (1, 8), 16_384),
    ("qwen2.5_14b", 0.05, (1, 8), 16_384),
    ("qwen2.5_7b", 0.05, (1, 8), 16_384),
    ("deepseek_r1_14b", 0.05, (1, 8), 16_384),
    ("gemma2_9b", 0.0, (1, 8), 8_192),
    ("gemma4_31b", 0.05, (1, 8), 8_192),
]
# What decides a result, for every preset: learning rate, warm-up, decay, epochs, batch, accumulation, effective batch,
# length (of GRPO: prompt + completion), LoRA r/alpha/dropout.
DECIDING: dict[str, tuple[Any, ...]] = {
    **{name: (2e-4, 0.03, 0.01, 3, *batch, 8, tokens, 16, 32, dropout) for name, dropout, batch, tokens in CONFIGS},
    **{
        name: (1e-4, 0.1, 0.01, 10, 4, 4, 16, 1536, 64, 128, 0.05)
        for name in ("kmp_mistral7b", "kmp_qwen2.5_7b", "kmp_phi2")
    },
    **{
        f"qwen2.5_14b_{name}": (rate, 0.03, 0.01, epochs, 1, 8, 8, 16_384, 16, 32, 0.05)
        for name, rate, epochs in (("lr_1e4", 1e-4, 3), ("lr_3e4", 3e-4, 3), ("ep5", 2e-4, 5))
    },
    "dpo_kmp": (5e-5, 0.1, 0.0, 3, 2, 4, 8, 1024, 16, 32, 0.05),
    "dpo_review": (5e-5, 0.1, 0.0, 1, 1, 8, 8, 16_384, 16, 32, 0.05),
    "grpo_mve": (1e-6, 0.1, 0.0, 3, 2, 4, 8, 896, 32, 64, 0.05),
    "grpo_full": (5e-7, 0.1, 0.0, 2, 1, 8, 8, 1536, 32, 64, 0.05),
    "grpo_full_v2": (5e-7, 0.1, 0.0, 1, 1, 8, 8, 1536, 32, 64, 0.05),
    "grpo_phase4": (5e-7, 0.1, 0.0, 1, 1, 8, 8, 1536, 32, 64, 0.05),
    "grpo_review": (1e-6, 0.1, 0.0, 1, 2, 16, 32, 17_408, 32, 64, 0.05),
}
# Arguments of TRL that are the same in every preset of a method.
SAME: dict[str, Any] = {
    "lr_scheduler_type": "cosine", "adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-8,
    "max_grad_norm": 1.0, "max_steps": -1, "seed": 42, "data_seed": 42, "bf16": True, "fp16": False,
    "gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": False},
    "label_smoothing_factor": 0.0, "neftune_noise_alpha": None, "lr_scheduler_kwargs": None, "use_liger_kernel": False,
    "full_determinism": False, "auto_find_batch_size": False, "average_tokens_across_devices": True,
    "train_sampling_strategy": "random", "dataloader_drop_last": False, "dataloader_num_workers": 0,
    "save_only_model": False, "load_best_model_at_end": False, "ignore_data_skip": False,
    "logging_steps": 1, "logging_nan_inf_filter": False, "torch_compile": False,
    "push_to_hub": False, "report_to": [], "activation_offloading": False,
}  # fmt: skip
METHOD: dict[str, dict[str, Any]] = {
    "sft": {
        "packing": False, "packing_strategy": "bfd", "eval_packing": False, "padding_free": False, "loss_type": "nll",
        "assistant_only_loss": False, "shuffle_dataset": False,
        "dataset_kwargs": {"skip_prepare_dataset": True}, "eval_strategy": "steps",
    },
    "dpo": {
        "loss_type": ["sigmoid"], "beta": 0.1, "label_smoothing": 0.0, "disable_dropout": False,
        "precompute_ref_log_probs": False, "f_divergence_type": "reverse_kl", "use_weighting": False,
        "sync_ref_model": False, "loss_weights": None, "ld_alpha": None, "eval_strategy": "no",
    },
    "grpo": {
        "loss_type": "grpo", "scale_rewards": "group", "epsilon": 0.2, "epsilon_high": None, "delta": None,
        "temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": None, "repetition_penalty": 1.0,
        "importance_sampling_level": "token", "mask_truncated_completions": False, "use_bias_correction_kl": False,
        "top_entropy_quantile": 1.0, "entropy_coef": 0.0, "sync_ref_model": False, "disable_dropout": False,
        "shuffle_dataset": True, "reward_weights": None, "off_policy_mask_threshold": None, "use_vllm": False,
        "remove_unused_columns": False, "eval_strategy": "no",
    },
}  # fmt: skip
LAYERS = {"kmp_phi2": ["q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"]}


@pytest.mark.parametrize("name", presets())
def test_what_decides_a_result_is_pinned(name: str, tmp_path: Path) -> None:
    method = stated(name)["method"]
    config = load(method, name, ("device=cpu",))
    given = resolved(arguments(config, tmp_path))
    a = config.adapter
    assert (
        given["learning_rate"], given["warmup_steps"], given["weight_decay"], given["num_train_epochs"],
        given["per_device_train_batch_size"], given["gradient_accumulation_steps"], config.effective_batch,
        config.longest, a.r, a.alpha, a.dropout,
    ) == DECIDING[name]  # fmt: skip
    assert (a.rank_stabilised, a.targets) == (False, LAYERS.get(name, PROJECTIONS))
    assert config.quantisation.model_dump() == {"bits": 4, "type": "nf4", "double": True, "compute_dtype": "bfloat16"}
    wanted = {**SAME, **METHOD[method]}
    assert {key: given[key] for key in wanted if key in given} == {key: wanted[key] for key in wanted if key in given}
    assert {key for key in wanted if key not in given} <= {"activation_offloading"}  # GRPO has none
    assert (config.name, config.model.device) == (name, "cpu")
    questions = name.startswith("kmp")
    assert given["optim"] == ("adamw_torch" if questions else "adamw_8bit")
    if method == "sft":
        assert given["completion_only_loss"] is not questions


def test_every_preset_is_known_here_and_in_its_room() -> None:
    assert presets() == sorted(DECIDING)
    for name, path in shipped().items():
        if not name.startswith("_"):
            assert stated(name)["method"] in path.parts
    for name, *_ in CONFIGS:
        config = load("sft", name)
        assert (config.data.thinking, config.data.eval_examples) == (False, 64)
        assert config.data.system == ("in_user" if name == "gemma2_9b" else "own")


def flat(values: dict[str, Any]) -> list[str]:
    return list(names(values))


def written(values: dict[str, Any], folder: Path, name: str = "config") -> str:
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(values))  # JSON is YAML
    return str(path)


def test_no_key_of_ours_has_a_default_and_trl_keys_that_decide_are_required(tmp_path: Path) -> None:
    values = stated("qwen3_8b")
    ours = [
        key
        for key in flat(values)
        if not key.startswith("trl.") and key not in ("about", "architecture.key_value_width", "architecture.of")
    ]
    keys = [*ours, *(f"trl.{name}" for name in (*REQUIRED, "max_length"))]
    assert len(keys) > 35
    for key in keys:
        values = stated("qwen3_8b")
        inner = values
        *groups, last = key.split(".")
        for group in groups:
            inner = inner[group]
        del inner[last]
        with pytest.raises(InputError, match=rf"{key}: is missing|names no method|is of the method"):
            load("sft", written(values, tmp_path))


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("adapter.r=0", "adapter.r: input should be greater"),
        ("trl.learning_rate='2e-4'", "trl.learning_rate: input should be a valid number"),
        ("trl.learning_rate=-1.0", "trl.learning_rate: input should be greater"),
        ("trl.packing=1", "trl.packing: input should be a valid boolean"),
        ("quantisation.bits=8", "quantisation.bits: input should be 4 or 16"),
        ("trl.save_total_limit=1", "trl.save_total_limit: input should be greater"),
        ("trl.eval_strategy=no", "trl.eval_strategy and data.eval_examples go together"),
        ("trl.packing=true", "packing: needs model.attention: flash_attention_2"),
        ("adapter.targets=[q_proj, q_proj]", "names a module twice"),
        ("data.fingerprint=abc", "data.fingerprint: string should match"),
        ("trl.loss_type=nil", "trl.loss_type: is nll or dft"),
        # What TRL and transformers refuse is named by its key.
        ("trl.optim=adam", "trl.optim: adam is not a valid OptimizerNames"),
        ("trl.lr_scheduler_type=cosinus", "trl.lr_scheduler_type: cosinus is not a valid SchedulerType"),
        ("trl.torch_empty_cache_steps=0", "trl.torch_empty_cache_steps: `torch_empty_cache_steps` must be"),
        # What a run decides itself is not to be set.
        ("trl.output_dir=here", "trl.output_dir: is not set here: -o says where"),
        ("trl.resume_from_checkpoint=x", "the same command resumes a run"),
        ("trl.bf16=false", "quantisation.compute_dtype"),
        ("trl.hub_token=x", "bench train push publishes"),
        # Unknown keys get the nearest one.
        (
            "trl.learning_rat=1e-4",
            r"trl\.learning_rat: is not a key of this config \(did you mean trl\.learning_rate\?\)",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_key(setting: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        load("sft", "qwen3_8b", (setting,))


def test_all_problems_are_listed_at_once_with_the_nearest_known_keys(tmp_path: Path) -> None:
    values = stated("qwen3_8b")
    values["adapter"]["dropuot"] = 0.1
    values["learning_rate"] = 1e-4
    values["trl"]["warmup_step"] = 1
    values["trl"]["seed"] = -1
    with pytest.raises(InputError) as refused:
        load("sft", written(values, tmp_path))
    text = str(refused.value)
    assert "adapter.dropuot: is not a key of this config (did you mean adapter.dropout?)" in text
    assert "learning_rate: is not a key of this config (did you mean trl.learning_rate?)" in text
    assert "trl.warmup_step: is not a key of this config (did you mean trl.warmup_steps?)" in text
    assert "trl.seed: input should be greater" in text
    with pytest.raises(InputError, match=r"did you mean qwen3_8b\?") as refused:
        load("sft", "qwen3_80b")
    assert "Next: bench train config list, or bench train config show qwen3_8b" in str(refused.value)
    with pytest.raises(InputError, match=r'"learning" is not a key'):
        load("sft", "qwen3_8b", ("learning=1",))
    with pytest.raises(InputError, match=r'"lr" is not a key of the config \(it is trl.learning_rate now\)'):
        load("sft", "qwen3_8b", ("lr=1",))
    with pytest.raises(InputError, match="fits several keys"):
        put({"a": {"x": 1}, "b": {"x": 2}}, "x", 3)
    with pytest.raises(InputError, match="Next: bench train dpo dpo_kmp"):
        load("sft", "dpo_kmp")


def test_a_config_of_the_first_language_is_told_every_new_name(tmp_path: Path) -> None:
    old = {
        "schema_version": "1",
        "name": "mine",
        "corpus": {"folder": "c"},
        "lora": {"r": 8},
        "optimiser": {"lr": 1e-4},
    }
    with pytest.raises(InputError) as refused:
        load("sft", written(old, tmp_path))
    text = str(refused.value)
    for key, new in (("corpus.folder", "data.folder"), ("lora.r", "adapter.r"), ("optimiser.lr", "trl.learning_rate")):
        assert f"{key}: it is {new} now" in text
    from trl import DPOConfig, GRPOConfig, SFTConfig

    fields = {field.name for kind in (SFTConfig, DPOConfig, GRPOConfig) for field in dataclasses.fields(kind)}
    named = {new.removeprefix("trl.").split()[0].rstrip(",") for new in RENAMED.values() if new.startswith("trl.")}
    assert named <= fields
    assert set(OWNED) <= fields


def test_base_inherits_deeply_and_replaces_lists(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text("base: qwen3_8b\nadapter: {targets: [q_proj], r: 8}\n")
    (tmp_path / "mine.yaml").write_text("base: lab.yaml\nname: mine\ntrl: {learning_rate: 1e-4, torch_compile: true}\n")
    made, base = load("sft", str(tmp_path / "mine.yaml")), load("sft", "qwen3_8b")
    assert (made.adapter.r, made.adapter.alpha, made.adapter.targets) == (8, 32, ["q_proj"])
    assert made.trl == {**base.trl, "learning_rate": 1e-4, "torch_compile": True}
    (tmp_path / "lab.yaml").write_text("base: [qwen3_8b, mine.yaml]\n")
    with pytest.raises(InputError, match="inherits from itself: mine -> lab -> mine"):
        load("sft", str(tmp_path / "mine.yaml"))
    (tmp_path / "lab.yaml").write_text("base: {a: 1}\n")
    with pytest.raises(InputError, match="base is neither the name of a config"):
        load("sft", str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: &x [1]\nb: *x\n", "aliases are not taken"),
        ("a: 1\na: 2\n", "a key occurs twice"),
        ("a: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("- 1\n", "has no keys"),
        ("a: [\n", "is not YAML"),
        ("a: " + "x" * 70_000, "larger than"),
    ],
)
def test_yaml_is_read_safely_and_within_bounds(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        parse_yaml(text.encode(), "the file")


def test_values_are_read_as_people_write_them() -> None:
    assert parse_yaml(b"a: 1e-4\nb: 2.0e-4\nc: 16\nd: 1E5\ne: no\nf: true", "x") == {
        "a": 1e-4, "b": 2e-4, "c": 16, "d": 1e5, "e": "no", "f": True,
    }  # fmt: skip
    config = load("sft", "qwen3_8b", ("learning_rate=3e-4", "report_to=[wandb]", "data.fingerprint=null"))
    assert (config.trl["learning_rate"], config.trl["report_to"]) == (3e-4, ["wandb"])


def test_every_argument_of_trl_is_reached_and_what_follows_from_others_follows(tmp_path: Path) -> None:
    changes = (
        "device=cpu", "trl.torch_compile=true", "trl.neftune_noise_alpha=5.0", "trl.seed=7",
        "trl.activation_offloading=true", "trl.gradient_checkpointing_kwargs={use_reentrant: true}",
    )  # fmt: skip
    made = arguments(load("sft", "qwen3.5_9b_fast", changes), tmp_path)
    assert (made.torch_compile, made.neftune_noise_alpha, made.activation_offloading) == (True, 5.0, True)
    assert (made.seed, made.data_seed, made.per_device_eval_batch_size) == (7, 7, 2)
    assert made.gradient_checkpointing_kwargs == {"use_reentrant": True}
    assert made.get_warmup_steps(1000) == 30
    off = arguments(load("sft", "qwen3_8b", ("device=cpu", "gradient_checkpointing=false")), tmp_path)
    assert (off.gradient_checkpointing, off.gradient_checkpointing_kwargs) == (False, None)


def test_the_command_lists_and_shows_configs(bench: Callable[..., Any], tmp_path: Path) -> None:
    listed = json.loads(bench("train", "config", "list", "--format", "json").out)
    assert [row["name"] for row in listed] == presets()
    assert {row["method"] for row in listed} == {"sft", "dpo", "grpo"}
    assert all(row["model"] and row["about"] for row in listed)
    assert "Qwen/Qwen3-8B" in bench("train", "config", "list").out
    shown = bench("train", "config", "show", "grpo_mve", "--set", "trl.beta=0.1")
    assert shown.code == 0, shown.err
    (tmp_path / "again.yaml").write_text(shown.out)
    assert load("grpo", str(tmp_path / "again.yaml")) == load("grpo", "grpo_mve", ("trl.beta=0.1",))
    assert bench("train", "config", "show", "qwen3_8b", "--set", "trl.optim=adam").code == 2


def test_a_config_is_copied_to_be_changed(bench: Callable[..., Any], tmp_path: Path) -> None:
    mine = tmp_path / "my configs" / "mine.yaml"
    done = bench("train", "config", "copy", "grpo_mve", mine, "--set", "trl.beta=0.1")
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == f"Next: bench train grpo '{mine}' --dry-run"
    assert load("grpo", str(mine)) == load("grpo", "grpo_mve", ("name=mine", "trl.beta=0.1"))
    before = mine.read_bytes()
    again = bench("train", "config", "copy", "grpo_full", mine)
    assert (again.code, "is there already" in again.err, mine.read_bytes() == before) == (2, True, True)
    assert bench("train", "config", "copy", "qwen3_8b", tmp_path / "x.yaml", "--set", "trl.optim=adam").code == 2
    assert not (tmp_path / "x.yaml").exists()


def test_a_command_names_the_config_of_a_model() -> None:
    assert config_words("qwen/qwen2.5-7B-instruct") == ["qwen2.5_7b"]
    assert config_words("Qwen/Qwen2.5-7B-Instruct", questions=True) == ["kmp_qwen2.5_7b"]
    assert config_words("models/mine", questions=True) == ["kmp_mistral7b", "--model", "models/mine"]
    assert config_words(None) == ["qwen3_8b"]


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("qwen3.5_9b_all_nonfig", "qwen3.5_9b"),  # as published
        ("configs/qwen3.5_9b_all_nonfig_fast.yaml", "qwen3.5_9b_fast"),
        ("gemma2_9b_8k_left", "gemma2_9b"),
        ("Qwen/Qwen2.5-14B-Instruct", "qwen2.5_14b"),
        ("Qwen3 8B", "qwen3_8b"),
        ("grpo-phase-4", "grpo_phase4"),
        ("kmp_dpo", "dpo_kmp"),
        ("something", None),
    ],
)
def test_a_wrong_or_old_name_of_a_config_leads_to_the_one_that_is_meant(wrong: str, meant: str | None) -> None:
    with pytest.raises(InputError) as refused:
        load("sft", wrong)
    assert ("did you mean" in str(refused.value)) == (meant is not None)
    assert meant is None or f"(did you mean {meant}?)" in str(refused.value)


@pytest.mark.parametrize("words", [["config", "list"], ["sft", "--help"], ["grpo", "--help"], ["config", "--help"]])
def test_looking_at_commands_and_configs_loads_no_library(words: list[str]) -> None:
    script = (
        "import sys\nfrom bioreview_bench.cli.main import run\ncode = run(['train', *sys.argv[1:]])\n"
        "print(sorted({'torch', 'trl', 'transformers', 'datasets', 'peft'} & set(sys.modules)), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "[]"


def test_devices_that_change_the_batch_are_an_error() -> None:
    config = load("sft", "qwen3_8b")
    require_batch(config, devices=1)
    with pytest.raises(InputError, match=r"1 .* x 8 .* x 4 \(devices\) = 32, and effective_batch is 8"):
        require_batch(config, devices=4)
    require_batch(load("sft", "qwen3_8b", ("gradient_accumulation_steps=2",)), devices=4)


def test_a_process_that_sees_several_gpus_trains_on_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trl import SFTConfig

    made = SFTConfig.__post_init__

    def seeing_four(self: Any) -> None:
        made(self)
        self._n_gpu = 4

    monkeypatch.setattr(SFTConfig, "__post_init__", seeing_four)
    given = arguments(load("sft", "qwen3_8b", ("device=cpu",)), tmp_path)
    assert (given.n_gpu, given.train_batch_size) == (1, 1)


def test_a_plan_says_of_which_model_its_sizes_are(bench: Callable[..., Any], make_corpus: Callable[..., Path]) -> None:
    folder = make_corpus(train=[row(number) for number in range(1, 13)])
    command = ["train", "sft", "qwen3_8b", "--corpus", folder, "--dry-run", "--model", "ORG/other"]
    assert "of Qwen/Qwen3-8B, as the config states them; those of ORG/other are not known here" in bench(*command).out


@pytest.mark.parametrize("name", [name for name, *_ in CONFIGS])
def test_a_dry_run_needs_neither_gpu_nor_weights(
    name: str, bench: Callable[..., Any], make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    system = "in_user" if name == "gemma2_9b" else "own"
    folder = make_corpus(train=[row(number) for number in range(1, 13)], system=system)
    done = bench("train", "sft", name, "--corpus", folder, "--dry-run", "--format", "json", "-o", tmp_path / "run")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["steps"] == {"examples": 12, "effective_batch": 8, "per_epoch": 2, "total": 6}
    # Prompts of 100, 200 ... 1,200 tokens, answers of 10: the smallest value that q % of them do not exceed.
    percentiles = found["lengths"]["percentiles"]
    assert [percentiles["prompt"][p] for p in ("p0", "p25", "p50", "p75", "p100")] == [100, 300, 600, 900, 1200]
    assert percentiles["together"]["p50"] == 610
    assert "not on this machine" in found["remarks"][0]
    assert not (tmp_path / "run").exists()


def row(number: int) -> dict[str, Any]:
    messages = [{"role": "user", "content": "Paper."}, {"role": "assistant", "content": "[]"}]
    counts = {"n_prompt_tokens": 100 * number, "n_target_tokens": 10}
    return {"article_id": f"elife:{number}", "messages": messages, **counts, "cut": False}


def test_a_dry_run_says_why_so_many_steps_and_compares_with_a_gpu(
    bench: Callable[..., Any], make_corpus: Callable[..., Path]
) -> None:
    folder = make_corpus(train=[row(number) for number in range(1, 13)])
    done = bench("train", "sft", "qwen3_8b", "--corpus", folder, "--dry-run", "--gpu-memory", 24)
    assert done.code == 0
    assert "12 examples / 8 (1 x 8 accumulated) = 1.50, so 2 steps an epoch (the last of 4)" in done.out
    assert "3 epochs: 6 steps" in done.out
    small = bench("train", "sft", "qwen3_8b", "--corpus", folder, "--dry-run", "--gpu-memory", 12)
    assert small.code == 3
    assert "This needs about" in small.err
    assert "smaller trl.per_device_train_batch_size" in small.err


def test_a_missing_package_is_said_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from bioreview_bench.errors import EncoderError
    from bioreview_bench.training.config import load as extras

    monkeypatch.setattr(extras, "find_spec", lambda name: None if name in ("trl", "peft") else object())
    with pytest.raises(EncoderError, match=r"needs peft, trl, which are not installed.*\n.*\[training\]"):
        extras.require_training()
    monkeypatch.undo()
    for attention, package in (
        ("flash_attention_3", "flash_attn_interface"),
        ("flash_attention_4", r"flash_attn\.cute"),
    ):
        config = load("sft", "qwen3_8b", (f"model.attention={attention}",))
        with pytest.raises(EncoderError, match=f"asks for {package}, which is not installed"):
            extras.require_asked_for(config.packages())
