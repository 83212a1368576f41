"""`bench diagnose`: failure modes, positions, references that nobody finds, one split against another."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Contract, score
from bioreview_bench.cli.main import run
from bioreview_bench.data.article import Article
from bioreview_bench.data.predictions import read_predictions
from bioreview_bench.data.split import Split
from bioreview_bench.results.records import System
from bioreview_bench.results.result import Result
from bioreview_bench.stats.diagnosis import diagnose, missed

POINTS = (
    "There is no control for batch effects in these experiments.",
    "Six animals are too few for a claim about sex differences.",
    "The fitted model is never compared with a simpler alternative.",
    "Antibody validation and catalogue numbers are not reported anywhere.",
)


def article(number: int, source: str = "elife") -> Article:
    concerns = [
        {"concern_id": f"{number}:{k}", "concern_text": text, "category": "other" if k else "design_flaw"}
        for k, text in enumerate(POINTS)
    ]
    return Article.model_validate({"id": f"{source}:{number}", "source": source, "concerns": concerns})


def scored(said: dict[str, Any], articles: list[Article], name: str = "system", split: str = "test") -> Result:
    of = Split.of(articles, "local", split)
    return score(of, said, Contract.load("jaccard"), draws=0, controls="basic", system=System(name=name))


def test_every_mode_is_seen_once() -> None:
    noise = [f"Nothing in common number {k} zzz{k}" for k in range(51)]
    articles = [article(1), article(2), article(3), article(4), article(5, "plos")]
    result = scored({"elife:1": [POINTS[0]], "elife:2": noise, "elife:3": [POINTS[0]] * 3, "plos:5": []}, articles)
    found = diagnose(result, {"elife:3": "truncated"})
    modes = {(failure.article_id, failure.mode) for failure in found.failures}
    assert modes == {
        ("elife:1", "few"),  # one concern, four references
        ("elife:2", "many"),
        ("elife:2", "zero_recall"),
        ("elife:3", "repeated"),
        ("elife:3", "truncated"),
        ("elife:4", "missing"),
        ("plos:5", "empty"),
    }
    assert found.by_mode()["empty"] == {"plos": 1}
    assert found.duplicate_share == pytest.approx(2 / 55)


def test_a_third_of_the_references_is_enough() -> None:
    result = scored({"elife:1": [POINTS[0], POINTS[1]]}, [article(1)])
    assert diagnose(result).failures == ()


def test_statuses_of_failed_rows_are_modes(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    rows = [
        {"article_id": f"elife:{k}", "status": status, "concerns": []}
        for k, status in enumerate(("refused", "error", "parse_failed"))
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    split = Split.of([article(k) for k in range(3)])
    result = score(split, read_predictions(path, split), Contract.load("jaccard"), draws=0, controls="basic")
    assert [failure.mode for failure in diagnose(result).failures] == ["refused", "error", "parse_failed"]


def test_a_cap_keeps_the_matches_before_it() -> None:
    said = {"elife:1": [POINTS[0], "zzz yyy xxx", POINTS[1]], "elife:2": ["qqq www eee"]}
    positions = diagnose(scored(said, [article(1), article(2)])).positions
    assert [(row.cap, row.n_pred, row.precision, row.capped_precision, row.capped_recall) for row in positions] == [
        (1, 2, 1 / 2, 1 / 2, 1 / 8),
        (2, 1, 0, 1 / 3, 1 / 8),
        (3, 1, 1, 2 / 4, 2 / 8),
    ]
    assert positions[-1].capped_f1 == pytest.approx(2 * 2 / (8 + 4))


def test_references_by_how_many_systems_find_them() -> None:
    articles = [article(1)]
    results = {
        "a": scored({"elife:1": [POINTS[0], POINTS[1]]}, articles),
        "b": scored({"elife:1": [POINTS[0]]}, articles),
    }
    found = missed(results)
    assert (found.n_references, found.found_by) == (4, (2, 1, 1))
    assert found.never == (("elife:1", "1:2"), ("elife:1", "1:3"))
    assert found.only == {"a": (("elife:1", "1:1"),), "b": ()}
    assert found.by_category == {"design_flaw": (1, 0), "other": (3, 2)}


@dataclass
class Ended:
    code: int
    out: str
    err: str


Bench = Callable[..., Ended]


@pytest.fixture
def bench_diagnose(capsys: pytest.CaptureFixture[str]) -> Bench:
    def call(*arguments: object) -> Ended:
        capsys.readouterr()
        return Ended(run(["diagnose", *map(str, arguments)]), *capsys.readouterr())

    return call


def test_one_system_on_two_splits_and_two_systems_on_one(bench_diagnose: Bench, tmp_path: Path) -> None:
    test = scored({"elife:1": [POINTS[0]]}, [article(1)]).save(tmp_path / "t.result.json")
    val = scored({"elife:2": list(POINTS)}, [article(2)], split="val").save(tmp_path / "v.result.json")
    other = scored({"elife:1": [POINTS[1]]}, [article(1)], name="other").save(tmp_path / "o.result.json")
    found = json.loads(bench_diagnose(test, val, other, "--format", "json").out)
    (splits,) = found["splits"]
    assert [label.partition("#")[0] for label in splits["f1"]] == ["local/val", "local/test"]
    assert list(splits["f1"].values()) == [1, pytest.approx(0.4)]
    assert found["missed"][0]["found_by"] == [2, 2, 0]
    text = bench_diagnose(test, val, other).out
    assert "-0.600" in text
    assert "by how many of the 2 systems find them" in text


def test_the_predictions_next_to_a_result_say_what_was_cut_off(bench_diagnose: Bench, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(
        json.dumps({"article_id": "elife:1", "concerns": list(POINTS), "status": "truncated"}), encoding="utf-8"
    )
    split = Split.of([article(1)])
    result = score(split, read_predictions(path, split), Contract.load("jaccard"), draws=0, controls="basic")
    result.save(tmp_path / "p.result.json")
    assert "the answer was cut off" in bench_diagnose(tmp_path).out
    path.unlink()
    assert "are not known" in bench_diagnose(tmp_path).out


def test_pairs_that_are_gone_are_named(bench_diagnose: Bench, tmp_path: Path) -> None:
    scored({}, [article(1)]).save(tmp_path / "a.result.json")
    (tmp_path / "a.pairs.parquet").unlink()
    done = bench_diagnose(tmp_path / "a.result.json")
    assert done.code == 2
    assert "a.pairs.parquet" in done.err
