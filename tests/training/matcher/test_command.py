"""`bench train matcher`: the same corpus and seed give the same bytes, and what it writes is what the core reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.encoders.adapter import read_adapter
from bioreview_bench.encoders.files import resolve
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.training.matcher import validate

from ...conftest import make_bert

pytest.importorskip("peft")

# Three words of its own for every point; a restatement has two of them, a near miss the third.
WORDS = [f"{first}{second}{third}" for first in "bdfgk" for second in "aeiou" for third in "lmnr"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of two layers, wide enough apart for texts to differ."""
    pieces = [*WORDS, "please", "show", "late", "stock", "remark"]
    sizes = {"max_position_embeddings": 256, "initializer_range": 0.6}
    return make_bert(tmp_path_factory.mktemp("base") / "tiny", pieces, **sizes)


def point(number: int) -> dict[str, str]:
    """Texts about one point."""
    first, second, third = WORDS[3 * number : 3 * number + 3]
    return {
        "reference": f"{first} {second} {third}",
        "restated": f"please show {second} {first}",
        "near_miss": f"{third} late",
    }


def write(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    papers = [
        {
            "paper": f"p{number}",
            "sentences": ["This sentence is about nothing that any concern of the paper names."],
            "concerns": [
                {
                    "reference": texts["reference"],
                    "restated": [texts["restated"]],
                    "near_miss": [texts["near_miss"]],
                    "stock": ["stock remark"],
                }
                for texts in map(point, range(3 * number, 3 * number + 3))
            ],
        }
        for number in range(3)
    ]
    return write(tmp_path / "corpus.jsonl", papers)


@pytest.fixture
def real(tmp_path: Path) -> tuple[Path, Path]:
    """A data folder of four articles, and judged pairs about three of them."""
    folder = tmp_path / "data"
    folder.mkdir()
    articles, judged = [], []
    for number in range(4):
        name, own = f"elife:{number}", [point(9 + 2 * number), point(10 + 2 * number)]
        concerns = [
            {
                "concern_id": f"{name}:R1C{place}",
                "concern_text": texts["reference"],
                "category": "other",
                "severity": "major",
            }
            for place, texts in enumerate(own)
        ]
        articles.append({"id": name, "source": "elife", "abstract": "A " + "word " * 12, "concerns": concerns})
        for text, label in ((own[0]["restated"], "same"), (own[0]["near_miss"], "related")):
            judged.append({"article_id": name, "text": text, "labels": {"a": {f"{name}:R1C0": label}}})
    write(folder / "articles.jsonl", articles)
    splits = {"train": ["elife:0", "elife:1"], "val": ["elife:2"], "test": ["elife:3"]}
    (folder / "splits.json").write_text(json.dumps(splits))
    return folder, write(tmp_path / "judged.jsonl", judged[:6])


@pytest.fixture
def bench(command: Callable[..., Any]) -> Any:
    return command("train", "bioreview_bench.training.cli.group:train")


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "adapter.safetensors").read_bytes()).hexdigest()


def test_the_same_corpus_and_seed_give_the_same_bytes(bench: Any, base: Path, corpus: Path, tmp_path: Path) -> None:
    options = ("train", "matcher", "--base", base, "--corpus", corpus, "--folds", 0, "--epochs", 2, "--first-layer", 1)
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        done = bench(*options, "--seed", seed, "-o", tmp_path / name)
        assert done.code == 0, done.err
    assert digest(tmp_path / "one") == digest(tmp_path / "again") != digest(tmp_path / "other")
    assert (tmp_path / "one" / "adapter.json").read_bytes() == (tmp_path / "again" / "adapter.json").read_bytes()
    facts = json.loads((tmp_path / "one" / "adapter.json").read_text())
    assert facts["corpus"][0]["sha256"] == hashlib.sha256(corpus.read_bytes()).hexdigest()
    assert all(target.startswith("encoder.layer.1.") for target in facts["targets"])
    assert len(facts["targets"]) == 6


def test_on_the_real_encoder_too_the_same_corpus_and_seed_give_the_same_bytes(
    bench: Any, minilm: None, corpus: Path, tmp_path: Path
) -> None:
    options = ("train", "matcher", "--base", "minilm", "--corpus", corpus, "--folds", 0, "--epochs", 2)
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        done = bench(*options, "--seed", seed, "-o", tmp_path / name)
        assert done.code == 0, done.err
    assert digest(tmp_path / "one") == digest(tmp_path / "again") != digest(tmp_path / "other")
    assert read_adapter(tmp_path / "one").base == "all-MiniLM-L6-v2"


