"""The contract `reader`: the adapter of the package on the demo encoder, its signature, its card, and the pilot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bioreview_bench import score
from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.load import load_split
from bioreview_bench.data.predictions import read_predictions
from bioreview_bench.encoders.adapter import find_adapter
from bioreview_bench.encoders.files import locate, resolve
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.encoders.registry import MINILM
from bioreview_bench.errors import EncoderError
from bioreview_bench.results.validity import load_card


def test_the_contract_names_every_file_that_decides_a_vector(minilm: None) -> None:
    contract, adapter = Contract.load("reader"), find_adapter("reader")
    files = resolve(contract)
    assert files.verified
    assert contract.files_sha256 == adapter.files_sha256
    assert adapter.base_files["model.safetensors"] == contract.weights_sha256
    assert {"config.json", "tokenizer.json", "tokenizer_config.json"} <= adapter.base_files.keys()
    assert f"enc:all-MiniLM-L6-v2@-+{adapter.files_sha256[:8]}+reader|" in contract.signature(encoder=files.part)
    assert contract.official_name == "reader"
    assert (adapter.folder / "adapter.safetensors").stat().st_size < 1.6e6


@pytest.mark.parametrize("name", ["tokenizer_config.json", "vocab.txt"])
def test_another_tokenizer_is_refused(minilm: None, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "minilm"
    folder.mkdir()
    for path in locate(MINILM).iterdir():
        if path.is_file():
            (folder / path.name).symlink_to(path)
    (folder / name).unlink()
    (folder / name).write_bytes((locate(MINILM) / name).read_bytes() + b"\n")
    with pytest.raises(EncoderError, match=name) as caught:
        resolve(Contract.load("reader"), folder)
    assert caught.value.exit_code == 3


def test_the_adapter_moves_vectors_and_only_under_its_contract(minilm: None) -> None:
    texts = ["The sample is too small.", "More animals are needed."]
    plain, adapted = (LocalEncoder(resolve(Contract.load(name)), 256) for name in ("demo", "reader"))
    assert adapted.engine == "packed"
    assert np.abs(plain.encode(texts) - adapted.encode(texts)).max() > 0.01


def test_the_card_is_that_of_the_contract_and_was_measured_on_articles_not_trained_on(minilm: None) -> None:
    contract, card = Contract.load("reader"), load_card("reader")
    assert card is not None
    assert card.contract == contract.as_dict()
    assert "cross-validated by article" in card.measured_on.data
    facts = json.loads((find_adapter("reader").folder / "adapter.json").read_text())
    assert facts["validity"] == card.model_dump(mode="json")


def test_no_text_about_the_test_split_was_trained_on(shared: Path) -> None:
    facts = json.loads((find_adapter("reader").folder / "adapter.json").read_text())
    names = [one["name"] for one in facts["corpus"]]
    assert "invented_demo.jsonl" not in names
    splits = json.loads((shared / "data" / "elife_pilot" / "splits.json").read_text())
    judged = shared / "data" / "elife_pilot" / "judgements"
    rows = [json.loads(line) for path in judged.glob("*.jsonl") for line in path.read_text().splitlines()]
    assert not {row["article_id"] for row in rows} & set(splits["test"])


def test_the_pilot_is_scored_under_it_and_near_misses_hardly_match(minilm: None, warm: Path, shared: Path) -> None:
    pilot = shared / "data" / "elife_pilot"
    articles = load_split(pilot, "val")
    rates = {}
    for name in ("restated", "near_miss"):
        predictions = read_predictions(pilot / "predictions" / f"{name}.jsonl", articles, allow_extra=True)
        result = score(articles, predictions, Contract.load("reader"), draws=0, controls="basic")
        rates[name] = result.record.controls.match_rate
        assert "+reader|" in result.record.signature
        assert result.record.encoder.verified
    assert rates["near_miss"] < 0.1 < 0.4 < rates["restated"]


def test_an_adapter_costs_no_time_once_it_is_added(minilm: None) -> None:
    """The same modules of the same sizes and kinds run, with other numbers in them."""
    plain, adapted = (LocalEncoder(resolve(Contract.load(name)), 256)._loaded.engine for name in ("demo", "reader"))
    layers = [engine._bert._layers for engine in (plain, adapted)]
    assert [type(layer) for layer in layers[0]] == [type(layer) for layer in layers[1]]
    assert vars(plain).keys() == vars(adapted).keys()


def test_a_file_that_is_not_stated_is_not_believed(minilm: None) -> None:
    contract = replace(Contract.load("reader"), name="mine", files_sha256=None)
    assert not resolve(contract).verified
