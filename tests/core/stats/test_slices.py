"""Slices by a field of articles or a label of references, from the table of counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Contract, load_result, load_split, score
from bioreview_bench.cli.main import run
from bioreview_bench.data.split import Split
from bioreview_bench.results.counts import ArticleCounts
from bioreview_bench.results.result import Result
from bioreview_bench.stats.slices import by_article, by_concern


@pytest.fixture(scope="module")
def split() -> Split:
    return load_split("demo", "test")


@pytest.fixture(scope="module")
def result(split: Split) -> Result:
    said = {article.id: [concern.text for concern in article.concerns][::2] for article in split}
    return score(split, said, Contract.load("jaccard"), draws=0)


def test_recall_by_stance_is_counted_from_the_pairs(split: Split, result: Result) -> None:
    stance = {concern.concern_id: concern.author_stance for article in split for concern in article.concerns}
    pairs = result.pairs
    references = pairs[pairs["kind"] == "reference"]
    slices = by_concern(result.counts, "stance", draws=0)
    assert slices
    for part in slices:
        mine = references[references["concern_id"].map(stance) == part.value]
        assert (part.n_ref, part.n_matched) == (len(mine), int(mine["index"].notna().sum()))
        assert part.recall == pytest.approx(part.n_matched / part.n_ref)


def test_what_the_authors_conceded_is_a_slice(split: Split, result: Result) -> None:
    valid = [
        concern.author_stance in ("conceded", "partial") and concern.evidence_of_change is not False
        for article in split
        for concern in article.concerns
        if not concern.figure and concern.author_stance
    ]
    counted = {part.value: part.n_ref for part in by_concern(result.counts, "was_valid", draws=0)}
    assert counted == {"yes": sum(valid), "no": len(valid) - sum(valid)}


def test_a_slice_of_articles_scores_as_these_articles_alone(split: Split, result: Result) -> None:
    values = [(article.published_date or "")[:4] for article in split]
    for part in by_article(result.counts, values, draws=0):
        kept = [article for article, value in zip(split, values, strict=True) if value == part.value]
        said = {article.id: [concern.text for concern in article.concerns][::2] for article in kept}
        alone = score(kept, said, Contract.load("jaccard"), draws=0).record.overall
        assert (part.n_articles, part.n_ref, part.n_matched) == (len(kept), alone.n_ref, alone.n_matched)
        assert (part.recall, part.precision, part.f1) == (alone.recall, alone.precision, alone.f1)


def test_all_articles_as_one_slice_have_the_headline_and_its_interval(split: Split) -> None:
    said = {article.id: [concern.text for concern in article.concerns][::2] for article in split}
    whole = score(split, said, Contract.load("jaccard"), draws=500, seed=3)
    (part,) = by_article(whole.counts, ["all"] * len(split), draws=500, seed=3)
    assert part.f1 == whole.f1
    assert part.interval == pytest.approx(whole.record.intervals["overall.f1"])


def test_one_value_an_article_is_needed(result: Result) -> None:
    with pytest.raises(ValueError, match="values for"):
        by_article(result.counts, ["a"])


def test_slices_survive_a_file_and_results_without_them_load(result: Result, tmp_path: Path) -> None:
    stored = load_result(result.save(tmp_path / "a.result.json"))
    assert by_concern(stored.counts, "stance", 0) == by_concern(result.counts, "stance", 0)  # type: ignore[union-attr]
    rows = [
        {k: v for k, v in row.items() if k not in ("per_stance", "per_was_valid")} for row in result.record.articles
    ]
    assert by_concern(ArticleCounts.from_rows(rows), "stance", 0) == []


@dataclass
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture
def evaluate(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    def call(*arguments: str) -> Ended:
        capsys.readouterr()
        code = run(["evaluate", "demo:careful", "--contract", "jaccard", "--draws", "0", "--quiet", *arguments])
        return Ended(code, *capsys.readouterr())

    return call


def test_the_command_prints_a_table_for_each_field(evaluate: Callable[..., Ended]) -> None:
    done = evaluate("--by", "stance,year", "--by", "source")
    assert done.code == 0
    assert [line for line in done.out.splitlines() if line.startswith("By ")] == ["By stance", "By year", "By source"]


def test_json_has_the_slices_beside_the_result(evaluate: Callable[..., Ended]) -> None:
    found: dict[str, Any] = json.loads(evaluate("--by", "was_valid", "--format", "json").out)
    assert {part["value"] for part in found["slices"][0]["was_valid"]} == {"yes", "no"}
    assert found["results"][0]["schema_version"] == "1"


@pytest.mark.parametrize(
    ("field", "said"), [("stnace", "did you mean stance?"), ("", "--by any of"), ("__class__", "--by any of")]
)
def test_a_field_that_no_article_has_is_refused(evaluate: Callable[..., Ended], field: str, said: str) -> None:
    done = evaluate("--by", field)
    assert done.code == 2
    assert said in " ".join(done.err.split())
