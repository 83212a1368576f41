"""Comparing stored results: refusals, tests, tied groups, ranking stability."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench import Contract, score
from bioreview_bench.cli.main import run
from bioreview_bench.errors import InputError
from bioreview_bench.results.records import System
from bioreview_bench.stats.comparison import PairComparison, _groups, compare, differing_fields
from bioreview_bench.stats.stability import agreement

_CONTRACT = replace(Contract.load("demo"), name="custom", threshold=0.5)


@pytest.fixture
def save(make_article: Callable[..., Any], hash_encoder: Any, tmp_path: Path) -> Callable[..., Path]:
    """Score a system that repeats the first `share` of each article's references, and save the result."""
    articles = [make_article(f"elife:{n}", [f"Concern {k} of article {n}" for k in range(6)]) for n in range(24)]

    def make(name: str, share: int, contract: Contract = _CONTRACT, **options: Any) -> Path:
        rows = {
            article.id: [concern.text for concern in article.concerns[:share]] + ["Something else"] * (6 - share)
            for article in articles
        }
        result = score(articles, rows, contract, encoder=hash_encoder, draws=200, system=System(name=name), **options)
        return result.save(tmp_path / f"{name}-{contract.threshold}.result.json")

    return make


def test_tied_groups_are_everyone_not_below_the_groups_best() -> None:
    def test(a: str, b: str, p: float) -> PairComparison:
        return PairComparison(a, b, 0.1, 20, p, p, exact=False)

    # b is tied with a; c is below a but not below b; d is below all.
    tests = [test("a", "b", 0.3), test("a", "c", 0.01), test("b", "c", 0.4)]
    tests += [test("a", "d", 0.01), test("b", "d", 0.01), test("c", "d", 0.02)]
    assert _groups(["a", "b", "c", "d"], tests) == [["a", "b"], ["c"], ["d"]]


def test_systems_are_ranked_tested_and_grouped(save: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(save("weak", 1)), str(save("strong", 5)), str(save("twin", 5))]
    assert run(["compare", *paths, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in found["systems"]] == ["strong", "twin", "weak"]
    assert found["groups"] == [["strong", "twin"], ["weak"]]
    tests = {(row["a"], row["b"]): row for row in found["tests"]}
    assert tests["strong", "twin"]["p_value"] == 1.0
    assert str(tests["strong", "twin"]["delta_f1"]) == "0.0"  # not -0.0
    assert 0 < tests["strong", "weak"]["p_adjusted"] < 0.01


def test_another_signature_is_refused_naming_the_field(
    save: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    other = save("b", 3, replace(_CONTRACT, threshold=0.6))
    assert run(["compare", str(save("a", 3)), str(other)]) == 2
    assert "threshold: 0.5 and 0.6" in capsys.readouterr().err
    assert differing_fields("x|a:1|b:2", "x|a:1|b:3|c:4") == ["b: 2 and 3", "c: absent and 4"]


def test_one_result_is_no_comparison(save: Callable[..., Path]) -> None:
    from bioreview_bench import load_result

    result = load_result(save("a", 3))
    with pytest.raises(InputError, match="at least two"):
        compare([result], ["a"])  # type: ignore[list-item]


def test_postprocessing_is_shown_not_compared(
    save: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plain = save("a", 3)
    record = json.loads(plain.read_text())
    record["system"] = {"name": "b", "version": None, "postprocessing": "dedup+cap20"}
    (tmp_path / "b.result.json").write_text(json.dumps(record))
    assert run(["compare", str(plain), str(tmp_path / "b.result.json")]) == 0
    assert "dedup+cap20" in capsys.readouterr().out


def test_kendalls_tau_of_a_reversed_and_an_equal_ranking() -> None:
    up, down = {"a": 0.1, "b": 0.2, "c": 0.3}, {"a": 0.3, "b": 0.2, "c": 0.1, "d": 0.9}
    assert agreement("x", "y", up, up).tau == pytest.approx(1)
    assert agreement("x", "y", up, down).tau == pytest.approx(-1)
    assert agreement("x", "y", up, down).n == 3
    assert agreement("x", "y", up, dict.fromkeys("abc", 0.5)).tau is None


def test_stability_over_thresholds_and_contracts(save: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(save(name, share, sweep=True)) for name, share in (("a", 1), ("b", 3), ("c", 5))]
    assert run(["stability", *paths, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["thresholds"]["custom"]
    assert {row["b"]: row["tau"] for row in found}["0.9"] == pytest.approx(1)
    assert run(["stability", str(save("d", 2)), *paths]) == 2
    assert "--sweep" in capsys.readouterr().err


def test_families_are_swapped_whole(make_article: Callable[..., Any], hash_encoder: Any) -> None:
    def system(hits: int) -> Any:
        articles = [
            make_article(
                f"f1000:10.12688_f1000research.{n}.{v}", [f"A concern about {n}"], doi=f"10.12688/f1000research.{n}.{v}"
            )
            for n in range(3)
            for v in (1, 2)
        ]
        rows = {article.id: [f"A concern about {n // 2}"] if n < hits else ["No"] for n, article in enumerate(articles)}
        return score(articles, rows, _CONTRACT, encoder=hash_encoder, draws=0)

    test = compare([system(6), system(0)], ["all", "none"]).tests[0]
    # Three families, all differing: 2 of the 8 assignments are as extreme.
    assert (test.n_informative, test.p_value, test.exact) == (3, 0.25, True)
    assert np.isclose(test.delta_f1, 1.0)
