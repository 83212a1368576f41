"""`bench data stats`: counts by hand, the page, human against human."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.curation.statistics import Spread, statistics
from bioreview_bench.data.article import Article


def article(number: int, concerns: list[dict[str, Any]], **fields: Any) -> Article:
    said = [
        {"concern_id": f"a:{number}:{k}", "concern_text": "There is no control at all", **concern}
        for k, concern in enumerate(concerns)
    ]
    return Article.model_validate({"id": f"a:{number}", "source": "a", "concerns": said, **fields})


@dataclass
class Ended:
    code: int
    out: str
    err: str


Stats = Callable[..., Ended]


@pytest.fixture
def bench_stats(capsys: pytest.CaptureFixture[str]) -> Stats:
    def call(*arguments: object) -> Ended:
        capsys.readouterr()
        return Ended(run(["data", "stats", *map(str, arguments)]), *capsys.readouterr())

    return call


def test_counts_are_by_hand() -> None:
    found = statistics(
        [
            article(1, [{"reviewer_num": 1, "category": "other"}, {"reviewer_num": 2}], published_date="2021-05"),
            article(2, [{"reviewer_num": 1, "requires_figure_reading": True}, {"reviewer_num": 2}]),
            article(3, [], has_author_response=True),
            article(4, [{"author_stance": "conceded"}] * 1 + [{"author_stance": "rebutted"}] + [{}] * 5),
        ]
    )
    assert (found.articles, found.with_references, found.references, found.figure_references) == (4, 3, 10, 1)
    assert (found.several_reviewers, found.answered) == (1, 1)
    assert found.references_per_article == Spread(0, 1, 7)
    assert found.words_per_concern == Spread(6, 6, 6)
    assert found.of_articles["year"] == {"2021": 1, "unknown": 3}
    assert found.of_references["category"] == {"other": 1, "unknown": 9}
    assert found.of_references["was_valid"] == {"no": 1, "unknown": 8, "yes": 1}
    assert found.lengths == [2, 1, 1, 0, 0, 0, 0, 0]  # 0 and 1 references; 2; 7
    assert found.words[0] == 10


def test_nothing_is_counted_of_nothing() -> None:
    assert statistics([]).references_per_article == Spread(0, 0, 0)


def test_the_command_counts_every_split_and_scores_humans(bench_stats: Stats) -> None:
    found = json.loads(bench_stats("demo", "--contract", "jaccard", "--format", "json").out)
    assert [part["articles"] for part in found["splits"].values()] == [6, 6, 12]
    assert found["humans"]["test"]["n_articles"] == 11
    text = bench_stats("demo", "--contract", "jaccard")
    assert text.code == 0
    assert "Human against human" in text.out


def test_the_page_escapes_names_and_loads_nothing(bench_stats: Stats, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    row = article(1, [{}], license="<img src=x onerror=alert(1)>").model_dump(mode="json", exclude_unset=True)
    path.write_text(json.dumps(row), encoding="utf-8")
    page = tmp_path / "page.html"
    assert bench_stats(path, "--html", page).code == 0
    html = page.read_text(encoding="utf-8")
    assert "<img" not in html
    assert "&lt;img src=x" in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "<script" not in html


def test_bars_and_table_have_every_value(bench_stats: Stats, tmp_path: Path, browser: Any) -> None:
    page_file = tmp_path / "page.html"
    assert bench_stats("demo", "--html", page_file).code == 0
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("figure.panel").count() == 10
    page.close()
