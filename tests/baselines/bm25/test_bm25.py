"""`bm25`: scores as brute force has them, families kept apart, near-copies set back, the same on every run."""

import asyncio
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bioreview_bench.baselines.bm25 import index
from bioreview_bench.baselines.bm25 import index as bm25_index
from bioreview_bench.baselines.bm25 import reviewer as bm25
from bioreview_bench.baselines.bm25.index import paper_text, tokens
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.data.predictions import check_row
from bioreview_bench.errors import DataError, EncoderError, InputError
from bioreview_bench.llm.review import GiveUp, Review

pytest.importorskip("bm25s", reason="bm25s is not installed: pip install 'bioreview-bench[baselines]'")

_FIGURE = {"concern_text": "The zebrafish larvae in figure two are unreadable.", "category": "figure_issue"}


def brute_force(documents: list[list[str]], query: list[str], k1: float = 1.5, b: float = 0.75) -> list[float]:
    """BM25 as it stands in the textbook, with Lucene's idf and without the constant factor k1 + 1."""
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        score = 0.0
        for word in sorted(set(query)):
            df = sum(word in other for other in documents)
            tf = document.count(word)
            idf = math.log(1 + (len(documents) - df + 0.5) / (df + 0.5))
            score += idf * tf / (tf + k1 * (1 - b + b * len(document) / mean))
        scores.append(score)
    return scores


def reviewed(reviewer: Any, manuscript: Manuscript) -> Review:
    review: Review = asyncio.run(reviewer.review(manuscript))
    row = {"article_id": manuscript.id, "concerns": list(review.concerns), "status": review.status}
    assert check_row(row, None)[1] == []
    return review


def texts(review: Review) -> list[str]:
    return [concern["text"] for concern in review.concerns]


@pytest.fixture
def train(make_article: Callable[..., Any]) -> list[Any]:
    return [
        make_article(
            "elife:1",
            [
                {"concern_text": "The larvae were not counted blind.", "category": "design_flaw", "severity": "minor"},
                _FIGURE,
            ],
            doi="10.1/fish",
        ),
        make_article("elife:2", ["The yeast strain is not named.", "The kinase assay lacks a control."]),
        make_article(
            "plos:3", ["Zebrafish larvae of both sexes should be shown.", "THE LARVAE WERE NOT COUNTED BLIND."]
        ),
    ]


@pytest.fixture
def asked(make_article: Callable[..., Any]) -> Any:
    return make_article(
        "elife:9", [], title="Sleep of zebrafish", abstract="Zebrafish larvae were counted.", doi="10.1/x"
    )


def make(train: list[Any], asked: Any, **settings: Any) -> bm25.Bm25Reviewer:
    return bm25.Bm25Reviewer(train, {asked.id: asked.family}, **settings)


def test_tokens_are_lower_cased_runs_of_letters_and_digits() -> None:
    assert tokens("The p53-null Mice (n=12) at 37C, naïve; THE ab", {"the"}) == ["p53", "null", "mice", "37c"]


def test_paper_text_is_cut_after_sections_in_file_order() -> None:
    assert paper_text("T", None, {"b": "body", "a": "next"}, 9) == "T\n\nbody\nn"


def test_scores_equal_brute_force_and_ignore_the_order_of_query_words() -> None:
    random = np.random.default_rng(0)
    words = [f"word{n}" for n in range(30)]
    documents = [list(random.choice(words, random.integers(1, 40))) for _ in range(25)]
    query = [*random.choice(words, 12), "unknown"]
    index = bm25_index.Bm25Index(documents)
    found = index.scores(query)
    assert found.dtype == np.float64
    assert found == pytest.approx(brute_force(documents, query), abs=1e-12)
    assert np.array_equal(found, index.scores([*reversed(query), *query]))
    assert not index.scores(["unknown"]).any()


def test_one_document_by_hand() -> None:
    # N = 1, df = 1: idf = ln(1 + 0.5 / 1.5); tf = 2 of length 2 = mean: 2 / (2 + 1.5).
    assert bm25_index.Bm25Index([["cell", "cell"]]).scores(["cell"]) == pytest.approx([math.log(4 / 3) * 2 / 3.5])


def test_ranking_leaves_out_zero_scores_and_keeps_ties_in_file_order() -> None:
    assert bm25_index.ranked(np.array([1.0, 0.0, 2.0, 1.0, 2.0])) == [2, 4, 0, 3]


