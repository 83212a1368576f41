"""Where encoder files are found, and which of them are believed."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec as find_package
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench import score
from bioreview_bench.contracts.contract import Contract
from bioreview_bench.encoders.files import is_side_file, locate, resolve
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.encoders.registry import MINILM
from bioreview_bench.errors import EncoderError, InputError


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def copied(tiny_bert: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_bert, tmp_path / "copied")


def test_the_installed_demo_encoder_is_verified(minilm) -> None:
    found = resolve(Contract.load("demo"))
    assert found.verified
    assert found.weights_sha256 == Contract.load("demo").weights_sha256 == _sha256(found.weights)


def test_one_flipped_byte_in_the_weights_is_refused(minilm, tmp_path: Path) -> None:
    folder = shutil.copytree(locate(MINILM), tmp_path / "minilm")
    with (folder / "model.safetensors").open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)[0]
        stream.seek(-1, 2)
        stream.write(bytes([last ^ 1]))
    with pytest.raises(EncoderError, match="is not all-MiniLM-L6-v2: its sha256 is") as caught:
        resolve(Contract.load("demo"), folder)
    assert caught.value.exit_code == 3


def test_a_folder_that_was_never_fetched_is_unverified_and_claims_no_revision(tiny_bert: Path) -> None:
    found = resolve(Contract.load("v3"), tiny_bert)
    assert (found.verified, found.revision) == (False, None)
    assert found.weights_sha256 == _sha256(tiny_bert / "pytorch_model.bin")


def test_weights_are_those_that_will_be_loaded(copied: Path) -> None:
    # transformers prefers safetensors; a hash of the other file would vouch for weights that nobody uses.
    (copied / "model.safetensors").write_bytes(b"other weights")
    assert resolve(Contract.load("v3"), copied).weights == copied / "model.safetensors"


@pytest.mark.parametrize("absent", ["config.json", "pytorch_model.bin", "vocab.txt"])
def test_an_incomplete_folder_is_refused(copied: Path, absent: str) -> None:
    (copied / absent).unlink()
    with pytest.raises(EncoderError, match="is not a complete encoder"):
        resolve(Contract.load("v3"), copied)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="There is no folder"):
        resolve(Contract.load("v3"), tmp_path / "nowhere")


def changed(folder: Path, name: str) -> None:
    """Changes one thing of an encoder that decides its vectors, and nothing of its weights."""
    path = folder / name
    match name:
        case "config.json":
            path.write_text(path.read_text().replace('"gelu"', '"relu"'))
        case "tokenizer_config.json":
            path.write_text(json.dumps(json.loads(path.read_text()) | {"do_lower_case": False}))
        case "tokenizer.json" if path.exists():
            tokenizer = json.loads(path.read_text())
            tokenizer["normalizer"]["lowercase"] = False
            path.write_text(json.dumps(tokenizer))
        case "vocab.txt":
            words = path.read_text().split("\n")
            path.write_text("\n".join([*words[:5], *reversed(words[5:])]))
        case "added_tokens.json":
            path.write_text('{"cohort": 20}')
        case _:
            path.write_text("{}")


DECIDING = ["config.json", "tokenizer_config.json", "vocab.txt", "added_tokens.json", "special_tokens_map.json",
            "tokenizer.4.json", "vocab.json", "merges.txt", "spiece.model", "preprocessor_config.json"]  # fmt: skip


@pytest.mark.parametrize("name", DECIDING)
def test_a_change_of_configuration_or_tokenizer_is_another_encoder(copied: Path, name: str) -> None:
    before = resolve(Contract.load("v3"), copied)
    changed(copied, name)
    after = resolve(Contract.load("v3"), copied)
    assert after.weights_sha256 == before.weights_sha256
    assert after.side_sha256 != before.side_sha256
    assert after.part != before.part


@pytest.mark.parametrize("name", ["README.md", "modules.json", "1_Pooling/config.json", "sentence_bert_config.json"])
def test_what_no_vector_depends_on_is_no_part_of_an_encoder(copied: Path, name: str) -> None:
    before = resolve(Contract.load("v3"), copied)
    texts = ["The cohort has no control arm.", "Mice were not randomised."]
    vectors = LocalEncoder(before, 64).encode(texts)
    (copied / name).parent.mkdir(exist_ok=True)
    (copied / name).write_text('{"max_seq_length": 3, "do_lower_case": false, "pooling_mode_cls_token": true}')
    after = resolve(Contract.load("v3"), copied)
    assert after.part == before.part
    assert np.array_equal(LocalEncoder(after, 64).encode(texts), vectors)


def test_the_parts_of_every_tokenizer_that_transformers_knows_are_hashed() -> None:
    package = find_package("transformers")
    assert package is not None
    assert package.origin is not None
    sources = [path.read_text() for path in Path(package.origin).parent.glob("models/*/tokenization_*.py")]
    tables = [table for source in sources for table in re.findall(r"VOCAB_FILES_NAMES\s*=\s*\{([^}]*)\}", source)]
    names = {name for table in tables for name in re.findall(r":\s*\"([^\"]+)\"", table)}
    assert {"vocab.json", "merges.txt", "spiece.model", "tokenizer.json"} <= names
    assert [name for name in sorted(names) if not is_side_file(name)] == []


@pytest.mark.parametrize("contract", ["demo", "demo-topic", "reader"])
@pytest.mark.parametrize(
    "name", ["tokenizer.json", "tokenizer_config.json", "config.json", "vocab.txt", "added_tokens.json"]
)
def test_genuine_weights_with_another_tokenizer_or_configuration_are_refused(
    minilm: None, tmp_path: Path, contract: str, name: str
) -> None:
    folder = shutil.copytree(locate(MINILM), tmp_path / "minilm")
    assert resolve(Contract.load(contract), folder).part == resolve(Contract.load(contract)).part
    changed(folder, name)
    with pytest.raises(EncoderError, match=rf"all-MiniLM-L6-v2.*: {name} \((sha256|not one of)") as caught:
        resolve(Contract.load(contract), folder)
    assert caught.value.exit_code == 3


def test_weights_that_are_stated_alone_verify_nothing(copied: Path) -> None:
    weights = resolve(Contract.load("v3"), copied).weights_sha256
    stated = replace(Contract.load("v3"), name="mine", weights_sha256=weights)
    assert not resolve(stated, copied).verified
    whole = replace(stated, files_sha256=resolve(stated, copied).files_sha256)
    assert resolve(whole, copied).verified
    changed(copied, "tokenizer_config.json")
    with pytest.raises(EncoderError, match=r"does not hold the files that the contract states.*is expected"):
        resolve(whole, copied)


def test_controls_of_one_tokenizer_are_not_shown_for_another(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_article: Callable[..., Any]
) -> None:
    abstract = "No Control Arm Was Recruited In The Cohort At All. The mice of the second cohort were not blinded."
    articles = [make_article("elife:1", ["The cohort has no control arm."], abstract=abstract)]
    contract = replace(Contract.load("v3"), name="mine", encoder="local:x", revision=None, max_length=64, threshold=0.9)

    def scored() -> Any:
        return score(articles, {"elife:1": ["NO CONTROL ARM."]}, contract, draws=0, encoder_path=copied).record

    monkeypatch.setenv("BIOREVIEW_CACHE", str(tmp_path / "one"))
    first = scored()
    changed(copied, "vocab.txt")
    after = scored()
    monkeypatch.setenv("BIOREVIEW_CACHE", str(tmp_path / "two"))
    afresh = scored()
    assert (first.encoder.verified, after.encoder.verified) == (False, False)
    assert first.signature != after.signature
    assert after.controls == afresh.controls
    assert after.signature == afresh.signature


def test_a_configuration_that_names_other_weights_is_refused(copied: Path) -> None:
    # transformers would load them: other vectors from weights that nobody hashed.
    config = json.loads((copied / "config.json").read_text()) | {"transformers_weights": "other.bin"}
    (copied / "config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError, match="names other weights"):
        resolve(Contract.load("v3"), copied)


def test_an_adapter_beside_the_weights_is_refused(copied: Path) -> None:
    # transformers would apply it: other vectors from weights with the same hash.
    (copied / "adapter_config.json").write_text("{}")
    with pytest.raises(EncoderError, match="adapter"):
        resolve(Contract.load("v3"), copied)


def test_an_encoder_that_is_not_here_names_the_command_that_gets_it(hub_home: Path) -> None:
    with pytest.raises(EncoderError, match="bench encoder fetch specter2") as caught:
        resolve(Contract.load("v3"))
    assert caught.value.exit_code == 3
    assert "bench config set encoder specter2=FOLDER" in str(caught.value)


def test_evaluate_without_its_encoder_stops_before_it_writes(bench_process, tmp_path: Path) -> None:
    output = tmp_path / "r.result.json"
    arguments = ("evaluate", "demo:careful", "--data", "demo", "--contract", "v3", "-o", str(output))
    done = bench_process(*arguments)
    assert done.returncode == 3
    assert "bench encoder fetch specter2" in done.stderr
    assert not output.exists()


def test_an_unknown_encoder_is_bad_input(hub_home: Path) -> None:
    with pytest.raises(InputError, match='no encoder "bert"'):
        resolve(replace(Contract.load("v3"), name="mine", encoder="bert", revision=None))


def test_a_contract_with_a_repository_but_no_revision_is_bad_input(hub_home: Path) -> None:
    contract = replace(Contract.load("v3"), name="mine", encoder="hf:owner/model", revision=None)
    with pytest.raises(InputError, match="names no revision"):
        resolve(contract)
