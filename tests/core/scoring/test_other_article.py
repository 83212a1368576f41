"""The other-article control: who is whose donor, and what matches by chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bioreview_bench import Article, Contract, Result, score
from bioreview_bench.scoring.other_article import offsets

CUSTOM = replace(Contract.load("demo"), threshold=0.3, name="custom")


def row(result: Result, article_id: str) -> dict[str, Any]:
    return next(article for article in result.to_dict()["articles"] if article["id"] == article_id)


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (1, []),
        (2, [1]),
        (3, [1, 2]),
        (21, list(range(1, 21))),
        (40, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38]),
    ],
)
def test_offsets(n: int, expected: list[int]) -> None:
    assert offsets(n, 20) == expected


def test_fewer_offsets_when_the_contract_asks_for_fewer() -> None:
    # j * 9 // 3 for j = 1, 2.
    assert offsets(9, 2) == [3, 6]


def test_versions_of_one_manuscript_lend_each_other_nothing(
    make_article: Callable[..., Any], hash_encoder: Any
) -> None:
    same, other = "Too few animals were used.", "The statistics are not described."
    articles = [
        make_article("f1000:10.12688_f1000research.5.1", [same], doi="10.12688/f1000research.5.1"),
        make_article("f1000:10.12688_f1000research.5.2", [same], doi="10.12688/F1000Research.5.2"),
        make_article("f1000:10.12688_f1000research.6.1", [other], doi="10.12688/f1000research.6.1"),
    ]
    predictions = {articles[0].id: [same], articles[1].id: [same, other], articles[2].id: [other]}
    result = score(articles, predictions, CUSTOM, hash_encoder, draws=0)
    # The first could only match the second's prediction, which is its own; the third borrows from both.
    assert row(result, articles[0].id)["null_matched"] == 0
    assert row(result, articles[2].id)["null_matched"] == 0.5
    assert row(result, articles[2].id)["null_ceiling"] == 1
    assert result.record.controls.n_without_donor == 0


def test_a_source_with_one_article_has_no_donor(make_article: Callable[..., Any], hash_encoder: Any) -> None:
    text = "Too few animals were used."
    articles = [make_article(name, [text]) for name in ("elife:1", "elife:2", "plos:1")]
    result = score(articles, {article.id: [text] for article in articles}, CUSTOM, hash_encoder, draws=0)
    assert [article["has_donor"] for article in result.to_dict()["articles"]] == [True, True, False]
    # plos:1 is matched, and stands in the headline, but not beside the null of the others.
    assert result.record.controls.match_rate == 1
    assert result.record.controls.null_matched == 2
    assert result.record.controls.n_without_donor == 1


def test_null_is_zero_and_rates_are_undefined_when_nothing_has_a_donor(
    make_article: Callable[..., Any], hash_encoder: Any
) -> None:
    articles = [make_article(name, ["Too few animals were used."]) for name in ("elife:1", "plos:1")]
    found = score(articles, {"elife:1": ["Some comment."]}, CUSTOM, hash_encoder, draws=0).to_dict()["controls"]
    assert (found["null_matched"], found["n_without_donor"]) == (0, 2)
    assert {found[name] for name in ("null_f1", "match_rate", "null_match_rate", "skill")} == {None}
    assert found["saturated"] is False


def most_pairs(eligible: list[list[bool]]) -> int:
    """The largest one-to-one matching, by trying every column for every row."""
    if not eligible:
        return 0
    first, rest = eligible[0], eligible[1:]
    found = most_pairs(rest)
    for column, allowed in enumerate(first):
        if allowed:
            found = max(found, 1 + most_pairs([row[:column] + row[column + 1 :] for row in rest]))
    return found


def naive_null(articles: list[Article], predictions: dict[str, list[str]], vectors: dict[str, Any]) -> dict[str, Any]:
    """[null matched, null ceiling] by article id, straight from the scoring specification."""
    found: dict[str, Any] = {}
    for article in articles:
        group = sorted((other for other in articles if other.source == article.source), key=lambda other: other.id)
        n, place = len(group), group.index(article)
        shifts = sorted({max(1, j * n // 21) for j in range(1, 21)}) if n > 1 else []
        references = [concern.concern_text for concern in article.concerns if not concern.requires_figure_reading]
        counts = []
        for shift in shifts:
            donor = group[(place + shift) % n]
            if donor.doi == article.doi:
                continue
            lent = predictions[donor.id]
            eligible = [[bool(vectors[text] @ vectors[reference] >= 0.3) for reference in references] for text in lent]
            counts.append([most_pairs(eligible), min(len(references), len(lent))])
        found[article.id] = np.mean(counts, axis=0).tolist() if counts else [0, 0]
    return found


@pytest.mark.parametrize("seed", range(8))
def test_null_counts_equal_a_naive_reimplementation(
    seed: int, make_article: Callable[..., Any], table_encoder: type
) -> None:
    random = np.random.default_rng(seed)
    vectors: dict[str, Any] = {}

    def texts(prefix: str, most: int) -> list[str]:
        names = [f"{prefix} number {number}" for number in range(random.integers(0, most + 1))]
        for name in names:
            vector = random.standard_normal(4)
            vectors[name] = (vector / np.linalg.norm(vector)).astype(np.float32)
        return names

    articles, predictions = [], {}
    for source, n in (("elife", 25), ("plos", 4), ("peerj", 1)):
        for number in range(n):
            name = f"{source}:{number}"
            concerns = [
                {"concern_text": text, "requires_figure_reading": bool(random.random() < 0.2)}
                for text in texts(f"reference {name}", 4)
            ]
            # Few DOIs, so that families of several articles arise.
            articles.append(make_article(name, concerns, doi=f"10.1/{random.integers(0, 12)}"))
            predictions[name] = texts(f"prediction {name}", 4)
    articles = [articles[position] for position in random.permutation(len(articles))]
    result = score(articles, predictions, CUSTOM, table_encoder(vectors), draws=0)
    found = {
        article["id"]: [article["null_matched"], article["null_ceiling"]] for article in result.to_dict()["articles"]
    }
    expected = naive_null(articles, predictions, vectors)
    assert sum(matched for matched, _ in expected.values()) > 5
    assert set(found) == set(expected)
    for name, counts in expected.items():
        assert found[name] == pytest.approx(counts, abs=1e-9), name
    assert result.record.controls.null_matched == pytest.approx(sum(matched for matched, _ in expected.values()))