def test_relevance_alone_orders_as_brute_force(train: list[Any], asked: Any) -> None:
    reviewer = make(train, asked, weight=1.0)
    stop = reviewer._stop_words
    held = [concern.text for article in train for concern in article.concerns if not concern.figure]
    scores = brute_force([tokens(text, stop) for text in held], tokens(f"{asked.title} {asked.abstract}", stop))
    best = sorted((place for place in range(len(held)) if scores[place] > 0), key=lambda place: (-scores[place], place))
    # The fifth concern is the first in capitals: one concern, with the labels of the first.
    assert texts(reviewed(reviewer, Manuscript.from_article(asked))) == [held[place] for place in best if place != 4]


def test_labels_are_those_of_train_and_figure_concerns_are_never_lent(train: list[Any], asked: Any) -> None:
    review = reviewed(make(train, asked), Manuscript.from_article(asked))
    assert {
        "text": "The larvae were not counted blind.",
        "category": "design_flaw",
        "severity": "minor",
    } in review.concerns
    assert all("figure" not in text for text in texts(review))


def test_another_version_of_the_manuscript_never_lends(train: list[Any], make_article: Callable[..., Any]) -> None:
    version = make_article("elife:8", [], abstract="Zebrafish larvae were counted.", doi="10.1/FISH")
    assert texts(reviewed(make(train, version), Manuscript.from_article(version))) == [
        "Zebrafish larvae of both sexes should be shown.",
        "THE LARVAE WERE NOT COUNTED BLIND.",
    ]


def test_an_article_of_unknown_family_is_refused(train: list[Any], asked: Any) -> None:
    with pytest.raises(GiveUp, match="elife:9"):
        asyncio.run(bm25.Bm25Reviewer(train, {}).review(Manuscript.from_article(asked)))


def test_a_paper_without_shared_words_gets_an_empty_review(train: list[Any], make_article: Callable[..., Any]) -> None:
    for abstract in ("Quasars.", None):
        other = make_article("elife:9", [], abstract=abstract)
        assert reviewed(make(train, other), Manuscript.from_article(other)) == Review((), status="empty")


def test_n_bounds_the_review(train: list[Any], asked: Any) -> None:
    assert len(reviewed(make(train, asked, n=1), Manuscript.from_article(asked)).concerns) == 1


def test_diversity_sets_a_near_copy_back() -> None:
    # Jaccard of the first two: 3 of 5. At 0.7: 0.63 - 0.18 = 0.45 > 0.42; at 0.6: 0.54 - 0.24 = 0.30 < 0.36.
    words = [frozenset("abcd"), frozenset("abce"), frozenset("xy")]
    assert index.select([10, 9, 6], words, 3, 0.7) == [0, 1, 2]
    assert index.select([10, 9, 6], words, 3, 0.6) == [0, 2, 1]
    assert index.select([10, 9, 6], words, 2, 1.0) == [0, 1]


def test_ties_of_the_selection_go_to_the_earlier() -> None:
    assert index.select([1, 1, 1], [frozenset("a"), frozenset("b"), frozenset("c")], 2, 0.7) == [0, 1]
    assert index.select([], [], 5, 0.7) == []
    assert index.jaccard(frozenset(), frozenset()) == 0


def test_the_description_changes_with_anything_that_is_read(train: list[Any], asked: Any) -> None:
    described = [make(train, asked, **settings).describe() for settings in ({}, {"n": 5}, {"weight": 0.5})]
    retitled = [train[0].model_copy(update={"concerns": train[1].concerns}), *train[1:]]
    described.append(make(retitled, asked).describe())
    assert len({repr(one) for one in described}) == 4
    assert described[0] == make(train, asked).describe()
    assert described[0]["leaky"] is False
    assert described[0]["libraries"]["bm25s"]


def test_impossible_settings_and_empty_train_are_refused(
    train: list[Any], asked: Any, make_article: Callable[..., Any]
) -> None:
    for settings in ({"n": 0}, {"weight": 1.5}, {"weight": float("nan")}):
        with pytest.raises(InputError):
            make(train, asked, **settings)
    with pytest.raises(DataError, match="usable concern"):
        make([make_article("elife:1", [_FIGURE])], asked)
    with pytest.raises(DataError, match="word"):
        bm25_index.Bm25Index([[], []])


def test_a_missing_library_says_what_to_install(train: list[Any], asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bm25_index, "find_spec", lambda name: None)
    with pytest.raises(EncoderError, match=r"\[baselines\]"):
        make(train, asked)
