"""The bundled demo data are small, but they contain every case that scoring distinguishes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import bioreview_bench.data.demo as demo
from bioreview_bench import load_split, read_predictions
from bioreview_bench.data.vocabulary import CATEGORIES, OUTCOMES, SEVERITIES, SOURCES

SPLITS = ("train", "val", "test")
PREDICTIONS = Path(str(demo.__file__)).parent / "predictions"


def outcomes(name: str) -> Counter[str]:
    test = load_split("demo", "test")
    rows = read_predictions(PREDICTIONS / f"{name}.jsonl", test)
    return Counter(rows[article.id].outcome if article.id in rows else "missing" for article in test)


def test_splits_have_6_6_and_12_articles_that_are_nowhere_else() -> None:
    assert [len(load_split("demo", split)) for split in SPLITS] == [6, 6, 12]
    assert len({article.id for article in load_split("demo", "all")}) == 24


@pytest.mark.parametrize("split", SPLITS)
def test_every_label_and_source_occurs_in_every_split(split: str) -> None:
    articles = load_split("demo", split)
    concerns = [concern for article in articles for concern in article.concerns]
    assert {concern.category for concern in concerns} == set(CATEGORIES)
    assert {concern.severity for concern in concerns} == set(SEVERITIES)
    assert {article.source for article in articles} == set(SOURCES)


def test_every_article_has_3_to_9_concerns_a_title_and_text() -> None:
    for article in load_split("demo", "all"):
        assert 3 <= len(article.concerns) <= 9, article.id
        assert article.title, article.id
        assert article.abstract, article.id
        assert article.sections, article.id


def test_exactly_one_article_has_no_usable_concern_and_it_is_in_test() -> None:
    unusable = {
        split: [article.id for article in load_split("demo", split) if all(one.figure for one in article.concerns)]
        for split in SPLITS
    }
    assert {split: len(found) for split, found in unusable.items()} == {"train": 0, "val": 0, "test": 1}


def test_exactly_one_family_has_two_versions_and_no_family_crosses_splits() -> None:
    families = {split: Counter(article.family for article in load_split("demo", split)) for split in SPLITS}
    sizes = Counter(size for counted in families.values() for size in counted.values())
    assert sizes == {1: 22, 2: 1}
    assert len(set().union(*families.values())) == 23


def test_every_source_of_test_has_an_article_to_borrow_predictions_from() -> None:
    assert min(Counter(article.source for article in load_split("demo", "test")).values()) >= 2


def test_there_are_three_valid_prediction_files_for_test() -> None:
    assert sorted(path.stem for path in PREDICTIONS.glob("*.jsonl")) == ["careful", "gaps", "generic"]
    for name in ("careful", "generic"):
        assert outcomes(name) == {"scored": 12}


def test_predictions_with_gaps_show_every_outcome() -> None:
    found = outcomes("gaps")
    assert set(found) == set(OUTCOMES)
    assert sum(found.values()) == 12
