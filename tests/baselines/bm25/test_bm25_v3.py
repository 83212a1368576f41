"""`bm25-v3`: the published recipe, against a brute-force version of it."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bioreview_bench.baselines.bm25 import bm25_v3
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import DataError

pytest.importorskip("bm25s", reason="bm25s is not installed: pip install 'bioreview-bench[baselines]'")


def review(train: list[Any], asked: Any) -> list[str]:
    found = asyncio.run(bm25_v3.Bm25V3Reviewer(train).review(Manuscript.from_article(asked)))
    return [concern["text"] for concern in found.concerns]


def words_of(article: Any) -> list[str]:
    text = " ".join([article.title or "", article.abstract or "", *article.sections.values()])
    lowered = "".join(char if char.isalnum() else " " for char in text.lower()).split()
    return [word for word in lowered if len(word) > 2 and word not in bm25_v3.STOP_WORDS]


def brute_force(train: list[Any], asked: Any) -> list[str]:
    documents = [words_of(article) for article in train]
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        total = 0.0
        for word in sorted(set(words_of(asked))):
            df = sum(word in other for other in documents)
            tf = document.count(word)
            total += (
                math.log(1 + (len(train) - df + 0.5) / (df + 0.5))
                * tf
                / (tf + 1.5 * (0.25 + 0.75 * len(document) / mean))
            )
        scores.append(total)
    best = sorted(range(len(train)), key=lambda place: (-scores[place], place))[:8]
    weights: Counter[str] = Counter()
    for rank, place in enumerate(best, start=1):
        if train[place].id != asked.id and scores[place] > 0:
            for concern in train[place].concerns:
                weights[concern.text] += scores[place] / rank
    return sorted(weights, key=lambda text: (-weights[text], text))[:12]


@pytest.fixture
def train(make_article: Callable[..., Any]) -> list[Any]:
    random = np.random.default_rng(7)
    vocabulary = [f"gene{n}" for n in range(40)] + ["the", "with", "of", "p5"]
    articles = []
    for n in range(20):
        concerns = [f"Concern {k} of the reviewers." for k in random.permutation(60)[: random.integers(1, 5)]]
        articles.append(
            make_article(
                f"elife:{n}",
                [{"concern_text": text, "category": "figure_issue" if n % 3 == 0 else "other"} for text in concerns],
                title=" ".join(random.choice(vocabulary, 4)),
                abstract=" ".join(random.choice(vocabulary, 20)),
                paper_text_sections={"methods": " ".join(random.choice(vocabulary, random.integers(5, 60)))},
            )
        )
    return articles


def test_the_recipe_equals_brute_force(train: list[Any], make_article: Callable[..., Any]) -> None:
    for n in range(6):
        asked = make_article(f"plos:{n}", [], title=f"gene{n} gene{n} gene{n + 1}", abstract=f"gene{30 + n} with gene2")
        assert review(train, asked) == brute_force(train, asked)
    for asked in train[:8]:
        assert review(train, asked) == brute_force(train, asked)


def test_the_article_itself_is_dropped_after_the_cut_and_keeps_its_rank(make_article: Callable[..., Any]) -> None:
    lenders = [make_article(f"elife:{n}", [f"Concern of lender {n}."], abstract="sleep " * (20 - n)) for n in range(10)]
    own = lenders[0]
    scores = bm25_v3.Bm25V3Reviewer(lenders)._documents[1].scores(["sleep"])
    assert list(np.argsort(-scores, kind="stable")) == list(range(10))
    # Ranks 2 to 8 are left: the ninth document does not move up.
    assert review(lenders, own) == [f"Concern of lender {n}." for n in range(1, 8)]


def test_weights_are_score_over_rank_and_add_up_over_documents(make_article: Callable[..., Any]) -> None:
    # Equal scores s: "Shared" weighs s/2 + s/3, more than s/2 alone but less than s.
    lenders = [
        make_article("elife:1", ["First in rank."], abstract="sleep"),
        make_article("elife:2", ["Shared  concern.", "Another of the second."], abstract="sleep"),
        make_article("elife:3", ["Shared concern."], abstract="sleep"),
    ]
    asked = make_article("elife:9", [], abstract="sleep")
    assert review(lenders, asked) == ["First in rank.", "Shared concern.", "Another of the second."]


def test_equal_weights_are_ordered_by_text_and_twelve_are_kept(make_article: Callable[..., Any]) -> None:
    lender = make_article("elife:1", [f"Concern number {n:02d}." for n in range(15, 0, -1)], abstract="sleep")
    asked = make_article("elife:9", [], abstract="sleep")
    assert review([lender], asked) == [f"Concern number {n:02d}." for n in range(1, 13)]


def test_it_leaks_what_bm25_does_not(make_article: Callable[..., Any]) -> None:
    figure = {"concern_text": "The legend of figure two is unreadable.", "category": "figure_issue"}
    first = make_article(
        "f1000:10.12688_f1000research.1.1", [figure], abstract="sleep", doi="10.12688/f1000research.1.1"
    )
    second = make_article("f1000:10.12688_f1000research.1.2", [], abstract="sleep", doi="10.12688/f1000research.1.2")
    assert review([first], second) == ["The legend of figure two is unreadable."]
    assert bm25_v3.Bm25V3Reviewer([first]).describe()["leaky"] is True


def test_text_beyond_forty_thousand_characters_is_not_read(make_article: Callable[..., Any]) -> None:
    near = make_article("elife:1", ["Within the limit."], abstract="x " * 19_990 + "sleep")
    far = make_article("elife:2", ["Beyond the limit."], abstract="x " * 20_000 + "sleep wake")
    asked = make_article("elife:9", [], abstract="sleep wake")
    assert review([near, make_article("elife:3", ["Of another topic."], abstract="yeast"), far], asked) == [
        "Within the limit."
    ]


def test_an_article_without_words_gets_an_empty_review(train: list[Any], make_article: Callable[..., Any]) -> None:
    found = asyncio.run(bm25_v3.Bm25V3Reviewer(train).review(Manuscript.from_article(make_article("plos:1", []))))
    assert (found.concerns, found.status) == ((), "empty")


def test_train_without_concerns_or_words_is_an_error(make_article: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match="concern"):
        bm25_v3.Bm25V3Reviewer([make_article("elife:1", [], abstract="sleep")])
    with pytest.raises(DataError, match="word"):
        review([make_article("elife:1", ["A concern of a reviewer."])], make_article("elife:9", [], abstract="sleep"))
