"""The bundled reviewers of known quality: what each says is written in their files, and the files can be made again."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

import bioreview_bench.data.released.known as known
from bioreview_bench import load_split, read_predictions
from bioreview_bench.cli.inputs import predictions_path
from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES
from bioreview_bench.errors import InputError
from bioreview_bench.validity.known_reviewers import REVIEWERS, made_points

FOLDER = Path(str(known.__file__)).parent


@pytest.fixture
def maker() -> ModuleType:
    path = Path(__file__).parents[4] / "benchmarks" / "scoring" / "known_reviewers.py"
    spec = importlib.util.spec_from_file_location("known_reviewers_maker", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_twelve_articles_with_eight_counted_concerns_each() -> None:
    split = load_split("known", "test")
    assert (split.label.partition("#")[0], split.verification, split.held_out) == ("known/test", "bundled", False)
    assert [len(article.concerns) for article in split] == [8] * 12
    assert not any(concern.figure for article in split for concern in article.concerns)
    assert not {article.id for article in split} & {article.id for article in load_split("demo", "all")}
    assert all(article.title and article.abstract and article.subjects for article in split)


def test_concerns_are_of_every_kind_but_figures() -> None:
    concerns = [concern for article in load_split("known", "test") for concern in article.concerns]
    counts = Counter(concern.category for concern in concerns)
    assert set(counts) == set(CATEGORIES) - {"figure_issue"}
    assert min(counts.values()) >= 3
    assert {concern.severity for concern in concerns} == set(SEVERITIES)


@pytest.mark.parametrize(
    ("name", "texts", "points"),
    [
        ("restated", 96, 96),
        ("hurried", 96, 96),
        ("half", 96, 48),
        ("near_miss", 96, 0),
        ("other_place", 96, 0),
        ("copying", 72, 0),
    ],
)
def test_each_reviewer_makes_the_points_that_it_is_said_to(name: str, texts: int, points: int) -> None:
    path = predictions_path(f"known:{name}")
    split = load_split("known", "test")
    rows = read_predictions(path, split)
    assert sum(len(row.concerns) for row in rows.values()) == texts
    made = made_points(path)
    assert len(set(made.values())) == len(made) == points
    owner = {concern.concern_id: article.id for article in split for concern in article.concerns}
    assert all(owner[concern] == article for (article, _), concern in made.items())


def test_copying_copies_and_nobody_else_does() -> None:
    papers = {article.id: article.abstract or "" for article in load_split("known", "test")}
    for name in REVIEWERS:
        rows = read_predictions(predictions_path(f"known:{name}"))
        copied = [concern.text in papers[row.article_id] for row in rows.values() for concern in row.concerns]
        assert set(copied) == {name == "copying"}


def test_a_wrong_name_is_answered_with_the_names() -> None:
    with pytest.raises(InputError, match=r'no bundled file "known:nobody"') as caught:
        predictions_path("known:nobody")
    assert "known:restated" in str(caught.value)


def test_the_files_are_made_again_byte_for_byte(maker: ModuleType, shared: Path) -> None:
    corpus = shared / "data" / "matching" / "invented_demo.jsonl"
    if not corpus.is_file():
        pytest.skip("no matching corpus in the shared material")
    made = maker.files(corpus)
    assert set(made) == {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.jsonl")}
    for name, content in made.items():
        assert (FOLDER / name).read_bytes() == content.encode("utf-8"), name


def test_half_alternates_points_and_stock_phrases() -> None:
    row = json.loads(predictions_path("known:half").read_text(encoding="utf-8").splitlines()[0])
    assert ["makes" in concern for concern in row["concerns"]] == [True, False] * 4
