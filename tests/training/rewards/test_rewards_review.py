"""Rewards of reviews on real articles: what has not judged the paper never earns more than an honest short review."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Contract, load_split
from bioreview_bench.data.sentences import echo, sentences
from bioreview_bench.data.split import Split
from bioreview_bench.errors import DataError, InputError
from bioreview_bench.llm.text.prompt import Prompt
from bioreview_bench.training.rewards.composer import RewardComposer
from bioreview_bench.training.rewards.references import CachedVectorizer, References
from bioreview_bench.training.rewards.review import ReviewReward

FULL = {"groundedness": 0.5, "coverage": 0.3, "confidence": 0.2}
SILENT = {"groundedness": 0.65, "coverage": 0.35}


class Remembering(CachedVectorizer):
    """Remembers completions too: the tests below write the same texts again and again."""

    def new(self, texts: Any) -> Any:
        return self.known(texts)


class Uncached(CachedVectorizer):
    """An encoder of the test's own; no cache sees its vectors."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder

    def known(self, texts: Any) -> Any:
        return self._encoder.encode(list(texts))

    new = known


def answer(concerns: list[Any]) -> str:
    return json.dumps({"concerns": concerns})


def labelled(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "category": "design_flaw", "severity": "major", **more}


@pytest.fixture(scope="module")
def pilot(shared: Path) -> Any:
    """Every third train article: what is asserted here was seen to hold on all eighteen, which takes two minutes."""
    whole = load_split(shared / "data" / "elife_pilot", "train")
    return Split.of(whole[::3], whole.data, whole.name)


@pytest.fixture(scope="module")
def written(shared: Path) -> Callable[[str], dict[str, list[dict[str, Any]]]]:
    def read(name: str) -> dict[str, list[dict[str, Any]]]:
        path = shared / "data" / "elife_pilot" / "predictions" / f"{name}.jsonl"
        return {row["article_id"]: row["concerns"] for row in map(json.loads, path.read_text().splitlines())}

    return read


@pytest.fixture
def reward(pilot: Any, minilm: None, warm: Path) -> Callable[[dict[str, float]], ReviewReward]:
    def make(weights: dict[str, float]) -> ReviewReward:
        contract = Contract.load("reader")
        vectorizer = Remembering(contract)
        references = References(pilot, contract, Contract.load("v3"), vectorizer)
        return ReviewReward(references, vectorizer, RewardComposer(weights))

    return make


def attacks(article: Any, honest: list[Any], boilerplate: list[Any], prompt: str) -> dict[str, str]:
    """Completions that have not judged the paper, by name."""
    stock = [labelled(f"In this manuscript, {one['text'][0].lower()}{one['text'][1:]}") for one in boilerplate]
    return {
        "nothing": "",
        "empty list": answer([]),
        "boilerplate": answer(boilerplate),
        "boilerplate dressed up": answer(stock),
        "echo": answer([labelled(sentence) for sentence in echo(article)]),
        "echo of strings": answer(echo(article)),
        "echo with a preface": answer([labelled(f"The authors write: {sentence}") for sentence in echo(article)]),
        "the paper": "\n".join(sentences(article)[:40]),
        "the prompt": prompt,
        "the prompt as a concern": answer([labelled(prompt)]),
        "the title": answer([labelled(article.title)]),
    }


@pytest.mark.parametrize("weights", [SILENT, FULL], ids=["no confidence asked", "confidence asked"])
def test_nothing_that_did_not_judge_the_paper_earns_more_than_a_short_paraphrase(
    pilot: Any, written: Any, reward: Any, weights: dict[str, float]
) -> None:
    scorer = reward(weights)
    honest, stock = written("paraphrase"), written("generic")
    ahead = 0
    compared = [article_id for article_id in scorer.references.ids if honest.get(article_id)]
    for article in pilot:
        if article.id not in compared:
            continue
        sure = [{**concern, "confidence": 0.5} for concern in honest[article.id][:3]]
        doubtful = [{**concern, "confidence": 0.0} for concern in stock[article.id]]
        prompt = "\n".join(part["content"] for part in Prompt.load("objects-v1").render(article.abstract))
        tried = attacks(article, sure, doubtful, prompt)
        found = scorer.score(article.id, [answer(sure), *tried.values()], prompt)
        own, others = found[0].total, {name: one.total for name, one in zip(tried, found[1:], strict=True)}
        best = max(others, key=others.get)
        assert others[best] < own, (article.id, best, own, others[best])
        ahead += found[0].components["groundedness"] > 0
    assert ahead > len(compared) / 2  # groundedness tells them apart, not form alone (of all 18: 16 times)


