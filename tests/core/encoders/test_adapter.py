"""An adapter is added to its base whole or not at all, and what it gives is what PEFT gives."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.encoders import loading
from bioreview_bench.encoders.adapter import read_adapter
from bioreview_bench.encoders.cache import VectorCache
from bioreview_bench.encoders.files import EncoderFiles, deciding_files, resolve
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.errors import EncoderError, InputError

pytestmark = pytest.mark.usefixtures("one_thread")

TEXTS = ["the number of animals is small", "more controls are needed", "x", "a longer text " * 9]
QUERY, OUT = "encoder.layer.0.attention.self.query", "encoder.layer.1.output.dense"
RANK, SCALE = 4, 1.5


@pytest.fixture(scope="module")
def base(tiny_bert: Path) -> EncoderFiles:
    return resolve(Contract.load("v3"), tiny_bert)


@pytest.fixture(scope="module")
def model(base: EncoderFiles) -> Any:
    return loading._transformer(base, 64).auto_model


@pytest.fixture(scope="module")
def factors(model: Any) -> dict[str, Any]:
    import torch

    torch.manual_seed(3)
    made = {}
    for name in (QUERY, OUT):
        rows, columns = model.get_submodule(name).weight.shape
        made[f"{name}.lora_A"] = torch.randn(RANK, columns) * 0.3
        made[f"{name}.lora_B"] = torch.randn(rows, RANK) * 0.3
    return made


Write = Callable[..., Path]


@pytest.fixture
def write(base: EncoderFiles, factors: dict[str, Any], tmp_path: Path) -> Write:
    """Write an adapter, whole or with something changed in it; its folder."""

    def written(
        change: dict[str, Any] | None = None, facts: dict[str, Any] | None = None, scale: str = repr(SCALE)
    ) -> Path:
        from safetensors.torch import save_file

        folder = tmp_path / "mine"
        folder.mkdir(exist_ok=True)
        tensors = {key: value for key, value in {**factors, **(change or {})}.items() if value is not None}
        save_file(tensors, folder / "adapter.safetensors", metadata={"scale": scale})
        described = {
            "base": {"id": base.id, "files": deciding_files(base.folder)},
            "targets": [QUERY, OUT],
            "rank": RANK,
            "scale": SCALE,
            "pooling": "mean",
            **(facts or {}),
        }
        (folder / "adapter.json").write_text(json.dumps(described), encoding="utf-8")
        return folder

    return written


def adapted(folder: Path, base: EncoderFiles) -> EncoderFiles:
    return resolve(replace(Contract.load("v3"), name="mine", adapter=str(folder)), base.folder)


def test_vectors_are_those_of_peft(write: Write, base: EncoderFiles, factors: dict[str, Any]) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    transformer = loading._transformer(base, 64)
    config = LoraConfig(r=RANK, lora_alpha=SCALE * RANK, target_modules=[QUERY, OUT], lora_dropout=0.0)
    by_peft = get_peft_model(transformer.auto_model, config)
    for name in (QUERY, OUT):
        module = by_peft.base_model.model.get_submodule(name)
        module.lora_A["default"].weight.data = factors[f"{name}.lora_A"].clone()
        module.lora_B["default"].weight.data = factors[f"{name}.lora_B"].clone()
    tokens = loading._tokenise(transformer.tokenizer, 64)(TEXTS)["input_ids"]
    expected = loading._by_definition(by_peft.eval(), tokens).numpy()
    files = adapted(write(), base)
    encoder = LocalEncoder(files, 64)
    assert encoder.engine == "packed"
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-5)
    modules = loading.ModuleEngine(loading._transformer(files, 64), "fp32", "cpu")
    padded = modules.begin(loading._tokenise(transformer.tokenizer, 64)(TEXTS))()
    np.testing.assert_allclose(padded, expected, atol=1e-5)
    with torch.no_grad():
        assert np.abs(expected - LocalEncoder(base, 64).encode(TEXTS)).max() > 1e-2  # the adapter does something


@pytest.mark.parametrize(
    ("key", "change", "match"),
    [
        (f"{QUERY}.lora_B", None, rf"{QUERY}\.lora_B: absent"),
        (f"{QUERY}.lora_A", "narrow", rf"{QUERY}\.lora_A: shape \(4, 7\), and \(4, \d+\) is expected"),
        (f"{OUT}.lora_B", "nan", rf"{OUT}\.lora_B: not finite"),
        ("encoder.layer.9.output.dense.lora_A", "narrow", r"encoder\.layer\.9\.output\.dense\.lora_A: .* not name"),
    ],
)
def test_factors_that_fit_in_part_are_refused_by_name(
    write: Write, base: EncoderFiles, key: str, change: str | None, match: str
) -> None:
    import torch

    values = {"narrow": torch.ones(4, 7), "nan": torch.full((16, 4), float("nan")), None: None}
    value = values[change]
    if change == "nan":
        value = torch.full_like(
            loading._transformer(base, 64).auto_model.get_submodule(OUT).weight[:, :RANK], torch.nan
        )
    with pytest.raises(EncoderError, match=match) as caught:
        LocalEncoder(adapted(write({key: value}), base), 64).encode(["x"])
    assert caught.value.exit_code == 3


def test_a_module_that_the_base_has_not_is_refused(write: Write, base: EncoderFiles) -> None:
    import torch

    more = "encoder.layer.99.output.dense"
    change = {f"{more}.lora_A": torch.ones(RANK, 8), f"{more}.lora_B": torch.ones(8, RANK)}
    folder = write(change, {"targets": [QUERY, OUT, more]})
    with pytest.raises(EncoderError, match=f"{more}: the base has no such linear module"):
        LocalEncoder(adapted(folder, base), 64).encode(["x"])


@pytest.mark.parametrize(
    ("facts", "match"),
    [({"scale": 1.0}, "states the scale"), ({"rank": 3}, "shape"), ({"targets": []}, "not name its module")],
)
def test_what_the_description_says_must_be_so(
    write: Write, base: EncoderFiles, facts: dict[str, Any], match: str
) -> None:
    with pytest.raises(EncoderError, match=match):
        LocalEncoder(adapted(write(facts=facts), base), 64).encode(["x"])


@pytest.mark.parametrize("facts", [{"rank": None}, {"base": {}}, {"pooling": "cls"}])
def test_a_description_that_lacks_something_is_refused(write: Write, facts: dict[str, Any]) -> None:
    with pytest.raises(EncoderError, match=r"adapter\.json"):
        read_adapter(write(facts=facts))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "vocab.txt", "config.json"])
def test_another_base_or_tokenizer_is_refused(write: Write, base: EncoderFiles, name: str, tmp_path: Path) -> None:
    other = shutil.copytree(base.folder, tmp_path / "other")
    with (other / name).open("a") as stream:
        stream.write("\n")
    with pytest.raises(EncoderError, match=rf"another base .*{name} \(sha256") as caught:
        adapted(write(), replace(base, folder=other, base=deciding_files(other)))
    assert caught.value.exit_code == 3


def test_signature_and_cache_change_with_the_adapter(
    write: Write, base: EncoderFiles, factors: dict[str, Any], tmp_path: Path
) -> None:
    encoders = [LocalEncoder(base, 64), LocalEncoder(adapted(write(), base), 64)]
    key = f"{OUT}.lora_A"
    encoders.append(LocalEncoder(adapted(write({key: factors[key] * 1.0001}), base), 64))
    assert [encoder.files.part.partition("+mine")[1] for encoder in encoders] == ["", "+mine", "+mine"]
    assert len({encoder.files.part for encoder in encoders}) == 3
    assert len({VectorCache(tmp_path, encoder.identity).path for encoder in encoders}) == 3


def test_without_an_adapter_the_cache_is_that_of_before(base: EncoderFiles) -> None:
    assert not [key for key in LocalEncoder(base, 64).identity if "adapter" in key]


def test_a_contract_states_the_files_of_base_and_adapter(write: Write, base: EncoderFiles, tmp_path: Path) -> None:
    folder = write()
    digest = read_adapter(folder).files_sha256
    contract = replace(Contract.load("v3"), name="mine", adapter=str(folder), files_sha256=digest)
    files = resolve(contract, base.folder)
    assert f"+{digest[:8]}+mine|" in contract.signature(encoder=files.part)
    with pytest.raises(EncoderError, match="is expected"):
        resolve(replace(contract, files_sha256="0" * 64), base.folder)
    saved = tmp_path / "sub" / "mine.toml"
    saved.parent.mkdir()
    contract.save(saved)
    read = Contract.load(saved)
    assert Path(str(read.adapter)).resolve() == folder.resolve()
    assert read.signature() == contract.signature()


def test_an_adapter_without_an_encoder_is_refused() -> None:
    with pytest.raises(InputError, match="needs an encoder"):
        replace(Contract.load("jaccard"), name="mine", adapter="reader")


def test_contracts_without_an_adapter_say_nothing_of_it() -> None:
    assert not [key for key in Contract.load("v3").as_dict() if "adapter" in key or "files" in key]
