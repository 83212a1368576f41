"""Merged models and chains of adapters give the numbers that PEFT gives by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from bioreview_bench.errors import EncoderError, InputError, WriteError
from bioreview_bench.llm.local.model_files import digest
from bioreview_bench.llm.local.weights import load_weights
from bioreview_bench.training.models import merge as merging
from bioreview_bench.training.models.adapters import MERGED
from bioreview_bench.training.models.merge import merge, needed_bytes, require_space

from ..conftest import make_adapter

IDS = torch.tensor([[7, 42, 99, 300, 12, 5]])


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(input_ids=IDS).logits.float()


def by_hand(base: Path, adapters: Sequence[Path], dtype: torch.dtype) -> Any:
    """Base, each adapter but the last merged, the last beside the weights, with transformers and PEFT alone."""
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

    seeing = hasattr(AutoConfig.from_pretrained(base), "vision_config")
    family = AutoModelForImageTextToText if seeing else AutoModelForCausalLM
    model: Any = family.from_pretrained(base, dtype=dtype)
    for adapter in adapters[:-1]:
        model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    return PeftModel.from_pretrained(model, adapters[-1])


@pytest.fixture(scope="module")
def chain(tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("chain")
    return [make_adapter(tiny_qwen3, folder / f"adapter-{seed}", seed) for seed in (1, 2)]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_merged_chain_has_the_logits_of_the_unmerged_one(
    tiny_qwen3: Path, chain: list[Path], tmp_path: Path, dtype: str
) -> None:
    merge(str(tiny_qwen3), list(map(str, chain)), tmp_path / "m", dtype=dtype)
    merged = load_weights(tmp_path / "m", "auto", "cpu")
    assert merged.dtype == getattr(torch, dtype)
    expected = logits(by_hand(tiny_qwen3, chain, getattr(torch, dtype)))
    found = logits(merged)
    # bfloat16 keeps 8 bits, and the last adapter's sum is rounded to them once more.
    tolerance = 1e-5 if dtype == "float32" else 0.03 * float(expected.abs().max())
    assert torch.allclose(found, expected, atol=tolerance, rtol=0)
    plain = logits(load_weights(tiny_qwen3, dtype, "cpu"))
    assert float((plain - expected).abs().max()) > 3 * tolerance


def test_the_record_names_what_was_merged_and_the_tokenizer_stays_as_it_is(
    tiny_qwen3: Path, chain: list[Path], tmp_path: Path
) -> None:
    record = merge(str(tiny_qwen3), list(map(str, chain)), tmp_path / "m")
    assert record == json.loads((tmp_path / "m" / MERGED).read_text())
    assert record["base"] == {"name": "tiny-qwen3", "digest": digest(tiny_qwen3), "merged_from": None}
    assert record["adapters"] == [{"name": f"adapter-{n}", "digest": digest(chain[n - 1])} for n in (1, 2)]
    assert (record["dtype"], record["training"]) == ("bfloat16", None)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        assert (tmp_path / "m" / name).read_bytes() == (tiny_qwen3 / name).read_bytes()
    again = merge(str(tmp_path / "m"), [str(chain[0])], tmp_path / "mm")
    assert again["base"]["merged_from"]["base"]["digest"] == digest(tiny_qwen3)


def test_a_vision_language_model_is_merged_in_its_own_class(tiny_qwen_vl: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny_qwen_vl, tmp_path / "adapter")
    merge(str(tiny_qwen_vl), [str(adapter)], tmp_path / "m", dtype="float32")
    found = load_weights(tmp_path / "m", "auto", "cpu")
    assert type(found).__name__ == "Qwen3_5ForConditionalGeneration"
    assert torch.allclose(logits(found), logits(by_hand(tiny_qwen_vl, [adapter], torch.float32)), atol=1e-5)


def test_what_is_there_is_not_overwritten(tiny_qwen3: Path, chain: list[Path], tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with pytest.raises(InputError, match="already exists"):
        merge(str(tiny_qwen3), [str(chain[0])], tmp_path / "m")


def test_nothing_is_left_of_a_merge_that_failed(tiny_qwen3: Path, tiny_gemma: Path, tmp_path: Path) -> None:
    other = make_adapter(tiny_gemma, tmp_path / "other", target_modules=["o_proj"], r=2)
    config = json.loads((other / "adapter_config.json").read_text())
    (other / "adapter_config.json").write_text(json.dumps({**config, "target_modules": ["nowhere"]}))
    with pytest.raises(EncoderError, match="Cannot put the adapter"):
        merge(str(tiny_qwen3), [str(other)], tmp_path / "m")
    assert not (tmp_path / "m").exists()
    assert not list(tmp_path.glob(".m.*"))


def test_too_little_space_is_said_before_anything_is_loaded(
    tiny_qwen3: Path, chain: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import load_file

    n = sum(tensor.numel() for tensor in load_file(tiny_qwen3 / "model.safetensors").values())
    assert needed_bytes(tiny_qwen3, "bfloat16") - needed_bytes(tiny_qwen3, "float32") == -2 * n
    with pytest.raises(WriteError, match=r"needs 1000000000\.0 GB"):
        require_space(tmp_path / "a" / "b", 10**18)
    monkeypatch.setattr(merging, "_MARGIN", 10**18)
    with pytest.raises(WriteError, match="are free"):
        merge(str(tiny_qwen3), [str(chain[0])], tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_quantised_weights_are_not_merged_into(tiny_qwen3: Path, chain: list[Path], tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_qwen3, tmp_path / "quantised")
    config = json.loads((folder / "config.json").read_text())
    quantised = {**config, "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}
    (folder / "config.json").write_text(json.dumps(quantised))
    with pytest.raises(InputError, match="quantised weights"):
        merge(str(folder), [str(chain[0])], tmp_path / "m")


def test_the_command_says_what_was_merged(
    bench: Callable[..., Any], tiny_qwen3: Path, chain: list[Path], tmp_path: Path
) -> None:
    command = ["train", "merge", "--model", tiny_qwen3, "--adapter", chain[0], "--adapter", chain[1]]
    done = bench(*command, "-o", tmp_path / "m", "--quiet")
    assert (done.code, done.err) == (0, "")
    assert "tiny-qwen3 + adapter-1 + adapter-2 in bfloat16" in done.out
    assert bench(*command, "-o", tmp_path / "m").code == 2
    unknown = bench("train", "merge", "--adapter", chain[0], "-o", tmp_path / "n")
    assert (unknown.code, "--model MODEL" in unknown.err) == (2, True)
