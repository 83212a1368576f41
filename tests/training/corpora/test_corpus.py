"""Rows of a corpus: the prompt of inference, an answer that the parser reads back, and papers cut for it alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioreview_bench.data.article import Article, Concern
from bioreview_bench.data.load import load_split
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES
from bioreview_bench.errors import InputError
from bioreview_bench.llm.calls.asking import Asking
from bioreview_bench.llm.local.chat import Chat
from bioreview_bench.llm.text.fitting import Chars3, load_counter
from bioreview_bench.llm.text.parser import parse
from bioreview_bench.llm.text.prompt import Prompt
from bioreview_bench.training.corpora.files import read_corpus
from bioreview_bench.training.corpora.make import truncation
from bioreview_bench.training.corpora.recipes import Recipe, SelectedArticle, choose
from bioreview_bench.training.corpora.rows import Builder, Lengths, length_percentiles, target
from bioreview_bench.training.models.chat_templates import as_toml, in_user, recorded

A = Recipe.load("A")
OBJECTS, STRINGS = Prompt.load("objects-v1"), Prompt.load("strings-v1")
PUBLISHED = Prompt.load("published-9b")

_texts = st.text(min_size=10, max_size=80).filter(lambda text: len(text.strip()) >= 10)
_awkward = st.sampled_from(
    ['The "n" is {small}, p < 0.05.', "```json\n[]\n``` is quoted", "<think>is this</think> clear?",
     "1. First\n2. Next",
     "\\alpha \\% and C:\\data", "I cannot find the controls.", "[... cut here ...] \u2028 \u00a0 end"]
)  # fmt: skip
_concerns = st.lists(
    st.builds(
        Concern,
        concern_id=st.just("c"),
        concern_text=_texts | _awkward,
        category=st.sampled_from(CATEGORIES),
        severity=st.sampled_from(SEVERITIES),
        resolution_confidence=st.none() | st.floats(0, 1),
    ),
    min_size=1,
    max_size=6,
)


@given(_concerns)
def test_the_parser_reads_a_target_back_to_the_same_concerns(concerns: list[Concern]) -> None:
    objects = parse(target(concerns, OBJECTS, with_confidence=True))
    expected: list[dict[str, Any]] = []
    for one in concerns:
        fields: dict[str, Any] = {"text": one.text, "category": one.category, "severity": one.severity}
        if one.resolution_confidence is not None:
            fields["confidence"] = one.resolution_confidence
        expected.append(fields)
    assert (list(objects.concerns), objects.status) == (expected, "ok")
    strings = parse(target(concerns, STRINGS, with_confidence=True))
    assert (list(strings.concerns), strings.status) == ([{"text": one.text} for one in concerns], "ok")


def test_a_target_is_laid_out_as_the_prompt_shows(make_article: Callable[..., Article]) -> None:
    [one] = make_article("elife:1", [{"concern_text": "No  control é.", "resolution_confidence": 1}]).concerns
    assert target([one], OBJECTS, with_confidence=True) == (
        '[\n  {"text": "No control é.", "category": "design_flaw", "severity": "major", "confidence": 1.0}\n]'
    )
    assert "confidence" not in target([one], PUBLISHED, with_confidence=False)
    assert target([one, one], STRINGS, with_confidence=True) == '["No control é.", "No control é."]'
    with pytest.raises(InputError, match="form of answer"):
        target([one], Prompt("file:x", "", "{paper}"), with_confidence=True)


def test_the_prompt_is_the_one_that_reviewers_send(shared: Path) -> None:
    articles = load_split(shared / "data/elife_pilot", "train")
    for prompt in (OBJECTS, STRINGS):
        builder = Builder(prompt, A, Chars3(), 3000, Lengths.of_counter(Chars3()))
        rows = builder.rows(choose(articles, A).chosen)
        asking = Asking(prompt, Chars3(), 3000)
        for row, article in zip(rows, articles, strict=True):
            asked = asking.ask(Manuscript.from_article(article))
            assert list(row.messages[:-1]) == list(asked.messages)
            assert (row.n_prompt_tokens, row.fitted.cut) == (asked.n_tokens, asked.notes is not None)
    assert any(row.fitted.cut for row in rows)


@pytest.mark.parametrize("name", ["tiny_qwen3", "tiny_qwen_vl"])
def test_lengths_are_those_of_the_whole_conversation(name: str, request: Any) -> None:
    chat = Chat(request.getfixturevalue(name))
    builder = Builder(OBJECTS, A, load_counter("model", chat.tokenizer), 400, Lengths.of_chat(chat), 16_384)
    article = load_split("demo", "train")[0]
    row = builder.row(choose([article], A).chosen[0])
    messages = [dict(message) for message in row.messages]
    whole = chat.tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True)["input_ids"]
    assert row.n_prompt_tokens + row.n_target_tokens == len(whole)
    assert row.fitted.n_tokens <= 400


def test_a_long_target_takes_room_from_the_paper_and_is_whole_itself(
    make_article: Callable[..., Article], tiny_qwen3: Path
) -> None:
    chat = Chat(tiny_qwen3)
    counter = load_counter("model", chat.tokenizer)
    concerns = [f"Concern {number} about the dose of the drug in mice." for number in range(30)]
    article = make_article("elife:1", concerns, paper_text_sections={"methods": "Mice were given a dose. " * 400})
    chosen = SelectedArticle(article, article.concerns)
    free = Builder(OBJECTS, A, counter, 2000, Lengths.of_chat(chat)).row(chosen)
    assert (free.fitted.n_tokens, free.shortened) == (pytest.approx(2000, abs=20), False)
    most = free.n_prompt_tokens + free.n_target_tokens - 500
    row = Builder(OBJECTS, A, counter, 2000, Lengths.of_chat(chat), most).row(chosen)
    assert row.shortened
    assert most - 60 <= row.n_prompt_tokens + row.n_target_tokens <= most
    assert row.messages[-1] == free.messages[-1]
    assert len(parse(row.messages[-1]["content"]).concerns) == 30
    audit = truncation([free, row])
    assert (audit["papers_cut"], audit["papers_shortened_for_target"], audit["targets_cut"]) == (2, 1, 0)
    assert audit["fits_budget"] == row.fitted.n_tokens
    assert audit["sections_cut"] == {"methods": 2}
    with pytest.raises(InputError, match=r"1 examples cannot be made.*\n.*elife:1: a target of"):
        Builder(OBJECTS, A, counter, 2000, Lengths.of_chat(chat), free.n_target_tokens + 1100).rows([chosen])


@pytest.mark.parametrize("counter", ["model", "chars3"])
def test_no_example_exceeds_the_training_length_by_a_single_token(
    make_article: Callable[..., Article], tiny_qwen3: Path, counter: str
) -> None:
    chat = Chat(tiny_qwen3)
    text = " ".join(f"Mice in group {number} slept {number} hours." for number in range(300))
    article = make_article("elife:1", ["No dose is given."], paper_text_sections={"methods": text})
    chosen = SelectedArticle(article, article.concerns)
    totals = []
    for most in range(2000, 2012):
        row = Builder(OBJECTS, A, load_counter(counter, chat.tokenizer), 9999, Lengths.of_chat(chat), most).row(chosen)
        totals.append(row.n_prompt_tokens + row.n_target_tokens - most)
    assert max(totals) <= 0
    assert min(totals) > -60


def test_percentiles_of_lengths_are_observed_values() -> None:
    found = length_percentiles([(n, 1000 * n) for n in range(1, 101)])
    assert found["prompt"] == {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "p100": 100}
    assert found["target"] == {name: 1000 * value for name, value in found["prompt"].items()}
    assert found["total"] == {name: 1001 * value for name, value in found["prompt"].items()}
    assert length_percentiles([(7, 0)])["prompt"] == {f"p{p}": 7 for p in (50, 90, 95, 99, 100)}
    assert length_percentiles([]) == {"prompt": {}, "target": {}, "total": {}}


def test_the_command_writes_the_same_corpus_twice_and_says_how_it_was_made(
    bench: Callable[..., Any], tiny_qwen3: Path, tmp_path: Path
) -> None:
    command = [
        "train",
        "corpus",
        "--recipe",
        "A",
        "--data",
        "demo",
        "--model",
        tiny_qwen3,
        "--budget",
        1000,
        "--counter",
        "model",
        "--quiet",
    ]
    done = bench(*command, "-o", tmp_path / "one")
    assert (done.code, done.err) == (0, "")
    assert "articles kept" in done.out
    assert "targets cut" in done.out
    again = bench(*command, "-o", tmp_path / "two", "--json")
    manifest = json.loads(again.out)
    for name in ("train.jsonl", "val.jsonl", "corpus.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    import hashlib

    sha = hashlib.sha256((tiny_qwen3 / "tokenizer.json").read_bytes()).hexdigest()
    assert manifest["counter"] == {"name": "model", "tokenizer_sha256": sha}
    assert manifest["prompt"] == {"id": "published-9b", "sha256": PUBLISHED.sha256, "answer": "labels"}
    train = load_split("demo", "train")
    assert manifest["data"]["fingerprint"]["train"] == train.fingerprint
    assert manifest["data"]["verification"] == {"train": "bundled", "val": "bundled"}
    assert (manifest["thinking"], manifest["budget"], manifest["max_length"]) == (False, 1000, 16_384)
    corpus = read_corpus(tmp_path / "one")
    assert [row["article_id"] for row in corpus.train] == [article.id for article in train]
    assert all(row["cut"] for row in corpus.train)
    totals = [row["n_prompt_tokens"] + row["n_target_tokens"] for row in corpus.train]
    assert manifest["lengths"]["train"]["total"]["p50"] == int(np.percentile(totals, 50, method="inverted_cdf"))
    refused = bench(*command, "-o", tmp_path / "one")
    assert (refused.code, "already contains a corpus" in refused.err) == (2, True)


def test_a_corpus_teaches_the_annotation_s_confidence_only_when_a_recipe_says_so(
    bench: Callable[..., Any], tmp_path: Path
) -> None:
    common = ["train", "corpus", "--data", "demo", "--counter", "chars3", "--quiet", "-o"]
    mine = tmp_path / "mine.toml"
    for text, prompt, taught in (
        ("min_confidence = 0.0", "published-9b", False),
        ('target_confidence = "annotated"', "objects-v1", True),
    ):
        mine.write_text(text)
        assert bench(*common, tmp_path / prompt, "--recipe", mine).code == 0
        corpus = read_corpus(tmp_path / prompt)
        assert corpus.manifest["prompt"]["id"] == prompt
        answers = [row["messages"][-1]["content"] for row in corpus.train]
        assert {'"confidence"' in answer for answer in answers} == {taught}
        assert {'"confidence"' in str(row["messages"][:-1]) for row in corpus.train} == {taught}
    refused = bench(*common, tmp_path / "x", "--recipe", "A", "--prompt", "objects-v1")
    assert (refused.code, "asks for a confidence, and the answers of recipe A state none" in refused.err) == (2, True)
    refused = bench(*common, tmp_path / "x", "--recipe", mine, "--prompt", "published-9b")
    assert (refused.code, "asks for none" in refused.err) == (2, True)


def test_a_and_b_are_counted_and_asked_as_published_and_the_next_command_can_be_pasted(
    bench: Callable[..., Any], tmp_path: Path
) -> None:
    out = tmp_path / "my corpora"
    done = bench("train", "corpus", "--recipe", "B", "--data", "demo", "-o", out)
    assert done.code == 0, done.err
    manifest = read_corpus(out).manifest
    assert (manifest["counter"]["name"], manifest["budget"]) == ("chars3", 15_000)
    assert done.out.rstrip().splitlines()[-1] == f"Next: bench train sft qwen3_8b --corpus '{out}' --dry-run"


def test_sharegpt_holds_the_same_turns(bench: Callable[..., Any], tmp_path: Path) -> None:
    common = ["train", "corpus", "--recipe", "B", "--data", "demo", "--counter", "chars3", "--quiet", "-o"]
    assert bench(*common, tmp_path / "m").code == bench(*common, tmp_path / "s", "--format", "sharegpt").code == 0
    messages, sharegpt = read_corpus(tmp_path / "m"), read_corpus(tmp_path / "s")
    names = {"system": "system", "human": "user", "gpt": "assistant"}
    for one, other in zip(messages.train, sharegpt.train, strict=True):
        turns = [{"role": names[turn["from"]], "content": turn["value"]} for turn in other["conversations"]]
        assert turns == one["messages"]
    assert sharegpt.manifest["format"] == "sharegpt"


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        (["--counter", "model"], 2, "no model is named"),
        (["--counter", "chars3", "--thinking"], 2, "belong to a model"),
        (["--counter", "words"], 2, "no token counter"),
        (["--model", "/nowhere/model"], 3, "no folder"),
        (["--counter", "chars3", "--prompt", "reviews-v9"], 2, "no prompt"),
        (["--counter", "chars3", "--max-length", "900"], 2, "6 examples cannot be made"),
        (["--counter", "chars3", "--held-out", "/nowhere/ids.txt"], 2, "no folder /nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_written(
    bench: Callable[..., Any], tmp_path: Path, options: list[str], code: int, reason: str
) -> None:
    done = bench("train", "corpus", "--recipe", "A", "--data", "demo", "-o", tmp_path / "c", *options)
    assert done.code == code
    assert reason in done.err
    assert not (tmp_path / "c").exists()


def test_a_template_without_system_part_gets_it_in_the_user_part(
    bench: Callable[..., Any], tiny_gemma: Path, tmp_path: Path
) -> None:
    common = ["train", "corpus", "--recipe", "A", "--data", "demo", "--model", tiny_gemma, "-o", tmp_path / "c"]
    refused = bench(*common)
    assert (refused.code, "system part" in refused.err, "--system in_user" in refused.err) == (2, True, True)
    assert "no switch for thinking" in bench(*common, "--system", "in_user", "--thinking").err
    assert bench(*common, "--system", "in_user", "--max-length", 8192, "--quiet").code == 0
    corpus = read_corpus(tmp_path / "c")
    user, answer = corpus.train[0]["messages"]
    assert (user["role"], answer["role"]) == ("user", "assistant")
    assert user["content"].startswith(PUBLISHED.system.strip() + "\n\nReview the following biomedical article.")
    assert corpus.manifest["prompt"]["sha256"] == in_user(PUBLISHED).sha256 != PUBLISHED.sha256


def test_a_recorded_prompt_is_made_again_from_the_bundled_ones_alone(tmp_path: Path) -> None:
    moved = in_user(OBJECTS)
    assert recorded(moved.id, moved.sha256) == moved
    assert recorded("objects-v1", OBJECTS.sha256) == OBJECTS
    assert recorded("objects-v1", "0" * 64) is None
    assert recorded("file:mine", "0" * 64) is None
    odd = Prompt("file:odd", 'a "b" \\ \x7f\u2028', "''''{paper}\n\t", "strings")
    for prompt in (moved, odd):
        path = tmp_path / f"{prompt.id.removeprefix('file:')}.toml"
        path.write_text(as_toml(prompt))
        assert Prompt.load(path) == prompt


def test_with_thinking_a_target_begins_with_an_empty_thought(
    bench: Callable[..., Any], tiny_qwen3: Path, tmp_path: Path
) -> None:
    command = ["train", "corpus", "--recipe", "A", "--data", "demo", "--model", tiny_qwen3, "--thinking", "--quiet"]
    assert bench(*command, "-o", tmp_path / "c").code == 0
    corpus = read_corpus(tmp_path / "c")
    answer = corpus.train[0]["messages"][-1]["content"]
    assert answer.startswith("<think>\n\n</think>\n\n[")
    assert parse(answer).status == "ok"
    assert corpus.manifest["thinking"] is True


def test_held_out_articles_stop_the_command_or_are_left_out_by_request(
    bench: Callable[..., Any], tmp_path: Path
) -> None:
    first, second = (article.id for article in load_split("demo", "train")[:2])
    listed = tmp_path / "ids.txt"
    listed.write_text(f"{first}\n{second}\n")
    common = ["train", "corpus", "--recipe", "A", "--data", "demo", "--counter", "chars3", "--held-out", listed]
    done = bench(*common, "-o", tmp_path / "c")
    assert (done.code, first in done.err, second in done.err) == (4, True, True)
    assert bench(*common, "-o", tmp_path / "c", "--drop-held-out", "--quiet").code == 0
    corpus = read_corpus(tmp_path / "c")
    assert not {first, second} & {row["article_id"] for row in corpus.train}
    assert corpus.manifest["filters"]["train"]["articles_held_out"] == 2
