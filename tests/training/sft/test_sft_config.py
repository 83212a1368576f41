"""Training configs: what the shipped ones say, what is refused, and what a dry run tells without GPU and weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.training.config.files import parse_yaml, put, read_values, shipped
from bioreview_bench.training.config.parts import load_config
from bioreview_bench.training.models.memory import GB, Shape, estimate
from bioreview_bench.training.runs import arguments

# The published recipe; (config, dropout, batch x accumulation, tokens) where configs differ.
RECIPE = {
    "quantisation": {"bits": 4, "type": "nf4", "double": True, "compute_dtype": "bfloat16"},
    "optimiser": {
        "name": "adamw_8bit", "lr": 2e-4, "schedule": "cosine", "warmup": 0.03, "weight_decay": 0.01, "beta1": 0.9,
        "beta2": 0.999, "epsilon": 1e-8, "max_grad_norm": 1.0,
    },
}  # fmt: skip
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
CONFIGS = [
    ("qwen3_8b", 0.0, (1, 8), 16_384),
    ("qwen3.5_9b", 0.05, (1, 8), 16_384),
    ("qwen3.5_9b_fast", 0.05, (2, 4), 16_384),
    ("qwen3.5_9b_hi_conf", 0.05, (1, 8), 16_384),
    ("qwen2.5_14b", 0.0, (1, 8), 16_384),
    ("deepseek_r1_14b", 0.0, (1, 8), 16_384),
    ("gemma2_9b", 0.0, (1, 8), 8_192),
]


@pytest.mark.parametrize(("name", "dropout", "batch", "tokens"), CONFIGS)
def test_a_shipped_config_states_the_published_recipe(
    name: str, dropout: float, batch: tuple[int, int], tokens: int
) -> None:
    config = load_config(name)
    values = config.model_dump()
    assert {part: values[part] for part in RECIPE} == RECIPE
    assert (config.lora.r, config.lora.alpha, config.lora.dropout, config.lora.targets) == (
        16,
        32,
        dropout,
        PROJECTIONS,
    )
    part = config.training
    assert (part.batch_size, part.accumulation, part.effective_batch, part.epochs) == (*batch, 8, 3)
    assert (part.max_length, part.seed, part.gradient_checkpointing) == (tokens, 42, True)
    assert (part.packing, part.liger, config.corpus.thinking, config.name) == (False, False, False, name)
    assert config.corpus.system == ("in_user" if name == "gemma2_9b" else "own")


def test_every_shipped_config_is_known_here() -> None:
    others = ("dpo_", "grpo_", "kmp_")  # tested with what trains by them
    assert [name for name in shipped() if not name.startswith(others)] == sorted(name for name, *_ in CONFIGS)


def names(values: dict[str, Any], prefix: str = "") -> list[str]:
    found: list[str] = []
    for key, value in values.items():
        found += names(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"]
    return found


def written(values: dict[str, Any], folder: Path) -> str:
    path = folder / "config.yaml"
    path.write_text(json.dumps(values))  # JSON is YAML
    return str(path)


def test_no_key_has_a_default(tmp_path: Path) -> None:
    keys = names(read_values("qwen3_8b"))
    assert len(keys) > 50
    for key in keys:
        values = read_values("qwen3_8b")
        inner = values
        *groups, last = key.split(".")
        for group in groups:
            inner = inner[group]
        del inner[last]
        with pytest.raises(InputError, match=rf"{key}: is missing"):
            load_config(written(values, tmp_path))


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("lora.r=0", "lora.r: input should be greater"),
        ("optimiser.lr='2e-4'", "optimiser.lr: input should be a valid number"),
        ("training.packing=1", "training.packing: input should be a valid boolean"),
        ("quantisation.bits=8", "quantisation.bits: input should be 4 or 16"),
        ("keeping.keep_checkpoints=1", "keep_checkpoints: input should be greater"),
        ("keeping.eval_steps=null", "eval_steps and keeping.eval_examples go together"),
        ("training.packing=true", "packing needs model.attention: flash_attention_2"),
        ("lora.targets=[q_proj, q_proj]", "names a module twice"),
        ("corpus.fingerprint=abc", "corpus.fingerprint: string should match"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(setting: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        load_config("qwen3_8b", (setting,))


def test_unknown_keys_and_configs_are_refused(tmp_path: Path) -> None:
    values = read_values("qwen3_8b")
    values["lora"]["dropuot"] = 0.1
    with pytest.raises(InputError, match=r"lora\.dropuot: is no key of this config"):
        load_config(written(values, tmp_path))
    with pytest.raises(InputError, match=r"qwen2\.5_14b"):  # the names that there are
        load_config("qwen3_80b")
    with pytest.raises(InputError, match='"learning" is no key'):
        load_config("qwen3_8b", ("learning=1",))
    with pytest.raises(InputError, match="stands for several keys"):
        put({"a": {"x": 1}, "b": {"x": 2}}, "x", 3)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: &x [1]\nb: *x\n", "aliases are not taken"),
        ("a: 1\na: 2\n", "a key stands twice"),
        ("a: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("- 1\n", "holds no keys"),
        ("a: [\n", "is not YAML"),
        ("a: " + "x" * 70_000, "larger than"),
    ],
)
def test_yaml_is_read_safely_and_within_bounds(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        parse_yaml(text.encode(), "the file")


def test_numbers_are_read_as_people_write_them() -> None:
    assert parse_yaml(b"a: 1e-4\nb: 2.0e-4\nc: 16\nd: 1E5", "x") == {"a": 1e-4, "b": 2e-4, "c": 16, "d": 1e5}
    config = load_config("qwen3_8b", ("lr=3e-4", "report_to=[wandb]", "corpus.fingerprint=null"))
    assert (config.optimiser.lr, config.keeping.report_to) == (3e-4, ["wandb"])


def test_trl_gets_every_value_and_keeps_it(tmp_path: Path) -> None:
    from trl import SFTConfig

    config = load_config("qwen3.5_9b_fast", ("device=cpu",))
    made = SFTConfig(**arguments.sft(config, tmp_path))
    assert (made.learning_rate, made.weight_decay, made.max_grad_norm, made.adam_epsilon) == (2e-4, 0.01, 1.0, 1e-8)
    assert (str(made.lr_scheduler_type.value), str(made.optim.value)) == ("cosine", "adamw_8bit")
    assert made.get_warmup_steps(1000) == 30
    assert (made.num_train_epochs, made.per_device_train_batch_size, made.gradient_accumulation_steps) == (3, 2, 4)
    assert (made.max_length, made.seed, made.data_seed, made.bf16, made.fp16) == (16_384, 42, 42, True, False)
    assert (made.gradient_checkpointing, made.completion_only_loss, made.report_to) == (True, True, [])
    assert (made.packing, made.loss_type, made.dataset_kwargs) == (False, "nll", {"skip_prepare_dataset": True})


def test_devices_that_change_the_batch_are_an_error() -> None:
    config = load_config("qwen3_8b")
    arguments.require_batch(config, devices=1)
    with pytest.raises(InputError, match=r"1 .* x 8 .* x 4 \(devices\) = 32, and training.effective_batch is 8"):
        arguments.require_batch(config, devices=4)
    arguments.require_batch(load_config("qwen3_8b", ("training.accumulation=2",)), devices=4)


def test_stated_sizes_are_those_of_the_architectures() -> None:
    from transformers import Gemma2Config, Qwen2Config, Qwen3_5Config, Qwen3Config

    made = {
        "qwen3_8b": Qwen3Config(
            vocab_size=151_936, hidden_size=4096, intermediate_size=12_288, num_hidden_layers=36,
            num_attention_heads=32, num_key_value_heads=8, head_dim=128, tie_word_embeddings=False,
        ),
        "qwen3.5_9b": Qwen3_5Config(
            text_config={}, vision_config={"out_hidden_size": 4096}, tie_word_embeddings=False,
            architectures=["Qwen3_5ForConditionalGeneration"],
        ),
        "qwen2.5_14b": Qwen2Config(
            vocab_size=152_064, hidden_size=5120, intermediate_size=13_824, num_hidden_layers=48,
            num_attention_heads=40, num_key_value_heads=8, tie_word_embeddings=False,
        ),
        "gemma2_9b": Gemma2Config(
            vocab_size=256_000, hidden_size=3584, intermediate_size=14_336, num_hidden_layers=42,
            num_attention_heads=16, num_key_value_heads=8, head_dim=256,
        ),
    }  # fmt: skip
    made["deepseek_r1_14b"] = made["qwen2.5_14b"]
    for name in ("qwen3.5_9b_fast", "qwen3.5_9b_hi_conf"):
        assert load_config(name).architecture == load_config("qwen3.5_9b").architecture
    for name, architecture in made.items():
        config = load_config(name)
        assert Shape.of(architecture, config.lora.targets, "stated in the config") == Shape.stated(config)


def test_the_memory_estimate_adds_up() -> None:
    config = load_config("qwen3_8b")
    found = estimate(config, Shape.stated(config))
    # 4-bit weights with 8-bit scales of 64 and a float for 256 scales; the rest and one layer's copy in 16 bits.
    four_bit = 6_945_767_424 * (4 + 8 / 64 + 32 / (64 * 256)) / 8
    assert found.weights == pytest.approx(four_bit + 1_244_967_936 * 2 + 4096 * 12_288 * 2)
    assert found.adapter == 43_646_976 * (2 + 2 + 2)  # weights, gradients, two 8-bit moments
    assert found.attention == 0
    between = 36 * 16_384 * 4096 * 2
    whole = estimate(load_config("qwen3_8b", ("gradient_checkpointing=false",)), Shape.stated(config))
    assert whole.activations == pytest.approx(36 * (found.activations - between))
    twice = estimate(load_config("qwen3_8b", ("batch_size=2",)), Shape.stated(config))
    assert twice.attention == 2 * 16_384**2  # a mask, since papers of two lengths are padded
    assert twice.activations == 2 * found.activations
    assert 12 * GB < found.total < 24 * GB


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
    assert "smaller training.batch_size" in small.err


def test_a_missing_package_is_said_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from bioreview_bench.errors import EncoderError
    from bioreview_bench.training.config import packages as extras

    monkeypatch.setattr(extras, "find_spec", lambda name: None if name in ("trl", "peft") else object())
    with pytest.raises(
        EncoderError, match=r"needs peft, trl, which are not installed.*\n.*bioreview-bench\[training\]"
    ):
        extras.require_training()
