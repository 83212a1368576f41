"""Adapters are put on a model whole or not at all, and adding them to its weights changes nothing that it computes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from bioreview_bench.errors import EncoderError
from bioreview_bench.llm.local.weights import add_adapter, load_weights, put_adapter
from bioreview_bench.training.models.merge import merge

from ..conftest import make_adapter, make_qwen3

IDS = torch.tensor([[7, 42, 99, 300, 12, 5]])
WEIGHTS = "adapter_model.safetensors"


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(input_ids=IDS).logits.float()


def loaded(folder: Path) -> Any:
    return load_weights(folder, "float32", "cpu")


@pytest.fixture(scope="module")
def tied(tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3 whose output layer is its embedding."""
    from transformers import Qwen3ForCausalLM

    folder = make_qwen3(tmp_path_factory.mktemp("models") / "tied")
    model = Qwen3ForCausalLM.from_pretrained(folder, tie_word_embeddings=True)
    model.tie_weights()
    model.save_pretrained(folder)
    assert not any("lm_head" in name for name in load_file(folder / "model.safetensors"))
    return folder


def strengthened(adapter: Path) -> Path:
    """The adapter with weights that change the model much."""
    torch.manual_seed(3)
    tensors = load_file(adapter / WEIGHTS)
    chosen = {
        name: torch.randn_like(value) * 0.5 for name, value in tensors.items() if "_B" in name or "embedding_A" in name
    }
    save_file({**tensors, **chosen}, adapter / WEIGHTS, {"format": "pt"})
    return adapter


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ["q_proj", "embed_tokens"]},
        {"target_modules": ["q_proj", "lm_head"]},
        {"target_modules": ["embed_tokens", "lm_head"]},
        {"target_modules": ["embed_tokens"], "use_rslora": True},
        {"target_modules": ["lm_head"], "use_dora": True},
        {"target_modules": ["embed_tokens", "q_proj"], "use_dora": True},
        {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]},
        {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
        {"target_modules": ["q_proj", "embed_tokens"], "modules_to_save": ["lm_head"]},
        {"target_modules": ["q_proj", "lm_head"], "modules_to_save": ["embed_tokens"]},
        {"target_modules": ["q_proj", "v_proj"], "use_dora": True},
        {"target_modules": ["q_proj", "v_proj"], "use_rslora": True, "rank_pattern": {"q_proj": 16}},
        {"target_modules": ["q_proj", "lm_head"], "rank_pattern": {"lm_head": 8}, "alpha_pattern": {"q_proj": 32}},
        {"target_modules": ["q_proj"], "trainable_token_indices": {"embed_tokens": [7, 12]}},
        {"target_modules": ["q_proj", "embed_tokens"], "ensure_weight_tying": True},
    ],
    ids=lambda settings: "-".join(f"{key}={settings[key]}" for key in settings),
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_merged_and_unmerged_models_agree_where_embeddings_are_tied(
    tied: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    adapter = strengthened(make_adapter(tied, tmp_path / "adapter", **settings))
    expected = logits(add_adapter(loaded(tied), adapter, merge=False))
    assert float((expected - logits(loaded(tied))).abs().max()) > 0.01
    in_memory = logits(add_adapter(loaded(tied), adapter, merge=True))
    merge(str(tied), [str(adapter)], tmp_path / "m", dtype="float32")
    from_disk = logits(load_weights(tmp_path / "m", "auto", "cpu"))
    for found in (in_memory, from_disk):
        assert float((found - expected).abs().max() / expected.abs().max()) < 1e-4


@pytest.mark.filterwarnings("ignore")
def test_only_an_adapter_on_embeddings_gives_the_output_layer_weights_of_its_own(tied: Path, tmp_path: Path) -> None:
    for name, target, own in (("a", "q_proj", False), ("e", "embed_tokens", True)):
        adapter = make_adapter(tied, tmp_path / name, target_modules=[target])
        merge(str(tied), [str(adapter)], tmp_path / f"m-{name}", dtype="float32")
        config = json.loads((tmp_path / f"m-{name}" / "config.json").read_text())
        assert config["tie_word_embeddings"] is not own
        assert ("lm_head.weight" in load_file(tmp_path / f"m-{name}" / "model.safetensors")) is own


def test_a_second_adapter_is_added_to_the_untied_model(tied: Path, tmp_path: Path) -> None:
    first = strengthened(make_adapter(tied, tmp_path / "first", target_modules=["lm_head"]))
    second = strengthened(make_adapter(tied, tmp_path / "second", target_modules=["lm_head", "q_proj"], seed=5))
    chain = add_adapter(add_adapter(loaded(tied), first, merge=True), second, merge=False)
    merge(str(tied), [str(first), str(second)], tmp_path / "m", dtype="float32")
    expected = logits(chain)
    found = logits(load_weights(tmp_path / "m", "auto", "cpu"))
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-4


@pytest.fixture
def foreign(tiny_qwen_vl: Path, tmp_path: Path) -> Path:
    """An adapter trained on the text-only class of a model that is loaded by the class that takes images."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    text: Any = AutoModelForCausalLM.from_pretrained(tiny_qwen_vl)
    targets = ["q_proj", "v_proj", "up_proj", "down_proj"]
    config = LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=targets, init_lora_weights=False)
    get_peft_model(text, config).save_pretrained(tmp_path / "foreign")
    return tmp_path / "foreign"


def changed(adapter: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
    save_file(change(load_file(adapter / WEIGHTS)), adapter / WEIGHTS, {"format": "pt"})
    return adapter


def test_an_adapter_of_another_class_is_refused_with_its_keys_named(tiny_qwen_vl: Path, foreign: Path) -> None:
    n = len(load_file(foreign / WEIGHTS))
    with pytest.raises(EncoderError) as caught:
        add_adapter(loaded(tiny_qwen_vl), foreign, merge=True)
    said = str(caught.value)
    assert caught.value.exit_code == 3
    assert f"have no place in the model: {n}" in said
    assert "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight" in said
    assert said.count("lora_") == 10
    assert f"... and {2 * n - 10} more" in said


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda kept: {name: kept[name] for name in list(kept)[1:]}, "default.weight"),
        (lambda kept: {name.replace("layers.1.", "layers.9."): kept[name] for name in kept}, "layers.9."),
        (lambda kept: {**kept, "base_model.model.lm_head.lora_A.weight": torch.zeros(4, 64)}, "lm_head.lora_A"),
        (lambda kept: {f"module.{name}": kept[name] for name in kept}, "module.base_model"),
        (lambda kept: {}, "lora_A"),
    ],
    ids=["one lacks", "a layer elsewhere", "one too many", "a prefix", "no weights at all"],
)
@pytest.mark.parametrize("trainable", [False, True])
def test_an_adapter_that_fits_in_part_is_refused(
    tiny_qwen3: Path,
    tmp_path: Path,
    trainable: bool,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    named: str,
) -> None:
    adapter = changed(make_adapter(tiny_qwen3, tmp_path / "adapter"), change)
    with pytest.raises(EncoderError, match="does not fit the model") as caught:
        put_adapter(loaded(tiny_qwen3), adapter, trainable=trainable)
    assert named in str(caught.value)


def test_a_whole_copy_of_a_layer_that_the_file_lacks_is_named(tiny_qwen3: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny_qwen3, tmp_path / "adapter", modules_to_save=["lm_head"])
    changed(adapter, lambda kept: {name: kept[name] for name in kept if "lm_head" not in name})
    with pytest.raises(EncoderError, match="lm_head"):
        add_adapter(loaded(tiny_qwen3), adapter, merge=False)


def test_the_command_writes_nothing_of_an_adapter_that_does_not_fit(
    bench: Callable[..., Any], tiny_qwen_vl: Path, foreign: Path, tmp_path: Path
) -> None:
    done = bench("train", "merge", "--model", tiny_qwen_vl, "--adapter", foreign, "-o", tmp_path / "m")
    assert done.code == 3
    assert "does not fit the model" in done.err
    assert not (tmp_path / "m").exists()


def test_an_adapter_that_fits_trains_in_the_dtype_of_its_file(tiny_qwen3: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny_qwen3, tmp_path / "adapter")
    changed(adapter, lambda kept: {name: value.to(torch.bfloat16) for name, value in kept.items()})
    model = put_adapter(load_weights(tiny_qwen3, "bfloat16", "cpu"), adapter, trainable=True)
    free = {name: weight.dtype for name, weight in model.named_parameters() if weight.requires_grad}
    assert len(free) == len(load_file(adapter / WEIGHTS))
    assert set(free.values()) == {torch.bfloat16}
    shutil.rmtree(adapter)