@pytest.mark.parametrize("weights", [SILENT, FULL], ids=["no confidence asked", "confidence asked"])
def test_padding_and_repetition_never_raise_the_reward(
    pilot: Any, written: Any, reward: Any, weights: dict[str, float]
) -> None:
    scorer = reward(weights)
    honest, stock = written("paraphrase"), written("generic")
    for article in pilot:
        if article.id not in scorer.references.ids or not honest.get(article.id):
            continue
        short = [{**concern, "confidence": 0.5} for concern in honest[article.id][:3]]
        filler = [labelled(sentence, confidence=0.0) for sentence in sentences(article)]
        many = (filler * 10)[: 9 * len(short)]
        tried = {
            "10 x by copying": answer(short + many),
            "10 x by stock": answer(short + (stock[article.id] * 5)[: 9 * len(short)]),
            "10 x by other articles": answer(short + [c for other in pilot for c in honest.get(other.id, [])
                                                      if other.id != article.id][: 9 * len(short)]),
            "each one ten times": answer([concern for concern in short for _ in range(10)]),
            "each ten times as long": answer(
                [{**one, "text": " ".join([one["text"], *sentences(article)[:9]])} for one in short]
            ),
        }  # fmt: skip
        found = scorer.score(article.id, [answer(short), *tried.values()])
        for name, composed in zip(tried, found[1:], strict=True):
            assert composed.total < found[0].total, (article.id, name)


def test_a_careful_reader_cut_to_three_concerns_earns_at_least_what_every_attack_does(
    pilot: Any, written: Any, reward: Any
) -> None:
    """On average: of single papers a careful reader may name nothing that these reviewers named."""
    scorer = reward(SILENT)
    honest, stock = written("close_reader"), written("generic")
    earned: dict[str, list[float]] = {}
    for article in pilot:
        if article.id not in scorer.references.ids or not honest.get(article.id):
            continue
        prompt = "\n".join(part["content"] for part in Prompt.load("objects-v1").render(article.abstract))
        short = honest[article.id][:3]
        tried = attacks(article, short, stock[article.id], prompt)
        found = scorer.score(article.id, [answer(short), *tried.values()], prompt)
        for name, one in zip(("reader", *tried), found, strict=True):
            earned.setdefault(name, []).append(one.total)
    own = sum(earned.pop("reader"))
    assert own > 0
    assert {name: sum(values) for name, values in earned.items() if sum(values) > own / 10} == {}


def test_praise_around_true_concerns_earns_nothing(pilot: Any, written: Any, reward: Any) -> None:
    scorer = reward(SILENT)
    honest = written("paraphrase")
    praises = [
        "This is an excellent study. {}",
        "The authors have convincingly ruled out the following worry: {}",
        "{} In short, a triumph.",
        "If only all papers were like this one! {}",
        "Reads like a thriller. {}",
        "{} Gr\u00e2ce \u00e0 eux, on comprend tout.",
        "\U0001f947 {}",
        "19/20. {}",
        "There is no longer anyone who would doubt the contrary of this: {}",
        "{} But no one should lose any sleep over it.",
    ]
    for article_id in scorer.references.ids[:2]:
        said = honest[article_id]
        turned = [answer([{**one, "text": praise.format(one["text"])} for one in said]) for praise in praises]
        plain, *found = scorer.score(article_id, [answer(said), *turned])
        assert plain.total > 0
        assert {praise: one.total for praise, one in zip(praises, found, strict=True) if one.total} == {}


