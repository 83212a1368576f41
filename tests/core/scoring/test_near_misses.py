"""Near misses that a data folder ships are a control beside every score; they change nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Contract, load_result, load_split, score
from bioreview_bench.cli.main import run
from bioreview_bench.data.split import Split
from bioreview_bench.errors import DataError, InputError
from bioreview_bench.results.counts import ArticleCounts

JACCARD = Contract.load("jaccard")
# Word sets: the first near miss shares three of five words with its reference (0.6), the others share none.
REFERENCES = {"elife:1": ["alpha beta gamma delta", "cohort lacks blinding"], "elife:2": ["single reference here"]}
NEAR = [
    {"article_id": "elife:1", "concerns": ["alpha beta gamma omega", "nothing shared whatsoever"]},
    {"article_id": "elife:2", "concerns": ["entirely unrelated words", "again unrelated words"]},
    {"article_id": "elife:9", "concerns": ["an article of another split"]},
]


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_article: Any, write_jsonl: Callable[..., Path]
) -> Path:
    monkeypatch.setenv("BIOREVIEW_CACHE", str(tmp_path / "cache"))
    articles = [make_article(name, concerns, abstract="A paper.") for name, concerns in REFERENCES.items()]
    return write_jsonl([article.model_dump(mode="json") for article in articles], "data/test.jsonl").parent


def _rate(split: Split) -> float | None:
    return score(split, {}, JACCARD, draws=0).record.controls.near_miss_match_rate


@pytest.mark.parametrize("place", ["near_miss.jsonl", "predictions/near_miss.jsonl"])
def test_their_match_rate_is_matches_over_possible_matches(
    folder: Path, write_jsonl: Callable[..., Path], place: str
) -> None:
    assert _rate(load_split(folder, "test")) is None
    write_jsonl(NEAR, f"data/{place}")
    split = load_split(folder, "test")
    found = score(split, {}, JACCARD, draws=0)
    # Possible: two for the first article, one for the second, which has one reference. Made: one.
    assert found.record.controls.near_miss_match_rate == pytest.approx(1 / 3)
    assert found.counts.near_miss_pred.tolist() == [2, 2]
    assert found.record.per_source["elife"].controls.near_miss_match_rate == pytest.approx(1 / 3)
    assert _rate(split.first(1)) == pytest.approx(1 / 2)
    assert score(split, {}, JACCARD, draws=0, controls="basic").record.controls.near_miss_match_rate is None


def test_stored_counts_of_other_near_misses_are_not_used(folder: Path, write_jsonl: Callable[..., Path]) -> None:
    for copied, rate in ((REFERENCES["elife:1"], 2 / 3), (["no", "match"], 0), (REFERENCES["elife:1"], 2 / 3)):
        write_jsonl([{"article_id": "elife:1", "concerns": copied}, NEAR[1]], "data/near_miss.jsonl")
        for _ in range(2):
            assert _rate(load_split(folder, "test")) == pytest.approx(rate)


def test_a_score_is_the_same_with_and_without_them(
    folder: Path, write_jsonl: Callable[..., Path], tmp_path: Path
) -> None:
    predictions = {"elife:1": ["alpha beta gamma"]}
    without = score(load_split(folder, "test"), predictions, JACCARD, draws=50)
    write_jsonl(NEAR, "data/near_miss.jsonl")
    beside = score(load_split(folder, "test"), predictions, JACCARD, draws=50)
    own = {"near_miss_match_rate": None}
    assert beside.signature == without.signature
    assert beside.record.overall == without.record.overall
    assert beside.record.intervals == without.record.intervals
    assert beside.record.controls.model_copy(update=own) == without.record.controls
    assert not [name for name in without.record.articles[0] if name.startswith("near_miss")]
    for result in (without, beside):
        again = load_result(result.save(tmp_path / "R.result.json"))
        assert again.record == result.record
    assert ArticleCounts.from_rows(beside.record.articles).near_miss_matched.tolist() == [1, 0]


def test_two_files_are_refused(folder: Path, write_jsonl: Callable[..., Path]) -> None:
    for place in ("near_miss.jsonl", "predictions/near_miss.jsonl"):
        write_jsonl(NEAR, f"data/{place}")
    with pytest.raises(DataError, match="hold near misses"):
        load_split(folder, "test")


def test_a_broken_file_stops_the_score(folder: Path, write_jsonl: Callable[..., Path]) -> None:
    path = write_jsonl([NEAR[0], "{"], "data/near_miss.jsonl")
    with pytest.raises(InputError, match="line 2: broken JSON") as raised:
        _rate(load_split(folder, "test"))
    assert str(path) in str(raised.value)


def test_they_stand_in_the_reports_with_a_warning_where_they_match(
    folder: Path, write_jsonl: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_jsonl(NEAR, "data/near_miss.jsonl")
    path, page = write_jsonl([{"article_id": "elife:1", "concerns": ["alpha"]}]), tmp_path / "page.html"
    command = ["--data", str(folder), "--contract", "jaccard", "--quiet"]
    assert run(["evaluate", str(path), *command, "--html", str(page), "--format", "markdown"]) == 0
    shown = capsys.readouterr().out
    assert "| near misses: other points, same words | - | 0.333 |" in shown
    assert "33.3% match under this contract (at most 10% should)" in shown
    assert "Near misses" in page.read_text(encoding="utf-8")
    assert run(["controls", *command, "--split", "test", "--format", "json"]) == 0
    reviewers = json.loads(capsys.readouterr().out)["reviewers"]
    assert list(reviewers) == ["echo", "generic", "near_miss"]  # the data have no train articles to borrow from
    assert reviewers["near_miss"]["controls"]["match_rate"] == pytest.approx(1 / 3)


def test_bundled_reviewers_of_known_quality_bring_theirs(minilm: None, warm: Path) -> None:
    split = load_split("known", "test")
    rates = [score(split, {}, Contract.load(name), draws=0).record.controls for name in ("demo", "reader")]
    assert rates[0].near_miss_match_rate > 0.8  # type: ignore[operator]
    assert rates[1].near_miss_match_rate < 0.1  # type: ignore[operator]


def test_a_judge_is_asked_about_them_and_the_plan_counts_that(
    folder: Path, write_jsonl: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_jsonl([{"article_id": "elife:1", "concerns": ["alpha"]}])
    command = ["evaluate", str(path), "--data", str(folder), "--contract", "judge:vllm:M", "--dry-run"]
    calls = []
    for _ in range(2):
        assert run([*command, "--format", "json"]) == 0
        calls.append(json.loads(capsys.readouterr().out)["calls"])
        write_jsonl(NEAR, "data/near_miss.jsonl")
    assert calls[1] == calls[0] + 2
