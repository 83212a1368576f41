"""A matching corpus says by construction what makes the same point."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Contract
from bioreview_bench.errors import InputError
from bioreview_bench.validity.corpus import read_corpus
from bioreview_bench.validity.judgements import SAME

JACCARD = Contract.load("jaccard")
ROW = {"article_id": "elife:1", "concern_id": "elife:1:R1C2", "restated": ["one", "two"], "near_miss": ["three"]}
PAPER = {
    "paper": "n1",
    "sentences": ["A sentence."],
    "concerns": [{"reference": "The first concern.", "hurried": ["x"], "stock": ["y"]}],
}


@pytest.fixture
def articles(make_article: Callable[..., Any]) -> list[Any]:
    figure = {"concern_text": "Panel b is too dark.", "category": "figure_issue"}
    return [make_article("elife:1", ["The first concern.", "The second concern.", figure])]


def test_texts_of_one_kind_are_so_many_reviewers(write_jsonl: Callable[..., Path], articles: list[Any]) -> None:
    first = {"article_id": "elife:1", "concern_id": "elife:1:R1C1", "restated": ["zero"]}
    excluded = {"article_id": "elife:1", "concern_id": "elife:1:R1C3", "restated": ["dark"]}
    corpus = read_corpus(write_jsonl([ROW, first, excluded], "c.jsonl"), articles)
    shown = [(sheet.question.reviewer, sheet.question.texts, sheet.gold.tolist()) for sheet in corpus.sheets(JACCARD)]
    assert shown == [
        ("restated", ("zero", "one"), [[SAME, 0], [0, SAME]]),
        ("restated", ("two",), [[0, SAME]]),
        ("near_miss", ("three",), [[0, 0]]),
    ]
    assert corpus.file.n_texts == 5


def test_an_invented_paper_brings_its_own_references(write_jsonl: Callable[..., Path]) -> None:
    corpus = read_corpus(write_jsonl([PAPER]), [])
    (article,) = corpus.articles
    assert (article.id, article.abstract, article.concerns[0].text) == (
        "invented:n1",
        "A sentence.",
        "The first concern.",
    )
    assert [(sheet.question.reviewer, sheet.gold.tolist()) for sheet in corpus.sheets(JACCARD)] == [
        ("hurried", [[SAME]]),
        ("stock", [[0]]),
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (ROW | {"article_id": "elife:2"}, 'unknown article id "elife:2" (the nearest known one is "elife:1")'),
        (ROW | {"concern_id": "elife:1:R1C8"}, 'unknown concern id "elife:1:R1C8"'),
        (ROW | {"concern_id": None}, "must be strings"),
        (ROW | {"restated": "one"}, "restated must be an array, this is a string"),
        (ROW | {"restated": ["one", " "]}, "restated must hold strings that are not blank"),
        (ROW, 'a second row about "elife:1:R1C2"'),
        (PAPER | {"sentences": None}, "sentences must be an array of strings"),
        (PAPER | {"concerns": [1]}, "concerns an array of objects"),
        (PAPER | {"concerns": [{"reference": "short"}]}, "concern_text: String should have at least 10 characters"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(
    row: dict[str, Any], said: str, write_jsonl: Callable[..., Path], articles: list[Any]
) -> None:
    with pytest.raises(InputError) as caught:
        read_corpus(write_jsonl([ROW, json.dumps(row)]), articles)
    assert [problem.line for problem in caught.value.problems] == [2]
    assert said in caught.value.problems[0].message


def test_an_empty_corpus_is_refused(write_jsonl: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="has no rows"):
        read_corpus(write_jsonl([""]), [])
