"""The real google-genai client against a server on loopback: what it is sent, and what becomes of the answers."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import EncoderError, InputError, RemoteError
from bioreview_bench.llm.calls.prices import Price
from bioreview_bench.llm.providers.google import GoogleReviewer
from bioreview_bench.llm.review import GiveUp, TryAgain

pytest.importorskip("google.genai", reason="pip install 'bioreview-bench[baselines]'")

SECRET = "AIzaS3CRETs3cretS3CRETs3cret0123456789abc"
CONCERNS = '{"concerns": [{"text": "There is no control group."}]}'


def answer(text: str | None = CONCERNS, finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": [] if text is None else [{"text": text}]}
    return {
        "candidates": [{"index": 0, "content": content, **({"finishReason": finish} if finish else {})}],
        "usageMetadata": {
            "promptTokenCount": 1000,
            "candidatesTokenCount": 200,
            "thoughtsTokenCount": 50,
            "totalTokenCount": 1250,
        },
        "modelVersion": "gemini-test-001",
        **more,
    }


def problem(code: int, status: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def retry_info(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota(name: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": name}]}


@pytest.fixture
def make(model_server: Any, asking: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., GoogleReviewer]:
    monkeypatch.setenv("GEMINI_API_KEY", SECRET)

    def build(budget: int = 15_000, structured: bool = True, **settings: Any) -> GoogleReviewer:
        how = asking(budget=budget, structured=structured)
        return GoogleReviewer("gemini-test", how, **{"base_url": model_server.url, **settings})

    return build


def test_the_request_holds_prompt_parameters_and_schema(make: Any, model_server: Any, reply: Any, ask: Any) -> None:
    model_server.say(reply(answer()))
    parameters = {"temperature": 0.1, "top_p": 0.9, "max_tokens": 4096, "seed": 7, "thinking_budget": 0}
    reviewer = make(parameters=parameters, price=Price(2.0, 10.0, "2026-01-31"))
    review = ask(reviewer)
    (request,) = model_server.requests
    assert request["path"] == "/v1beta/models/gemini-test:generateContent"
    assert request["headers"]["x-goog-api-key"] == SECRET
    body = request["body"]
    config = body["generationConfig"]
    assert (config["temperature"], config["topP"], config["maxOutputTokens"], config["seed"]) == (0.1, 0.9, 4096, 7)
    # The API takes either spelling of a name; which one is sent differs between versions of the client.
    assert config["thinkingConfig"] in ({"thinkingBudget": 0}, {"thinking_budget": 0})
    assert config["responseMimeType"] == "application/json"
    assert config["responseJsonSchema"] == reviewer.asking.schema
    assert body["systemInstruction"]["parts"][0]["text"]
    assert [turn["role"] for turn in body["contents"]] == ["user"]
    assert "We saw it." in body["contents"][0]["parts"][0]["text"]
    assert review.status == "ok"
    assert [concern["text"] for concern in review.concerns] == ["There is no control group."]
    assert review.raw_output == CONCERNS
    # Thoughts are billed as output.
    assert (review.usage.input_tokens, review.usage.output_tokens) == (1000, 250)
    assert review.usage.cost_usd == pytest.approx(0.0045)
    assert review.notes == {"served_model": "gemini-test-001"}


def test_structured_output_can_be_off(make: Any, model_server: Any, reply: Any, ask: Any) -> None:
    model_server.say(reply(answer()))
    reviewer = make(structured=False)
    ask(reviewer)
    assert "responseJsonSchema" not in model_server.requests[0]["body"].get("generationConfig", {})
    assert reviewer.describe()["structured_output"] == "none"


def test_the_environment_changes_neither_address_nor_account(
    make: Any, model_server: Any, reply: Any, monkeypatch: pytest.MonkeyPatch, ask: Any
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "AIza-another-key-of-the-user")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "project")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v1")
    model_server.say(reply(answer()))
    ask(make())
    (request,) = model_server.requests
    assert request["path"].startswith("/v1beta/models/")
    assert request["headers"]["x-goog-api-key"] == SECRET


def test_thoughts_are_no_part_of_the_answer(make: Any, model_server: Any, reply: Any, ask: Any) -> None:
    body = answer()
    body["candidates"][0]["content"]["parts"].insert(0, {"text": "Let me think [1].", "thought": True})
    model_server.say(reply(body))
    assert ask(make()).raw_output == CONCERNS


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII"])
def test_blocked_answers_and_prompts_are_refusals(
    make: Any, model_server: Any, reply: Any, reason: str, ask: Any
) -> None:
    model_server.say(reply(answer(None, reason)))
    review = ask(make())
    assert (review.status, review.concerns) == ("refused", ())
    assert reason in (review.detail or "")
    blocked = {"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 5}}
    model_server.say(reply(blocked))
    review = ask(make())
    assert (review.status, review.usage.input_tokens, review.usage.output_tokens) == ("refused", 5, 0)


@pytest.mark.parametrize("reason", ["MAX_TOKENS", "CONTINUATION"])
def test_an_answer_that_was_cut_is_read_as_cut_in_one_request(
    make: Any, model_server: Any, reply: Any, reason: str, ask: Any
) -> None:
    cut = '{"concerns": [{"text": "There is no control group."}, {"text": "The sam'
    body = answer(cut, reason)
    body["candidates"][0]["continuationToken"] = "dG9rZW4="
    model_server.say(reply(body))
    review = ask(make())
    assert (review.status, len(review.concerns), review.raw_output) == ("truncated", 1, cut)
    assert len(model_server.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_errors_may_pass_and_the_client_does_not_retry_by_itself(
    make: Any, model_server: Any, reply: Any, status: int, ask: Any
) -> None:
    model_server.say(reply(problem(status, "UNAVAILABLE", "overloaded"), status))
    with pytest.raises(TryAgain, match="overloaded") as caught:
        ask(make())
    assert not caught.value.rate_limited
    assert len(model_server.requests) == 1
    model_server.say(reply(b"<html>Bad gateway</html>", status, content_type="text/html"))
    with pytest.raises(TryAgain):
        ask(make())


@pytest.mark.parametrize(
    ("details", "headers", "after"),
    [
        ([quota("GenerateRequestsPerMinutePerProject"), retry_info("34.5s")], {}, 34.5),
        ([retry_info("soon")], {"Retry-After": "3"}, 3.0),
        ([], {"Retry-After": "2"}, 2.0),
        ([], {}, None),
    ],
)
def test_a_rate_limit_carries_the_wait_that_the_server_names(
    make: Any, model_server: Any, reply: Any, details: list[Any], headers: dict[str, str], after: float | None, ask: Any
) -> None:
    model_server.say(reply(problem(429, "RESOURCE_EXHAUSTED", "Slow down", *details), 429, headers))
    with pytest.raises(TryAgain, match="Slow down") as caught:
        ask(make())
    assert caught.value.rate_limited
    assert caught.value.after == after


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            429,
            problem(429, "RESOURCE_EXHAUSTED", "Quota", quota("RequestsPerDayPerProject"), retry_info("5s")),
            "daily",
        ),
        (
            400,
            problem(400, "INVALID_ARGUMENT", "API key not valid.", {"reason": "API_KEY_INVALID"}),
            "does not accept the key in GEMINI_API_KEY",
        ),
        (403, problem(403, "PERMISSION_DENIED", "Denied"), "Denied"),
        (404, problem(404, "NOT_FOUND", "models/gemini-test is not found"), "not found"),
        (400, problem(400, "INVALID_ARGUMENT", "Unknown name seed"), "Unknown name"),
    ],
)
def test_what_every_call_would_meet_stops_the_run(
    make: Any, model_server: Any, reply: Any, status: int, body: Any, words: str, ask: Any
) -> None:
    model_server.say(reply(body, status))
    with pytest.raises(GiveUp, match=words):
        ask(make())


def test_a_request_that_is_too_long_concerns_one_article(make: Any, model_server: Any, reply: Any, ask: Any) -> None:
    message = "The input token count (1200000) exceeds the maximum number of tokens allowed."
    model_server.say(reply(problem(400, "INVALID_ARGUMENT", message), 400))
    assert ask(make()).status == "error"


@pytest.mark.parametrize(
    "given",
    [
        {"body": b'{"candidates": [{"cont'},
        {"body": b""},
        {"body": b"[]"},
        {"body": b"null"},
        {"body": b"7"},
        {"body": b"<html>Welcome to the network</html>", "content_type": "text/html"},
        {"body": {}},
        {"body": {"candidates": []}},
        {"body": {"candidates": "none"}},
        {"body": {"candidates": [None]}},
        {"body": {"candidates": [{"content": {"parts": "x"}}]}},
        {"body": answer(None, "OTHER")},
        {"body": answer(None, "MALFORMED_RESPONSE")},
        {"body": answer(None, "SOMETHING_NEW")},
        {"body": answer(), "reset_after": 0},
        {"body": answer(), "reset_after": 50},
        {"body": b"[1]", "status": 500},
        {"body": b"7", "status": 500},
    ],
)
def test_broken_answers_may_pass(make: Any, model_server: Any, reply: Any, given: dict[str, Any], ask: Any) -> None:
    model_server.say(reply(**given))
    with pytest.raises(TryAgain) as caught:
        ask(make())
    assert not caught.value.unreachable


def test_a_missing_key_client_or_parameter_is_told_before_anything_is_sent(
    make: Any, model_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="repetition_penalty"):
        make(parameters={"repetition_penalty": 1.05}).connect()
    with pytest.raises(InputError, match="response_schema"):
        make(parameters={"response_schema": {}})
    with pytest.raises(InputError, match="NO_SUCH_KEY"):
        make(key_env="NO_SUCH_KEY").connect()
    monkeypatch.setitem(sys.modules, "google.genai", None)
    with pytest.raises(EncoderError, match=r"pip install .*\[baselines\]"):
        make().connect()
    assert not model_server.requests


def test_a_bad_day_of_a_server_costs_no_article(make: Any, model_server: Any, reply: Any, engine: Any) -> None:
    bad = [
        reply(problem(429, "RESOURCE_EXHAUSTED", "Slow down", retry_info("0.05s")), 429),
        reply(b"oops", 500),
        reply(answer(), reset_after=30),
        reply(b'{"id": '),
        reply(answer(), drip=0.05),
    ]
    counter = iter(range(10**6))

    def respond(request: Any) -> Any:
        number = next(counter)
        return bad[number // 2 % len(bad)] if number % 2 else reply(answer())

    model_server.answer = respond
    _, store = engine(make(), 30, timeout=0.5, attempts=30)
    assert store.totals.by_status == {"ok": 30}


def test_an_address_where_nobody_listens_is_one_message(make: Any, tmp_path: Path, engine: Any) -> None:
    with pytest.raises(RemoteError, match="No server answers"):
        engine(make(base_url="http://127.0.0.1:9"), 5, attempts=2)
    assert not (tmp_path / "run" / "run.json").exists()


def test_the_key_is_in_no_message_file_or_log(
    make: Any,
    model_server: Any,
    reply: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    ask: Any,
    engine: Any,
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = []
    for status in (400, 403, 429, 500):
        model_server.say(reply(problem(status, "X", f"Your key {SECRET} is wrong"), status))
        reviewer = make()
        try:
            ask(reviewer)
        except (TryAgain, GiveUp) as error:
            shown.append(repr(error) + str(error) + str(error.__cause__))
        shown.append(repr(reviewer) + repr(vars(reviewer)) + json.dumps(reviewer.describe()))
    counter = iter(range(100))
    wrong = reply(problem(500, "X", f"Your key {SECRET} is wrong"), 500)
    model_server.answer = lambda request: wrong if next(counter) % 2 else reply(answer())
    engine(make(), 6, attempts=1)
    shown += [path.read_text() for path in (tmp_path / "run").iterdir()]
    shown += [caplog.text, *capfd.readouterr()]
    for text in shown:
        assert SECRET not in text
        assert SECRET[6:20] not in text


def test_nothing_that_tells_of_the_review_is_sent(
    make: Any, model_server: Any, reply: Any, canaries: Any, ask: Any
) -> None:
    model_server.say(reply(answer()))
    ask(make(budget=100_000), Manuscript.from_article(canaries))
    sent = model_server.requests[0]["raw"].decode()
    assert "VISIBLE-BODY" in sent
    assert "CANARY" not in sent
