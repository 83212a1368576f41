"""`bench evaluate` under a judge, with the real openai client against a judge on loopback."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import score
from bioreview_bench.contracts.contract import Contract
from bioreview_bench.errors import InputError
from bioreview_bench.files.paths import cache_root
from bioreview_bench.scoring.judge.calls import JudgeSettings
from bioreview_bench.scoring.judge.space import JudgeBackend

CONTRACT = Contract.load("judge:openai:small")


@pytest.fixture
def articles(make_article: Any) -> list[Any]:
    """Two articles, the second with a reference that does not count."""
    figure = {"concern_text": "panels never show bars", "requires_figure_reading": True}
    return [
        make_article("elife:1", ["cells need more controls", "statistics need exact pvalues", "mice were too young"]),
        make_article("elife:2", ["binding needs an affinity", "cells lack rescue", figure]),
    ]


@pytest.fixture
def predictions() -> dict[str, list[str]]:
    # elife:1 has two predictions for one reference, and one related; elife:2 matches one, and one only of elife:1.
    return {
        "elife:1": ["please add controls", "where are the controls", "statistics are odd", "report pvalues"],
        "elife:2": ["do the rescue", "measure pvalues"],
    }


def test_counts_are_those_of_one_to_one_matching_on_same(loopback_judge: Any, articles: Any, predictions: Any) -> None:
    backend = JudgeBackend(CONTRACT, JudgeSettings(base_url=loopback_judge.url))
    result = score(articles, predictions, CONTRACT, backend=backend, draws=0, controls="basic")
    overall, controls = result.record.overall, result.record.controls
    assert (overall.n_ref, overall.n_pred, overall.n_matched) == (5, 6, 3)
    assert overall.f1 == pytest.approx(2 * 3 / 11)
    assert overall.soft_f1 == overall.f1
    # The other article's predictions: "measure pvalues" matches elife:1; nothing written for elife:1 matches elife:2.
    assert controls.null_matched == 1
    assert controls.null_match_rate == pytest.approx(1 / 4)
    assert len(loopback_judge.asked) == 4
    assert "panels never show bars" not in str(loopback_judge.asked)
    pairs = result.pairs
    ours = pairs[(pairs.kind == "prediction") & (pairs.article_id == "elife:1")].sort_values("index")
    assert ours.best_similarity.tolist() == [1.0, 1.0, 0.5, 1.0]
    assert result.record.encoder.id == "judge/openai/small"
    assert result.signature.startswith("bioreview|spec:2|data:")
    assert f"|enc:judge/openai/small+{CONTRACT.weights_sha256[:8]}|" in result.signature  # type: ignore[index]


def test_nothing_is_asked_where_there_is_nothing_to_compare(loopback_judge: Any, make_article: Any) -> None:
    articles = [make_article("elife:1", ["cells need controls"]), make_article("elife:2"), make_article("elife:3")]
    backend = JudgeBackend(CONTRACT, JudgeSettings(base_url=loopback_judge.url))
    rows = {"elife:1": [], "elife:2": ["add controls"]}
    result = score(articles, rows, CONTRACT, backend=backend, draws=0, controls="basic")
    assert result.record.overall.n_matched == 0
    # Only elife:1's references with the predictions of its one donor: offset 3 // 2, so elife:2.
    assert [list(lists["predictions"].values()) for lists in loopback_judge.asked] == [["add controls"]]


def test_a_second_score_asks_only_what_is_new_and_controls_are_judged_once(
    loopback_judge: Any, evaluate: Any, bench: Any, tmp_path: Path
) -> None:
    code, out, err = evaluate("--format", "json")
    assert code == 0
    assert json.loads(out)["controls"]["generic_match_rate"] is not None
    first = len(loopback_judge.asked)
    assert f"Judging: {first}/{first}" in err
    again = evaluate("--format", "json")
    assert len(loopback_judge.asked) == first
    drop = ("provenance",)
    assert _without(json.loads(out), drop) == _without(json.loads(again[1]), drop)
    # Another system: its own predictions and its donors', not the controls.
    code, _, err = bench(
        "evaluate", "demo:gaps", "--data", "demo", "--contract", "judge:openai:small", "--base-url", loopback_judge.url
    )
    assert code == 0
    new = loopback_judge.asked[first:]
    generic = "The sample size is too small to support the conclusions and no power calculation is given."
    assert new
    assert not any(generic in lists["predictions"].values() for lists in new)


def test_another_model_parameter_or_address_asks_again(loopback_judge: Any, evaluate: Any) -> None:
    evaluate()
    n = len(loopback_judge.asked)
    for number, name in enumerate(("judge:openai:large", "judge:openai:small?seed=1", "judge:vllm:small"), start=2):
        assert evaluate(contract=name)[0] == 0
        assert len(loopback_judge.asked) == number * n


def test_what_is_sent_and_that_no_file_or_message_holds_the_key(
    loopback_judge: Any, evaluate: Any, model_server: Any, tmp_path: Path
) -> None:
    code, out, err = evaluate("-o", tmp_path / "r.result.json")
    assert code == 0
    secret = os.environ["OPENAI_API_KEY"]
    assert len(secret) > 20
    request = model_server.requests[0]
    body = request["body"]
    assert request["headers"]["authorization"] == f"Bearer {secret}"
    assert (body["model"], body["temperature"], body["max_completion_tokens"]) == ("small", 0, 16_000)
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["response_format"]["json_schema"]["name"] == "judgements"
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    written = [path.read_bytes() for path in [*cache_root().rglob("*"), *tmp_path.rglob("*")] if path.is_file()]
    assert not any(secret.encode() in content for content in written)
    assert secret not in out + err


def test_the_result_says_who_judged_and_what_it_cost(
    loopback_judge: Any, evaluate: Any, prices: Path, tmp_path: Path, bench: Any
) -> None:
    path = tmp_path / "r.result.json"
    assert evaluate("--prices", prices, "-o", path, "--html", tmp_path / "r.html")[0] == 0
    judge = json.loads(path.read_text())["judge"]
    n = len(loopback_judge.asked)
    assert (judge["name"], judge["n_calls"], judge["served_models"]) == ("judge:openai:small", n, ["small-2026-01-31"])
    # 1,000 tokens in and 200 out for each call, at $1 and $10 a million.
    assert judge["cost_usd"] == pytest.approx(n * 0.003)
    assert bench("compare", path, path)[0] == 0
    assert "Judged by a language model" in (tmp_path / "r.html").read_text()


def test_from_python_the_name_is_enough(
    loopback_judge: Any, articles: Any, predictions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bioreview_bench.llm import stored

    monkeypatch.setattr(stored, "VLLM_URL", loopback_judge.url)
    result = score(articles, predictions, contract=Contract.load("judge:vllm:local"), draws=0, controls="basic")
    assert result.record.overall.n_matched == 3


def test_inside_a_running_loop_the_message_names_the_command(
    loopback_judge: Any, articles: Any, predictions: Any
) -> None:
    import asyncio

    backend = JudgeBackend(CONTRACT, JudgeSettings(base_url=loopback_judge.url))

    async def notebook() -> None:
        score(articles, predictions, CONTRACT, backend=backend, draws=0, controls="basic")

    with pytest.raises(InputError, match="bench evaluate"):
        asyncio.run(notebook())
    assert not loopback_judge.asked


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--encoder", "demo"), "no encoder"),
        (("--precision", "bf16"), "no encoder"),
        (("--key-variable", "NO_SUCH_KEY"), "NO_SUCH_KEY"),
    ],
)
def test_what_a_judge_has_no_use_for_or_lacks_is_said_before_anything_is_sent(
    loopback_judge: Any, evaluate: Any, arguments: tuple[str, ...], words: str
) -> None:
    code, _, err = evaluate(*arguments)
    assert code == 2
    assert words in err
    assert not loopback_judge.asked


@pytest.mark.parametrize(
    "option", [("--dry-run",), ("--consistency",), ("--max-cost", "1"), ("--base-url", "http://a")]
)
def test_options_of_judges_are_refused_by_other_contracts(bench: Any, option: tuple[str, ...]) -> None:
    code, _, err = bench("evaluate", "demo:careful", "--data", "demo", "--contract", "jaccard", *option)
    assert code == 2
    assert option[0] in err


def test_commands_that_need_vectors_refuse_a_judge(bench: Any, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": "a"}\n')
    for arguments in (
        ("encode", tmp_path / "t.jsonl", "-o", tmp_path / "vectors"),
        ("calibrate", "--data", "demo", "-o", tmp_path / "c.toml"),
    ):
        code, _, err = bench(*arguments, "--contract", "judge:openai:small")
        assert code == 2
        assert "no encoder" in err or "no threshold or encoder" in err


def test_the_control_reviewers_can_be_priced_and_judged(loopback_judge: Any, bench: Any, prices: Path) -> None:
    arguments = ("controls", "--data", "demo", "--split", "test", "--contract", "judge:openai:small")
    where = ("--base-url", loopback_judge.url, "--prices", prices, "--format", "json")
    code, out, _ = bench(*arguments, *where, "--dry-run")
    plan = json.loads(out)
    assert code == 0
    assert plan["stored"] == 0
    assert not loopback_judge.asked
    code, out, _ = bench(*arguments, *where)
    assert code == 0
    assert set(json.loads(out)["reviewers"]) == {"echo", "generic", "neighbour", "random-train"}
    assert len(loopback_judge.asked) == plan["calls"]


def _without(record: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in keys}
