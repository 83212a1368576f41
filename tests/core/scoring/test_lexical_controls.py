"""Control reviewers that borrow from train: nearest by words, never of the same family, repeatable."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.controls.lexical import neighbour, random_train
from bioreview_bench.errors import DataError

_FIGURE = {"concern_text": "The legend of figure two is unreadable.", "category": "figure_issue"}


@pytest.fixture
def train(make_article: Callable[..., Any]) -> list[Any]:
    fish = "Zebrafish larvae sleep at night and swim by day."
    return [
        make_article("elife:1", ["The larvae were not counted.", _FIGURE], abstract=fish, doi="10.1/fish"),
        make_article("elife:2", ["The yeast strain is not named."], abstract="Yeast senses nutrients through kinases."),
        make_article("elife:3", [_FIGURE], abstract="Zebrafish larvae sleep at night and swim by day, it seems."),
    ]


def test_the_nearest_article_with_a_usable_concern_lends_them(
    train: list[Any], make_article: Callable[..., Any]
) -> None:
    asked = make_article("plos:9", [], abstract="Do zebrafish larvae sleep?")
    assert neighbour([asked], train) == {"plos:9": ["The larvae were not counted."]}


def test_a_version_of_the_same_manuscript_never_lends(train: list[Any], make_article: Callable[..., Any]) -> None:
    asked = make_article("plos:9", [], abstract="Do zebrafish larvae sleep?", doi="10.1/FISH")
    assert neighbour([asked], train) == {"plos:9": ["The yeast strain is not named."]}
    assert random_train([asked], train) == {"plos:9": ["The yeast strain is not named."]}


def test_a_random_draw_depends_on_seed_and_article_alone(train: list[Any], make_article: Callable[..., Any]) -> None:
    asked = [make_article(f"plos:{n}", []) for n in range(20)]
    drawn = random_train(asked, train, seed=1)
    assert random_train(asked[7:9], train[::-1], seed=1) == {name: drawn[name] for name in ("plos:7", "plos:8")}
    assert len({tuple(concerns) for concerns in drawn.values()}) == 2
    assert drawn != random_train(asked, train, seed=2)


def test_train_without_usable_concerns_is_an_error(make_article: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match="usable concern"):
        neighbour([make_article("plos:9", [])], [make_article("elife:3", [_FIGURE])])


def test_one_table_scores_all_control_reviewers(minilm: None, warm: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(["controls", "--data", "demo", "--split", "val", "--contract", "demo", "--format", "json", "--quiet"]) == 0
    )
    reviewers = json.loads(capsys.readouterr().out)["reviewers"]
    assert list(reviewers) == ["echo", "generic", "neighbour", "random-train"]
    # Stock comments are the same for every article, so exchanging them changes nothing.
    assert reviewers["echo"]["overall"]["recall"] > reviewers["generic"]["overall"]["recall"]