def test_praise_that_is_worded_anew_for_each_concern_earns_next_to_nothing(
    pilot: Any, written: Any, reward: Any
) -> None:
    scorer = reward(SILENT)
    honest = written("paraphrase")
    praise = ["Reads like a thriller.", "Gr\u00e2ce \u00e0 eux, on comprend tout.", "A bestseller!", "Encore!",
              "My wife adored it.", "Ten points.", "I hereby bow.", "\U0001f947", "Oscar!", "Jackpot."]  # fmt: skip
    earned, plain = 0.0, 0.0
    for article_id in scorer.references.ids:
        said = honest.get(article_id, [])
        turned = [{**one, "text": f"{praise[n % 10]} {one['text']}"} for n, one in enumerate(said)]
        found = scorer.score(article_id, [answer(said), answer(turned)])
        plain, earned = plain + found[0].total, earned + found[1].total
    assert earned < plain / 10


def test_a_concern_of_praise_behind_each_true_one_costs_all(pilot: Any, written: Any, reward: Any) -> None:
    scorer = reward(SILENT)
    article_id = scorer.references.ids[0]
    said = written("paraphrase")[article_id]
    behind = [labelled(f"The point about item {n} has been settled by the team.") for n in range(len(said))]
    pairs = [each for pair in zip(said, behind, strict=True) for each in pair]
    plain, turned = scorer.score(article_id, [answer(said), answer(pairs)])
    assert turned.total == 0 < plain.total


def test_more_of_the_references_found_is_worth_more(pilot: Any, written: Any, reward: Any) -> None:
    scorer = reward(SILENT)
    honest = written("paraphrase")
    totals = [
        [one.total for one in scorer.score(article_id, [answer(honest[article_id][:k]) for k in (1, 3, 30)])]
        for article_id in scorer.references.ids
        if len(honest.get(article_id, [])) >= 6
    ]
    means = [sum(column) / len(totals) for column in zip(*totals, strict=True)]
    assert means == sorted(means)


def test_concerns_for_another_article_are_not_grounded(pilot: Any, written: Any, reward: Any) -> None:
    scorer = reward({"groundedness": 1.0})
    own, others = written("paraphrase"), written("shuffled")
    ids = [article_id for article_id in scorer.references.ids if own.get(article_id) and others.get(article_id)]
    earned = [[one.total for one in scorer.score(i, [answer(own[i]), answer(others[i])])] for i in ids]
    mine, theirs = (sum(column) / len(ids) for column in zip(*earned, strict=True))
    assert theirs < 0.02 < mine


def test_what_the_board_scores_with_is_refused(pilot: Any) -> None:
    board = Contract.load("demo")
    moved = dataclasses.replace(board, threshold=0.6, null=7, name="mine")
    with pytest.raises(InputError, match="as the board's contract demo does"):
        References(pilot, moved, board, Uncached(None))


def test_references_of_a_split_that_is_not_train_are_refused(shared: Path) -> None:
    split = load_split(shared / "data" / "elife_pilot", "val")
    with pytest.raises(DataError, match="not a train split"):
        References(split, Contract.load("demo-topic"), Contract.load("v3"), Uncached(None))


def test_references_without_labels_are_refused_since_coverage_is_about_labels(make_article: Callable[..., Any]) -> None:
    bare = {"concern_text": "There is no control group.", "category": None}
    split = Split.of([make_article("elife:1", ["A labelled one."]), make_article("elife:2", [bare])], name="train")
    with pytest.raises(DataError, match=r"1 train articles have references without .* the first is elife:2"):
        References(split, Contract.load("demo"), Contract.load("v3"), Uncached(None))


def test_an_article_without_counted_reference_is_refused(reward: Any, pilot: Any) -> None:
    scorer = reward(SILENT)
    with pytest.raises(DataError, match="no counted reference"):
        scorer.score("elife:1", [answer([])])


