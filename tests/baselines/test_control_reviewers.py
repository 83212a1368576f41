"""Control reviewers write what the core's controls write, as far as a Manuscript shows it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bioreview_bench.baselines import control_reviewers, registry
from bioreview_bench.baselines.options import RunOptions
from bioreview_bench.baselines.registry import Job
from bioreview_bench.controls.lexical import neighbour, random_train
from bioreview_bench.controls.reviewers import GENERIC_CONCERNS
from bioreview_bench.data.load import load_split
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.data.sentences import echo
from bioreview_bench.llm.review import GiveUp, Review

CANARY = "The decision letter of the editors says that this paper is a canary sentence."


def written(reviewer: Any, article: Any) -> list[str]:
    review: Review = asyncio.run(reviewer.review(Manuscript.from_article(article)))
    assert review.status == ("ok" if review.concerns else "empty")
    return [concern["text"] for concern in review.concerns]


def test_all_four_equal_the_core_on_the_demo_articles() -> None:
    articles, train = load_split("demo", "test"), load_split("demo", "train")
    expected = {
        "generic": {article.id: list(GENERIC_CONCERNS) for article in articles},
        "echo": {article.id: echo(article) for article in articles},
        "neighbour": neighbour(articles, train),
        "random-train": random_train(articles, train),
    }
    assert set(expected) == {entry.name for entry in control_reviewers.REVIEWERS}
    for name, rows in expected.items():
        reviewer: Any = registry.find(name).build(Job(RunOptions(name, data="demo", split="test"), articles.articles))
        assert {article.id: written(reviewer, article) for article in articles} == rows
        assert reviewer.name == reviewer.describe()["model"] == name


def test_echo_never_copies_a_withheld_section(make_article: Callable[..., Any]) -> None:
    body = "Zebrafish larvae sleep at night and swim by day, as we show here."
    article = make_article("elife:1", [], paper_text_sections={"results": body, "Decision letter": CANARY})
    assert echo(article) == [body, CANARY]
    assert written(control_reviewers.echo_reviewer(), article) == [body]


def test_echo_of_an_article_without_sentences_is_empty(make_article: Callable[..., Any]) -> None:
    assert written(control_reviewers.echo_reviewer(), make_article("elife:1", [], abstract="Short.")) == []


def test_neighbour_never_searches_with_a_withheld_section(make_article: Callable[..., Any]) -> None:
    train = [
        make_article("elife:1", ["The larvae were not counted."], abstract="Zebrafish larvae sleep."),
        make_article("elife:2", ["The canary was not fed."], abstract="Canary editors letter decision."),
    ]
    asked = make_article("elife:9", [], abstract="Zebrafish sleep.", paper_text_sections={"Decision letter": CANARY})
    assert neighbour([asked], train)["elife:9"] == ["The canary was not fed."]
    assert written(control_reviewers.neighbour_reviewer([asked], train), asked) == ["The larvae were not counted."]


def test_the_own_family_never_lends(make_article: Callable[..., Any]) -> None:
    train = [
        make_article("f1000:10.12688_f1000research.1.1", ["Of the first version."], doi="10.12688/f1000research.1.1",
                     abstract="Zebrafish larvae sleep."),
        make_article("elife:2", ["Of another manuscript."], abstract="Yeast kinases."),
    ]  # fmt: skip
    asked = make_article(
        "f1000:10.12688_f1000research.1.2", [], doi="10.12688/F1000Research.1.2", abstract="Zebrafish larvae sleep."
    )
    for kind in (control_reviewers.neighbour_reviewer, control_reviewers.random_train_reviewer):
        assert written(kind([asked], train), asked) == ["Of another manuscript."]


def test_an_article_that_was_not_announced_is_refused(make_article: Callable[..., Any]) -> None:
    train = [make_article("elife:1", ["The larvae were not counted."], abstract="Zebrafish larvae sleep.")]
    reviewer = control_reviewers.neighbour_reviewer([], train)
    with pytest.raises(GiveUp, match="elife:9"):
        written(control_reviewers.random_train_reviewer([], train), make_article("elife:9", []))
    assert reviewer.describe()["train"]["n_articles"] == 1


def test_the_seed_is_part_of_the_description_and_of_the_draw(make_article: Callable[..., Any]) -> None:
    train = [make_article(f"elife:{n}", [f"Concern of lender {n}."]) for n in range(50)]
    asked = make_article("plos:9", [])
    one, two = (control_reviewers.random_train_reviewer([asked], train, seed) for seed in (1, 2))
    assert one.describe() != two.describe()
    assert written(one, asked) != written(two, asked)