def test_an_mpnet_is_adapted_and_encodes_with_it(bench: Any, corpus: Path, tmp_path: Path) -> None:
    import torch
    from transformers import MPNetConfig, MPNetModel

    folder = tmp_path / "mpnet"
    folder.mkdir()
    torch.manual_seed(0)
    words = ["<s>", "<pad>", "</s>", "[UNK]", *WORDS, "please", "show", "late", "stock", "remark", "<mask>"]
    config = MPNetConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=258, initializer_range=0.6,
    )  # fmt: skip
    MPNetModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words))
    settings = {"tokenizer_class": "MPNetTokenizer", "do_lower_case": True, "model_max_length": 256}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    done = bench(
        "train", "matcher", "--base", folder, "--corpus", corpus, "--folds", 0, "--epochs", 2, "--first-layer", 1,
        "--lr", 0.01, "-o", tmp_path / "mine",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert {name.rpartition(".")[2] for name in read_adapter(tmp_path / "mine").modules} == {
        "q",
        "k",
        "v",
        "o",
        "dense",
    }
    contract = Contract("mine", "local:mpnet", 0.5, adapter=str(tmp_path / "mine"), max_length=64)
    texts = list(point(0).values())
    adapted, plain = (
        LocalEncoder(resolve(one, folder), 64).encode(texts)
        for one in (contract, Contract("plain", "local:mpnet", 0.5, max_length=64))
    )
    assert np.abs(adapted - plain).max() > 1e-3


def test_training_brings_restatements_nearer_than_near_misses(
    bench: Any, base: Path, corpus: Path, tmp_path: Path
) -> None:
    done = bench(
        "train", "matcher", "--base", base, "--corpus", corpus, "--folds", 0, "--epochs", 12, "--first-layer", 0,
        "--lr", 0.01, "--temperature", 0.2, "-o", tmp_path / "mine",
    )  # fmt: skip
    assert done.code == 0, done.err
    texts = list(point(0).values())

    def margin(adapter: str | None) -> float:
        contract = Contract("mine", "local:tiny", 0.5, adapter=adapter, max_length=64)
        reference, restated, near = LocalEncoder(resolve(contract, base), 64).encode(texts)
        return float(reference @ restated - reference @ near)

    assert margin(str(tmp_path / "mine")) > max(0.2, margin(None) + 0.2)


def test_folds_give_a_contract_a_card_and_adapters_that_have_not_seen_their_articles(
    bench: Any, base: Path, corpus: Path, real: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Three articles of two points cannot keep a match rate at 5 %.
    monkeypatch.setattr(validate, "_LIMITS", dict.fromkeys(validate._LIMITS, 1.0))
    data, judged = real
    out = tmp_path / "mine"
    options = (
        "train", "matcher", "--base", base, "--corpus", corpus, "--corpus", judged, "--data", data, "--folds", 3,
        "--epochs", 12, "--first-layer", 0, "--lr", 0.01, "--temperature", 0.2, "--transform", "topic-1", "-o", out,
    )  # fmt: skip
    done = bench(*options)
    assert done.code == 0, done.err
    held_out = [json.loads((out / "parts" / f"fold-{k}" / "adapter.json").read_text()) for k in (1, 2, 3)]
    named = sorted(name for facts in held_out for name in facts["training"]["held_out"])
    assert named == ["elife:0", "elife:1", "elife:2"]
    contract = Contract.load(out / "contract.toml")
    assert contract.files_sha256 == read_adapter(out).files_sha256
    files = resolve(contract, base)
    assert contract.signature(encoder=files.part) == contract.signature()
    card = json.loads((out / "contract.card.json").read_text())
    assert card["contract"]["threshold"] == contract.threshold
    assert card["measured_on"]["n_articles"] == 3
    assert "cross-validated" in card["measured_on"]["data"]
    assert json.loads((out / "adapter.json").read_text())["validity"] == card
    vectors = LocalEncoder(files, 64).encode([point(9)["restated"]])
    assert np.isfinite(vectors).all()
    before = digest(out)
    again = bench(*options)
    assert (again.code, digest(out)) == (0, before)
    assert again.err.count("already done") == 4


def test_a_dry_run_trains_nothing(bench: Any, base: Path, corpus: Path, tmp_path: Path) -> None:
    done = bench(
        "train", "matcher", "--base", base, "--corpus", corpus, "--folds", 3, "-o", tmp_path / "x", "--dry-run"
    )
    assert done.code == 0, done.err
    assert "of 3 papers" in done.out
    assert not list(tmp_path.glob("x/**/adapter.*"))


def test_an_encoder_without_layers_of_a_bert_is_refused(bench: Any, base: Path, corpus: Path, tmp_path: Path) -> None:
    done = bench(
        "train", "matcher", "--base", base, "--corpus", corpus, "--folds", 0, "--first-layer", 2, "-o", tmp_path / "x"
    )
    assert (done.code, "no layers of a BERT or MPNet from layer 2 on" in done.err) == (3, True)
