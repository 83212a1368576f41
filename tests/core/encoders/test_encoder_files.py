"""Where encoder files are found, and which of them are believed."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.encoders.files import locate, resolve
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
    with pytest.raises(EncoderError, match="no encoder folder"):
        resolve(Contract.load("v3"), tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "vocab.txt", "added_tokens.json"])
def test_a_change_of_configuration_or_tokenizer_is_another_encoder(copied: Path, name: str) -> None:
    before = resolve(Contract.load("v3"), copied)
    content = (copied / name).read_text() if (copied / name).exists() else "{}"
    (copied / name).write_text(content + "\n")
    after = resolve(Contract.load("v3"), copied)
    assert after.weights_sha256 == before.weights_sha256
    assert after.side_sha256 != before.side_sha256


def test_an_adapter_beside_the_weights_is_refused(copied: Path) -> None:
    # transformers would apply it: other vectors from weights with the same hash.
    (copied / "adapter_config.json").write_text("{}")
    with pytest.raises(EncoderError, match="adapter"):
        resolve(Contract.load("v3"), copied)


def test_an_encoder_that_is_not_here_names_the_command_that_gets_it(hub_home: Path) -> None:
    with pytest.raises(EncoderError, match="bench encoder fetch specter2") as caught:
        resolve(Contract.load("v3"))
    assert caught.value.exit_code == 3
    assert "--encoder-path" in str(caught.value)


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
