"""From a batch to rows: what is submitted, in how many batches, and what becomes of every kind of answer."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")

Bench = Callable[..., Any]
PRICES = (
    "[models.small]\ninput = 1000.0\noutput = 1000.0\nbatch_input = 10.0\nbatch_output = 100.0\ndate = 2026-01-31\n"
)


def test_a_batch_becomes_rows_like_those_of_single_calls(
    api: Any, bench: Bench, batch_server: Any, model_server: Any, tmp_path: Path, rows: Any
) -> None:
    (tmp_path / "prices.toml").write_text(PRICES)
    done = api("--prices", tmp_path / "prices.toml")
    assert done.code == 0, done.err
    [batch] = batch_server.batches
    requests = batch_server.rows(batch["input_file_id"])
    assert [(one["method"], one["url"]) for one in requests] == [("POST", "/v1/chat/completions")] * 6
    assert (batch["endpoint"], batch["completion_window"]) == ("/v1/chat/completions", "24h")
    found = {row["article_id"]: row for row in rows()}
    assert set(found) == {one["custom_id"] for one in requests}
    # 6 answers of 100 tokens in at 10 and 10 out at 100 USD a million: the prices of batches, not of single calls.
    assert "tokens: 600 in, 60 out; cost: $0.0120" in done.out
    single = bench(
        "baseline", "openai:small", "--base-url", model_server.url, "--key-variable", "FAKE_KEY",
        "--data", "demo", "--split", "val",
        "--prompt", "strings-v1", "--out", tmp_path / "single",
    )  # fmt: skip
    assert single.code == 0
    bodies = [request["body"] for request in model_server.requests]
    assert sorted(map(json.dumps, bodies)) == sorted(json.dumps(one["body"]) for one in requests)
    for row in rows("single"):
        of_batch = found[row["article_id"]]
        assert of_batch["notes"].pop("batch") == batch["id"]
        same = ("status", "concerns", "raw_output", "detail", "attempts")
        assert {key: of_batch[key] for key in same} == {key: row[key] for key in same}
    scored = bench("evaluate", tmp_path / "run" / "predictions.jsonl", "--data", "demo", "--split", "val",
                   "--contract", "jaccard", "--draws", 0, "--format", "json", "--quiet")  # fmt: skip
    assert json.loads(scored.out)["coverage"]["scored"] == 6
    status = bench("baseline", "status", tmp_path / "run")
    assert "6 of 6 articles have a row (finished)" in status.out
    assert bench("baseline", "reparse", tmp_path / "run").code == 0


def test_a_second_run_asks_nothing_and_a_larger_limit_submits_the_rest(api: Any, batch_server: Any) -> None:
    assert api("--limit", 2).code == 0
    n_requests = len(batch_server.requests)
    assert api("--limit", 2).code == 0
    assert len(batch_server.requests) == n_requests
    assert api().code == 0
    assert [len(batch_server.rows(batch["input_file_id"])) for batch in batch_server.batches] == [2, 4]
    assert set(batch_server.submitted().values()) == {1}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (["--param", "temperature=0.5"], "reviewer.parameters.temperature"),
        (["--prompt", "objects-v1"], "reviewer.prompt.id"),
    ],
)
def test_a_run_whose_batch_is_out_is_not_resumed_by_another_request(
    api: Any, batch_server: Any, changed: list[str], field: str, rows: Any
) -> None:
    batch_server.replies["GET /v1/batches/batch_0"] = [(401, {"error": {"message": "no"}})]
    assert api().code == 5
    done = api(*changed)
    assert (done.code, field in done.err) == (2, True), done.err
    assert len(batch_server.batches) == 1
    assert api().code == 0
    assert len(rows()) == 6


@pytest.mark.parametrize(
    ("limits", "sizes"), [({"requests": 4}, [4, 2]), ({"bytes": 1}, [1] * 6), ({"requests": 6}, [6])]
)
def test_a_big_job_is_divided_by_the_limits_of_an_input_file(
    api: Any, batch_server: Any, limits: dict[str, int], sizes: list[int], quickly: Any
) -> None:
    quickly(**limits)
    assert api().code == 0
    assert [len(batch_server.rows(batch["input_file_id"])) for batch in batch_server.batches] == sizes
    assert set(batch_server.submitted().values()) == {1}
    assert len({batch["metadata"]["bioreview_part"] for batch in batch_server.batches}) == len(sizes)


def test_an_input_file_is_as_large_as_its_limit_and_no_larger(
    api: Any, batch_server: Any, quickly: Any, tmp_path: Path
) -> None:
    assert api("--limit", 3).code == 0
    size = len(batch_server.files[batch_server.batches[0]["input_file_id"]])
    for limit, n in ((size, 2), (size - 1, 4)):
        quickly(bytes=limit)
        assert api("--limit", 3, "--out", tmp_path / f"run-{limit}").code == 0
        assert len(batch_server.batches) == n


def test_a_batch_that_fails_is_one_message_and_no_run_and_the_same_command_tries_again(
    api: Any, batch_server: Any, tmp_path: Path, rows: Any, secret: str
) -> None:
    batch_server.end = "failed"
    batch_server.errors = [{"code": "token_limit_exceeded", "message": f"Too many tokens, {secret}", "line": 3}]
    done = api()
    assert done.code == 5
    assert "Batch batch_0 of 6 articles failed: token_limit_exceeded: Too many tokens" in done.err
    assert "(line 3)" in done.err
    assert "bench baseline openai:small" in done.err
    assert "--batch" in done.err
    assert secret not in done.err
    assert not (tmp_path / "run").exists()
    batch_server.end = "completed"
    assert api().code == 0
    assert len(rows()) == 6


def test_a_batch_that_fails_does_not_take_the_others_with_it(
    api: Any, batch_server: Any, monkeypatch: pytest.MonkeyPatch, rows: Any, quickly: Any
) -> None:
    quickly(requests=4)
    whole = batch_server.look

    def look(batch: dict[str, Any]) -> dict[str, Any]:
        batch_server.end = "failed" if batch["id"] == "batch_1" else "completed"
        return whole(batch)

    monkeypatch.setattr(batch_server, "look", look)
    done = api()
    assert done.code == 5
    assert "Batch batch_1 of 2 articles failed: no reason given" in done.err
    assert "4 rows are written" in done.err
    assert len(rows()) == 4
    assert api().code == 0
    assert len(rows()) == 6
    assert set(batch_server.submitted().values()) == {1}


@pytest.mark.parametrize("end", ["expired", "cancelled"])
def test_what_a_batch_did_not_get_to_is_an_error_that_can_be_retried(
    api: Any, bench: Bench, batch_server: Any, batch_line: Any, tmp_path: Path, end: str, rows: Any
) -> None:
    batch_server.end = end
    order: list[str] = []

    def place(request: dict[str, Any]) -> int:
        order.append(request["custom_id"]) if request["custom_id"] not in order else None
        return order.index(request["custom_id"])

    unrun = {"code": f"batch_{end}", "message": "This request could not be executed."}
    batch_server.answer = lambda one: batch_line(one) if place(one) < 3 else None
    batch_server.fails = lambda one: (
        {"id": "x", "custom_id": one["custom_id"], "response": None, "error": unrun} if place(one) == 3 else None
    )
    done = api()
    assert done.code == 5
    assert "3 of 6 articles failed for good" in done.err
    assert f"bench baseline retry {shlex.quote(str(tmp_path / 'run'))}" in done.out
    errors = [row["detail"] for row in rows() if row["status"] == "error"]
    assert Counter(errors) == {
        f"the request was not run: batch_{end}: This request could not be executed.": 1,
        f"batch batch_0 ended as {end} without an answer for this article": 2,
    }
    batch_server.end, batch_server.answer = "completed", batch_line
    again = bench("baseline", "retry", tmp_path / "run")
    assert again.code == 0, again.err
    assert [row["status"] for row in rows()] == ["ok"] * 6
    assert [len(batch_server.rows(batch["input_file_id"])) for batch in batch_server.batches] == [6, 3]


def test_a_batch_that_is_being_cancelled_is_waited_for(api: Any, batch_server: Any, rows: Any) -> None:
    seen = []

    def look(batch: dict[str, Any]) -> dict[str, Any]:
        seen.append(batch["id"])
        batch["status"] = "cancelling" if len(seen) < 4 else "cancelled"
        return batch

    batch_server.look = look
    done = api()
    assert (done.code, len(seen)) == (5, 4)
    assert "Batch batch_0: cancelling" in done.err
    assert {row["status"] for row in rows()} == {"error"}


def test_errors_of_single_requests_become_rows_with_their_status(
    api: Any, batch_server: Any, batch_line: Any, tmp_path: Path, rows: Any, secret: str
) -> None:
    def error(message: str, code: str) -> dict[str, Any]:
        return {"error": {"message": message, "code": code, "type": "invalid_request_error"}}

    kinds: list[Callable[[Any], Any]] = [
        lambda one: batch_line(one),
        lambda one: batch_line(one, status=400, body=error(f"maximum context length, {secret}", "too_long")),
        lambda one: batch_line(one, status=400, body=error("Blocked", "content_filter")),
        lambda one: batch_line(one, status=500, body="oops"),
        lambda one: batch_line(one, "As requested, I thought about it."),
        lambda one: {"custom_id": one["custom_id"], "response": {"status_code": 200, "body": {"choices": []}}},
    ]  # fmt: skip
    order = iter(kinds)
    batch_server.answer = lambda one: next(order)(one)
    (tmp_path / "prices.toml").write_text(PRICES)
    done = api("--prices", tmp_path / "prices.toml")
    assert done.code == 5
    found = rows()
    assert [row["status"] for row in found] == ["ok", "error", "refused", "error", "parse_failed", "error"]
    assert "maximum context length" in found[1]["detail"]
    assert secret not in json.dumps(found) + done.err + done.out
    assert "answered 500: oops" in found[3]["detail"]
    assert found[4]["usage"]["cost_usd"] == pytest.approx(0.002)
    assert found[5]["detail"] == "the answer contains no choice"
    assert all(row["notes"]["batch"] == "batch_0" for row in found)


def test_lines_for_nobody_second_lines_and_broken_lines_are_told_and_change_nothing(
    api: Any, batch_server: Any, batch_line: Any, rows: Any, parts: Any
) -> None:
    wrong = '["This is the answer to something else altogether."]'
    asked: list[dict[str, Any]] = []

    def answer(one: dict[str, Any]) -> Any:
        asked.append(one)
        line = json.dumps(batch_line(one)).encode()
        match len(asked):
            case 1:  # a line for nobody before, a second one after
                nobody = json.dumps({**batch_line(one, wrong), "custom_id": "elife:0"}).encode()
                unnamed = json.dumps({**batch_line(one, wrong), "custom_id": 7}).encode()
                return b"\n".join([nobody, unnamed, line, json.dumps(batch_line(one, wrong)).encode(), b""])
            case 2:
                return line[: len(line) // 2]
        return line

    batch_server.answer = answer
    batch_server.fails = lambda one: batch_line(one, status=500, body="late") if one is asked[2] else None
    done = api()
    assert done.code == 5
    assert "lines of its output that are not JSON and were left out: 1" in done.err
    assert "lines for no article of it, left out: 2 (elife:0, 7)" in done.err
    assert f"articles with several lines, of which the first counts: 2 ({asked[0]['custom_id']}, " in done.err
    found = {row["article_id"]: row for row in rows()}
    assert len(found) == 6
    assert [found[one["custom_id"]]["status"] for one in asked] == ["ok", "error", "ok", "ok", "ok", "ok"]
    assert "without an answer" in found[asked[1]["custom_id"]]["detail"]
    assert wrong not in json.dumps(list(found.values()))
    [part] = parts()
    assert len(part["problems"]) == 3


def test_an_id_that_no_request_may_carry_travels_as_its_hash() -> None:
    from bioreview_bench.llm.batch.answers import custom_id

    assert custom_id("f1000:10.12688_f1000research.123.1") == "f1000:10.12688_f1000research.123.1"
    for odd in ("elife:" + "9" * 60, "elife:\u00e9", "a b", "", "x\ny", "\ud800"):
        assert custom_id(odd).startswith("sha256-")
        assert len(custom_id(odd)) <= 64
    assert custom_id("a b") != custom_id("a c")
