"""Pairs made of samples: a margin, lengths alike and balanced, everything recorded, nothing of another prompt."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import load_split
from bioreview_bench.errors import DataError, InputError
from bioreview_bench.training.corpora.files import read_corpus, read_pairs
from bioreview_bench.training.dpo.pairs import PreferencePair, Sample, balanced, choose, read_predictions

from ..conftest import corpus_facts, corpus_row, make_answering_model


def sample(text: str, reward: float) -> Sample:
    return Sample("run", text, reward)


def test_of_an_article_the_pair_with_the_greatest_difference_is_taken() -> None:
    given = {
        "a": [sample("x" * 10, 0.2), sample("y" * 11, 0.9), sample("z" * 12, 0.5)],
        "b": [sample("x" * 11, 0.9), sample("y" * 12, 0.2)],
    }
    made = choose(given, 0.1, 1.5)
    assert [(pair.article_id, pair.chosen.reward, pair.rejected.reward) for pair in made.pairs] == [
        ("a", 0.9, 0.2), ("b", 0.9, 0.2)
    ]  # fmt: skip
    assert sum(made.dropped.values()) == 0


def test_articles_without_a_pair_are_counted_by_reason() -> None:
    given = {
        "alone": [sample("x", 0.9)],
        "twice the same": [sample("x", 0.9), sample("x", 0.9)],
        "close": [sample("xx", 0.50), sample("yy", 0.55)],
        "long": [sample("x" * 10, 0.1), sample("y" * 16, 0.9)],  # the longer has more than 1.5 times as much
    }
    made = choose(given, 0.1, 1.5)
    assert not made.pairs
    assert made.dropped == {"fewer than two samples": 2, "margin": 1, "lengths": 1, "balance": 0}
    with pytest.raises(InputError, match="are not limits"):
        choose(given, 0.0, 1.5)


def test_a_rule_of_length_alone_wins_nothing() -> None:
    pairs = [
        PreferencePair(f"{n:02d}", sample("x" * (10 + step), 0.5 + n / 100), sample("y" * 10, 0.1))
        for n, step in enumerate([1, 1, 1, 1, 1, -1, -1, 0])
    ]
    kept = balanced([[pair] for pair in pairs])
    assert sum(pair.longer for pair in kept) == 0
    assert [pair.article_id for pair in kept] == ["03", "04", "05", "06", "07"]  # the smallest differences are gone
    best = max(
        (some for n in range(9) for some in combinations(pairs, n) if sum(pair.longer for pair in some) == 0),
        key=lambda some: (len(some), sum(pair.margin for pair in some)),
    )
    assert kept == list(best)  # no balanced choice keeps more


def test_an_article_changes_to_its_other_pair_before_one_is_dropped() -> None:
    def longer(name: str, margin: float) -> PreferencePair:
        return PreferencePair(name, sample("x" * 11, margin), sample("y" * 10, 0.0))

    def shorter(name: str, margin: float) -> PreferencePair:
        return PreferencePair(name, sample("x" * 10, margin), sample("y" * 11, 0.0))

    given = [[longer("a", 0.9), shorter("a", 0.3)], [longer("b", 0.9), shorter("b", 0.8)], [longer("c", 0.2)]]
    kept = balanced(given)
    assert [(pair.article_id, pair.longer, pair.margin) for pair in kept] == [("a", 1, 0.9), ("b", -1, 0.8)]


@pytest.fixture
def demo_corpus(make_corpus: Callable[..., Path]) -> Path:
    """The first articles of the demo's train split, with short prompts."""
    ids = [article.id for article in load_split("demo", "train")][:4]
    rows = [corpus_row(one, "You review.", f"Paper {one}.", '["No control."]') for one in ids]
    return make_corpus(train=rows, **corpus_facts(system="own"))


