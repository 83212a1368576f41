"""Sizes of models: those that configs state, those counted in files, and the memory that follows from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioreview_bench.training.config.files import presets
from bioreview_bench.training.config.load import load, stated
from bioreview_bench.training.models.memory import GB, Shape, count_parameters, estimate

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")


def test_stated_sizes_are_those_of_the_architectures() -> None:
    from transformers import Gemma2Config, Gemma4Config, Qwen2Config, Qwen3_5Config, Qwen3Config

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
    made["qwen2.5_7b"] = Qwen2Config(
        vocab_size=152_064, hidden_size=3584, intermediate_size=18_944, num_hidden_layers=28,
        num_attention_heads=28, num_key_value_heads=4, tie_word_embeddings=False,
    )  # fmt: skip
    made["gemma4_31b"] = Gemma4Config(
        text_config={
            "vocab_size": 262_144, "hidden_size": 5376, "intermediate_size": 21_504, "num_hidden_layers": 60,
            "num_attention_heads": 32, "num_key_value_heads": 16, "num_global_key_value_heads": 4, "head_dim": 256,
            "global_head_dim": 512, "attention_k_eq_v": True, "hidden_size_per_layer_input": 0,
            "tie_word_embeddings": True,
        },
        vision_config={
            "hidden_size": 1152, "num_hidden_layers": 27, "num_attention_heads": 16, "num_key_value_heads": 16,
            "head_dim": 72, "intermediate_size": 4304,
        },
        audio_config=None, architectures=["Gemma4ForConditionalGeneration"],
    )  # fmt: skip
    for name in ("qwen3.5_9b_fast", "qwen3.5_9b_hi_conf"):
        assert load("sft", name).architecture == load("sft", "qwen3.5_9b").architecture
    for name in presets():
        config = load(stated(name)["method"], name)
        assert config.architecture.of == config.model.name
    for name, architecture in made.items():
        config = load("sft", name)
        found = Shape.stated(config)
        assert found == Shape.of(architecture, config.adapter.targets, found.source)
        assert found.source == f"of {config.model.name}, as the config states them"


def test_parameters_are_counted_in_the_weights_or_where_they_are_packed_by_the_config(
    tiny_qwen3: Path, tiny_gemma: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    from bioreview_bench.errors import EncoderError

    for folder in (tiny_qwen3, tiny_gemma):  # the second ties its output layer to its embeddings
        model = AutoModelForCausalLM.from_pretrained(folder)
        assert count_parameters(folder) == sum(weight.numel() for weight in model.parameters())
        (tmp_path / folder.name).mkdir()
        (tmp_path / folder.name / "config.json").write_bytes((folder / "config.json").read_bytes())
        assert count_parameters(tmp_path / folder.name) == count_parameters(folder)
    (tmp_path / "broken.safetensors").write_bytes(b"\xff" * 20)
    with pytest.raises(EncoderError, match=r"Cannot read .*broken\.safetensors"):
        count_parameters(tmp_path)


def test_the_memory_estimate_adds_up() -> None:
    config = load("sft", "qwen3_8b")
    found = estimate(config, Shape.stated(config))
    # 4-bit weights with 8-bit scales of 64 and a float for 256 scales; the rest and one layer's copy in 16 bits.
    four_bit = 6_945_767_424 * (4 + 8 / 64 + 32 / (64 * 256)) / 8
    assert found.weights == pytest.approx(four_bit + 1_244_967_936 * 2 + 4096 * 12_288 * 2)
    assert found.adapter == 43_646_976 * (4 + 4 + 2)  # weights and gradients of float32, two 8-bit moments
    assert found.attention == 0
    between = 36 * 16_384 * 4096 * 2
    whole = estimate(load("sft", "qwen3_8b", ("gradient_checkpointing=false",)), Shape.stated(config))
    assert whole.activations == pytest.approx(36 * (found.activations - between))
    assert found.activations == between + whole.activations / 36
    third = "gradient_checkpointing_kwargs={use_reentrant: false, every_n_layers: %d}"
    for every, kept in ((3, 24), (5, 28), (1, 0)):  # of 36 layers 12, 8 and 36 are checkpointed
        some = estimate(load("sft", "qwen3_8b", (f"trl.{third % every}",)), Shape.stated(config))
        assert some.activations == pytest.approx(whole.activations * (kept + 1) / 36 + (36 - kept) * 16_384 * 4096 * 2)
    newer = ("trl.activation_checkpointing=true", "trl.activation_checkpointing_kwargs={every_n_layers: 36}")
    one = estimate(load("sft", "qwen3_8b", newer), Shape.stated(config))
    assert one.activations == pytest.approx(whole.activations + 16_384 * 4096 * 2)
    twice = estimate(load("sft", "qwen3_8b", ("per_device_train_batch_size=2",)), Shape.stated(config))
    assert twice.attention == 2 * 16_384**2  # a mask, since papers of two lengths are padded
    assert twice.activations == 2 * found.activations
    assert 12 * GB < found.total < 24 * GB
