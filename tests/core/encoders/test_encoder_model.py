"""LocalEncoder gives what sentence-transformers gives by hand, or refuses: no guess, no foreign code."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.encoders.files import EncoderFiles, resolve
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.errors import EncoderError

TEXTS = [
    "The sample size is too small.",
    "No control group",
    "x",
    "The statistics are not described, and the figure legends do not say what the bars are. " * 20,
    "No control group",
    "β-catenin levels (±SD) were never quantified",
    *(f"Reviewer {number} asks for {number} more experiments." for number in range(8)),
]
LENGTH = 64


@pytest.fixture(scope="module", params=["tiny_bert", "minilm"])
def encoder(request: pytest.FixtureRequest) -> LocalEncoder:
    """Each of the two encoders that the suite has."""
    if request.param == "minilm":
        request.getfixturevalue("minilm")
        return LocalEncoder(resolve(Contract.load("demo")), LENGTH)
    return LocalEncoder(unverified(request.getfixturevalue("tiny_bert")), LENGTH)


@pytest.fixture(scope="module")
def encoded(encoder: LocalEncoder) -> np.ndarray:
    return encoder.encode(TEXTS)


@pytest.fixture
def copied(tiny_bert: Path, tmp_path: Path) -> Path:
    """A copy of the tiny encoder, to be spoilt."""
    return shutil.copytree(tiny_bert, tmp_path / "copied")


def test_vectors_are_those_of_sentence_transformers_in_the_order_given(
    encoder: LocalEncoder, encoded: np.ndarray
) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    transformer = Transformer(str(encoder.files.folder), max_seq_length=encoder.max_length)
    by_hand = SentenceTransformer(modules=[transformer, Pooling(transformer.get_embedding_dimension(), "mean")])
    expected = by_hand.encode(TEXTS, normalize_embeddings=True)
    assert encoded.dtype == np.float32
    np.testing.assert_allclose(encoded, expected, atol=1e-5)


def test_equal_texts_have_equal_vectors(encoded: np.ndarray) -> None:
    first, second = (position for position, text in enumerate(TEXTS) if text == "No control group")
    np.testing.assert_allclose(encoded[first], encoded[second], atol=1e-6)


def test_a_vector_depends_neither_on_the_other_texts_nor_on_their_order(
    encoder: LocalEncoder, encoded: np.ndarray
) -> None:
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1])[::-1], encoded, atol=1e-6)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS[:6]])
    np.testing.assert_allclose(alone, encoded[:6], atol=1e-6)


def test_what_lies_beyond_the_maximum_length_does_not_count(tiny_bert: Path) -> None:
    # One word piece a letter; [CLS] and [SEP] take two of the eight places.
    short = LocalEncoder(unverified(tiny_bert), 8)
    whole, longer, other = short.encode(["a b c d e f", "a b c d e f g h", "a b c d e g"])
    np.testing.assert_allclose(whole, longer, atol=1e-6)
    assert np.abs(whole - other).max() > 1e-3


def test_no_texts_give_no_vectors(tiny_bert: Path) -> None:
    assert len(LocalEncoder(unverified(tiny_bert), LENGTH).encode([])) == 0


def test_a_length_beyond_the_positions_of_the_model_is_refused(tiny_bert: Path) -> None:
    with pytest.raises(EncoderError, match="has 512 positions; the contract asks for 513"):
        LocalEncoder(unverified(tiny_bert), 513)


def test_half_a_checkpoint_is_refused_instead_of_being_filled_at_random(copied: Path) -> None:
    import torch

    path = copied / "pytorch_model.bin"
    kept = {name: value for name, value in torch.load(path).items() if "layer.1." not in name}
    torch.save(kept, path)
    with pytest.raises(EncoderError, match=r"lacks 16 of \d+ parameters"):
        LocalEncoder(unverified(copied), LENGTH).encode(["a text"])


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("name", ["config.json", "pytorch_model.bin", "model.safetensors", "tokenizer.json"])
def test_a_file_of_garbage_is_one_message(copied: Path, name: str) -> None:
    (copied / name).write_bytes(b"\x80garbage")
    with pytest.raises(EncoderError):
        LocalEncoder(unverified(copied), LENGTH).encode(["a text"])


def test_weights_of_another_shape_are_refused(copied: Path) -> None:
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps(config | {"hidden_size": 64}))
    with pytest.raises(EncoderError):
        LocalEncoder(unverified(copied), LENGTH).encode(["a text"])


def test_a_pickle_that_runs_a_command_is_never_executed(copied: Path, tmp_path: Path) -> None:
    import torch

    marker = tmp_path / "executed"

    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return subprocess.check_call, (["touch", str(marker)],)

    torch.save({"embeddings.word_embeddings.weight": Payload()}, copied / "pytorch_model.bin")
    with pytest.raises(EncoderError) as caught:
        LocalEncoder(unverified(copied), LENGTH).encode(["a text"])
    assert not marker.exists()
    assert "weights_only" not in str(caught.value), "torch's advice to switch the protection off is not ours"


def test_code_that_a_model_brings_along_is_never_executed(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "executed"
    (copied / "evil.py").write_text(f"open({str(marker)!r}, 'w')\nclass Config: ...\nclass Model: ...\n")
    config = {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}}
    (copied / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr("builtins.input", lambda *_: "y")  # nobody may be asked, and a yes must not count
    with pytest.raises(EncoderError):
        LocalEncoder(unverified(copied), LENGTH).encode(["a text"])
    assert not marker.exists()


def unverified(folder: Path) -> EncoderFiles:
    return resolve(Contract.load("v3"), folder)