def predictions(path: Path, corpus: Path, texts: Callable[[str], str], status: str = "ok") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [row["article_id"] for row in read_corpus(corpus).train]
    lines = [{"article_id": one, "status": status, "concerns": [], "raw_output": texts(one)} for one in rows]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_the_command_scores_the_samples_and_records_everything(
    demo_corpus: Path, bench: Callable[..., Any], minilm: None, warm: Path, tmp_path: Path
) -> None:
    references = {article.id: [one.text for one in article.concerns] for article in load_split("demo", "train")}

    def review(texts: Sequence[str]) -> str:
        return json.dumps(
            [{"text": text, "category": "design_flaw", "severity": "major"} for text in texts], ensure_ascii=False
        )

    def stock(one: str) -> str:
        """As long as the good review of this article, and a little longer or shorter in turn."""
        wanted = len(review(references[one])) + (5 if order.index(one) % 2 else -5)
        return ("The study is of no interest and was not done well at all. " * 100)[:wanted].strip().ljust(wanted, ".")

    order = [row["article_id"] for row in read_corpus(demo_corpus).train]
    good = predictions(tmp_path / "good" / "predictions.jsonl", demo_corpus, lambda one: review(references[one]))
    bad = predictions(tmp_path / "bad" / "predictions.jsonl", demo_corpus, stock)
    out = tmp_path / "pairs"
    words = ["--corpus", demo_corpus, "--data", "demo", "--predictions", good, "--predictions", bad]
    done = bench("train", "pairs", "-o", out, *words)
    assert done.code == 0, done.err
    assert "4 pairs of 4 articles, out of 8 samples" in done.out
    made = read_pairs(out, None)
    assert (made.manifest["chosen_longer"], made.manifest["chosen_shorter"]) == (2, 2)
    assert [row["sources"] for row in made.rows] == [["good", "bad"]] * 4
    assert [json.loads(row["chosen"][0]["content"])[0]["text"] for row in made.rows] == [
        references[row["article_id"]][0] for row in made.rows
    ]
    scores = [json.loads(line) for line in (out / "scores.jsonl").read_text().splitlines()]
    for row in made.rows:
        kept = {one["source"]: one["reward"] for one in scores if one["article_id"] == row["article_id"]}
        assert row["rewards"] == [kept["good"], kept["bad"]]
        assert kept["good"] - kept["bad"] >= made.manifest["margin"]
    refused = bench("train", "pairs", "-o", tmp_path / "none", *words, "--margin", 2)
    assert refused.code == 4
    assert "No pair is left (margin 4)" in refused.err
    board = bench("train", "pairs", "-o", tmp_path / "none", *words, "--board", "reader")
    assert board.code == 2
    assert "would be trained on the score" in board.err


def test_predictions_of_another_prompt_and_errors_are_not_used(demo_corpus: Path, tmp_path: Path) -> None:
    corpus = read_corpus(demo_corpus)
    path = predictions(tmp_path / "a" / "predictions.jsonl", demo_corpus, lambda one: "[]", status="error")
    read = read_predictions(path, corpus)
    assert (read.texts, read.facts["left_out"]) == ({}, {"error": 4})
    path = predictions(tmp_path / "b" / "predictions.jsonl", demo_corpus, lambda one: "<think>x</think> []")
    assert set(read_predictions(path, corpus).texts.values()) == {"[]"}
    (path.parent / "run.json").write_text(json.dumps({"reviewer": {"prompt": {"sha256": "b" * 64}}}))
    with pytest.raises(InputError, match="made with another prompt"):
        read_predictions(path, corpus)
    path.write_text(path.read_text() * 2)
    with pytest.raises(DataError, match="occurs twice"):
        read_predictions(path, corpus)


def test_a_model_is_sampled_as_the_corpus_asks_and_a_second_run_samples_nothing(
    bench: Callable[..., Any], minilm: None, warm: Path, tmp_path: Path
) -> None:
    missing = ("control group", "sample size calculation", "test for normality", "description of the reagents")
    unsure = {"category": "design_flaw", "severity": "major", "confidence": 0.0}  # nothing is lost by doubt in a guess
    told = json.dumps([{"text": f"There is no {one}.", **unsure} for one in missing])
    again = json.dumps([{"text": "It is bad.", "category": "other", "severity": "minor"}] * 12)
    model = make_answering_model(tmp_path / "tiny-three-answers", [told, "No comment.", again])
    corpus, out = tmp_path / "corpus", tmp_path / "pairs"
    made = bench("train", "corpus", "--recipe", "A", "--data", "demo", "--model", model, "--budget", 300, "-o", corpus)
    assert made.code == 0, made.err
    words = ["--corpus", corpus, "--data", "demo", "--samples", 4, "--model", model, "--param", "max_new_tokens=8"]
    # The successors' logits differ from the others' by about eight: at 0.2 nothing else is ever said.
    words += ["--temperature", 0.2, "--ratio", 100, "--weights", "confidence=1"]
    done = bench("train", "pairs", "-o", out, *words)
    assert done.code == 0, done.err
    wanted = json.loads((corpus / "corpus.json").read_text())
    runs = [json.loads((out / "samples" / f"seed-{seed}" / "run.json").read_text()) for seed in (42, 43, 44, 45)]
    for run in runs:
        assert run["reviewer"]["prompt"]["sha256"] == wanted["prompt"]["sha256"]
        assert (run["reviewer"]["budget_tokens"], run["reviewer"]["token_counter"]) == (300, "chars3")
    pairs = read_pairs(out, None)
    assert pairs.rows
    for row in pairs.rows:
        assert row["chosen"][0]["content"] == told
        assert row["rejected"][0]["content"] in ("No comment.", again)
    before = {path: path.read_bytes() for path in out.rglob("predictions.jsonl")}
    assert bench("train", "pairs", "-o", out, *words).code == 0
    assert {path: path.read_bytes() for path in out.rglob("predictions.jsonl")} == before