def test_known_and_new_texts_are_compared_in_one_space(hash_encoder: Any, make_article: Any) -> None:
    """A reference said word for word is worth 1, whatever stands beside it."""
    texts = {
        f"elife:{n}": [
            "no " + " ".join(f"{word}{n}{k}" for word in ("one", "two", "six", "ten", "pig", "cow")) for k in range(4)
        ]
        for n in range(3)
    }
    split = Split.of([make_article(i, held, abstract="x") for i, held in texts.items()], "local", "train")
    contract = dataclasses.replace(Contract.load("demo"), threshold=0.5, name="mine")
    vectorizer = Uncached(hash_encoder)
    references = References(split, contract, Contract.load("v3"), vectorizer)
    scorer = ReviewReward(references, vectorizer, RewardComposer({"groundedness": 1, "coverage": 1, "confidence": 1}))
    said = [labelled(text, confidence=1.0) for text in texts["elife:1"]]
    (all_of_it, half, foreign) = scorer.score(
        "elife:1", [answer(said), answer(said[:2]), answer([labelled(t, confidence=0.0) for t in texts["elife:2"]])]
    )
    names = ("groundedness", "coverage", "confidence", "form")
    assert dict(all_of_it.components) == dict.fromkeys(names, pytest.approx(1))
    # 2 * 2 / (4 + 2); majors 2/4, the one category 1
    assert half.components["groundedness"] == pytest.approx(4 / 6)
    assert half.components["coverage"] == pytest.approx((0.5 + 1) / 2)
    assert dict(foreign.components) == {"groundedness": 0, "coverage": 0, "confidence": 0, "form": 1}
    bare = answer([{"text": one["text"], "confidence": 1.0} for one in said])  # no labels: form 1/2, coverage of majors
    [unlabelled] = scorer.score("elife:1", [bare])
    assert unlabelled.components["form"] == pytest.approx(0.5)
    assert unlabelled.total == pytest.approx(0.5 * (1 + 0.5 + 1) / 3)


def test_form_multiplies_what_is_earned_and_softens_no_loss(hash_encoder: Any, make_article: Any) -> None:
    split = Split.of([make_article("elife:1", ["There is no control for age at all."], abstract="x")], "local", "train")
    contract = dataclasses.replace(Contract.load("demo"), name="mine")
    vectorizer = Uncached(hash_encoder)
    references = References(split, contract, Contract.load("v3"), vectorizer)
    scorer = ReviewReward(references, vectorizer, RewardComposer({"confidence": 1.0}))
    wrong = labelled("The dose was never measured in any of these animals.", confidence=1.0)
    sloppy = {"text": wrong["text"], "confidence": 1.0}
    assert [one.total for one in scorer.score("elife:1", [answer([wrong]), answer([sloppy]), ""])] == [-1, -1, -1]
    with pytest.raises(InputError, match="multiplies its reward and has no weight"):
        ReviewReward(references, vectorizer, RewardComposer({"groundedness": 0.7, "V3": 0.3}))


@pytest.mark.parametrize(
    "completion",
    [
        pytest.param(answer(["no control " + "word " * 2_000_000]), id="10 MB in one concern"),
        pytest.param(answer([f"There is no control number {n} in the paper." for n in range(10_000)]), id="10,000"),
        pytest.param(answer(["no " + "a" + "\u0301\u0316" * 1_000_000]), id="combining marks"),
        pytest.param(answer(["not a " * 300] * 60), id="denials"),
        pytest.param("[" * 10_000_000, id="brackets"),
    ],
)
def test_hostile_completions_are_scored_in_seconds(hash_encoder: Any, make_article: Any, completion: str) -> None:
    split = Split.of([make_article("elife:1", ["There is no control for age."], abstract="x")], "local", "train")
    vectorizer = Uncached(hash_encoder)
    references = References(split, Contract.load("demo"), Contract.load("v3"), vectorizer)
    scorer = ReviewReward(references, vectorizer, RewardComposer(SILENT))
    start = time.process_time()
    [found] = scorer.score("elife:1", [completion])
    assert time.process_time() - start < 10
    assert found.total == 0


def test_weights_of_former_configurations_are_understood_and_unknown_ones_refused(reward: Any) -> None:
    assert dict(reward({"V1": 0.45, "V2": 0.3}).weights) == {"groundedness": 0.45, "coverage": 0.3}
    with pytest.raises(InputError, match="no review reward V5"):
        reward({"V5": 1.0})
    with pytest.raises(InputError, match="two weights"):
        reward({"V1": 1.0, "groundedness": 1.0})
