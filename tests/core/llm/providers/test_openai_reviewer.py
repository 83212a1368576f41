"""The real openai client against a server on loopback: what it is sent, and what becomes of every kind of answer."""

from __future__ import annotations

import json
import sys
import time
from email.utils import formatdate
from typing import Any

import pytest

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.llm.calls.prices import Price
from bioreview_bench.llm.review import GiveUp, TryAgain

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")


def problem(message: str, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def test_the_request_holds_model_messages_parameters_and_schema(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, completion: Any, openai_key: str
) -> None:
    model_server.say(reply(completion()))
    parameters = {"temperature": 0.1, "top_p": 0.9, "max_tokens": 4096, "seed": 7, "repetition_penalty": 1.05}
    reviewer = openai_reviewer(parameters=parameters, price=Price(2.0, 10.0, "2026-01-31"))
    review = ask(reviewer)
    (request,) = model_server.requests
    assert request["path"] == "/v1/chat/completions"
    assert request["headers"]["authorization"] == f"Bearer {openai_key}"
    body = request["body"]
    assert body["model"] == "small"
    assert {key: body[key] for key in parameters} == parameters
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["schema"] == reviewer.asking.schema
    assert "We saw it." in body["messages"][-1]["content"]
    assert review.status == "ok"
    assert [concern["text"] for concern in review.concerns] == ["There is no control group."]
    assert review.raw_output == '{"concerns": [{"text": "There is no control group."}]}'
    assert (review.usage.input_tokens, review.usage.output_tokens) == (1000, 200)
    assert review.usage.cost_usd == pytest.approx(0.004)
    assert review.notes == {"served_model": "small-2026-01-31"}


def test_structured_output_can_be_off_and_is_part_of_the_description(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, completion: Any
) -> None:
    model_server.say(reply(completion()))
    off = openai_reviewer(structured=False)
    ask(off)
    assert "response_format" not in model_server.requests[0]["body"]
    assert off.describe()["structured_output"] == "none"
    assert openai_reviewer().describe()["structured_output"] == "json_schema"


def test_the_description_names_what_could_change_the_output_and_no_secret(
    openai_reviewer: Any, model_server: Any
) -> None:
    reviewer = openai_reviewer(
        base_url=f"{model_server.url.replace('//', '//user:pass@')}/v1?token=x", parameters={"seed": 1}
    )
    described = reviewer.describe()
    assert described["base_url"] == f"{model_server.url}/v1"
    assert described["parameters"] == {"seed": 1}
    prompt = reviewer.asking.prompt
    assert described["prompt"] == {"id": "objects-v1", "sha256": prompt.sha256, "answer": "objects"}
    assert (described["token_counter"], described["budget_tokens"], described["model"]) == ("chars3", 15_000, "small")
    json.dumps(described)


def test_a_paper_that_was_cut_is_noted_in_its_row(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, completion: Any
) -> None:
    model_server.say(reply(completion()))
    long = Manuscript("elife:1", "T", "A.", {"Results": "Many words here. " * 2000}, (), "eLife")
    notes = ask(openai_reviewer(budget=500), long).notes
    assert notes is not None
    assert notes["cut"]["tokens"] <= 500 < notes["cut"]["of"]


def test_settings_that_the_client_reads_from_the_environment_do_not_reach_other_servers(
    openai_reviewer: Any, model_server: Any, reply: Any, monkeypatch: pytest.MonkeyPatch, ask: Any, completion: Any
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/nowhere")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    model_server.say(reply(completion()))
    ask(openai_reviewer())
    names = set(model_server.requests[0]["headers"])
    assert not names & {"openai-organization", "openai-project"}


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529, 408, 409])
def test_server_errors_may_pass_and_the_client_does_not_retry_by_itself(
    openai_reviewer: Any, model_server: Any, reply: Any, status: int, ask: Any
) -> None:
    model_server.say(reply(b"<html>Bad gateway</html>", status, content_type="text/html"))
    with pytest.raises(TryAgain, match=str(status)) as caught:
        ask(openai_reviewer())
    assert not caught.value.rate_limited
    assert len(model_server.requests) == 1


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "7"}, 7, 7),
        ({"Retry-After": "0.5"}, 0.5, 0.5),
        ({"retry-after-ms": "250", "Retry-After": "1"}, 0.25, 0.25),
        ({"Retry-After": "in ten seconds"}, None, None),
        ({"Retry-After": "-3"}, None, None),
        ({"Retry-After": "inf"}, None, None),
        ({"Retry-After": "DATE"}, 100, 201),
        ({}, None, None),
    ],
)
def test_a_rate_limit_carries_the_wait_that_the_server_names(
    openai_reviewer: Any,
    model_server: Any,
    reply: Any,
    headers: dict[str, str],
    low: float | None,
    high: float | None,
    ask: Any,
) -> None:
    if headers.get("Retry-After") == "DATE":
        headers = {"Retry-After": formatdate(time.time() + 200, usegmt=True)}
    model_server.say(reply(problem("Slow down", "rate_limit_exceeded", "tokens"), 429, headers))
    with pytest.raises(TryAgain, match="Slow down") as caught:
        ask(openai_reviewer())
    assert caught.value.rate_limited
    if low is None:
        assert caught.value.after is None
    else:
        assert caught.value.after is not None
        assert low <= caught.value.after <= (high or 0)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (429, problem("You exceeded your current quota", "insufficient_quota", "insufficient_quota"), "quota"),
        (401, problem("Incorrect API key provided: sk-proj-****6789", "invalid_api_key"), "401"),
        (402, problem("Insufficient credits"), "credits"),
        (403, problem("Country not supported"), "Country"),
        (404, problem("The model `small` does not exist", "model_not_found"), "does not exist"),
        (400, problem("Unknown parameter: 'repetition_penalty'"), "repetition_penalty"),
        (422, {"detail": "temperature must be below 2"}, "422"),
        (400, {"object": "error", "message": "extra fields not permitted", "code": 400}, "extra fields"),
        (200, {"error": {"code": 402, "message": "Out of credit"}}, "Out of credit"),
    ],
)
def test_what_every_call_would_meet_stops_the_run(
    openai_reviewer: Any, model_server: Any, reply: Any, status: int, body: Any, words: str, ask: Any
) -> None:
    model_server.say(reply(body, status))
    with pytest.raises(GiveUp, match=words) as caught:
        ask(openai_reviewer())
    assert "sk-proj" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        {"body": problem("Blocked by policy", "content_filter"), "status": 400},
        {"body": problem("Invalid prompt: flagged", "invalid_prompt"), "status": 400},
        {"said": (None, "stop"), "refusal": "I cannot help with that."},
        {"said": (None, "content_filter")},
        {"said": ('{"concerns": [{"te', "content_filter")},
    ],
)
def test_refusals_are_rows_with_their_own_status(
    openai_reviewer: Any, model_server: Any, reply: Any, answer: Any, ask: Any, completion: Any
) -> None:
    if "said" in answer:
        answer = {"body": completion(*answer.pop("said"), **answer)}
    model_server.say(reply(**answer))
    review = ask(openai_reviewer())
    assert (review.status, review.concerns) == ("refused", ())
    assert review.detail


def test_an_answer_cut_by_the_limit_is_read_as_cut(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, completion: Any
) -> None:
    cut = '{"concerns": [{"text": "There is no control group."}, {"text": "The sam'
    model_server.say(reply(completion(cut, "length")))
    review = ask(openai_reviewer())
    assert (review.status, len(review.concerns), review.raw_output) == ("truncated", 1, cut)


def test_an_answer_that_cannot_be_read_keeps_its_text(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, completion: Any
) -> None:
    model_server.say(reply(completion("As requested, I thought about it.")))
    review = ask(openai_reviewer())
    assert (review.status, review.raw_output) == ("parse_failed", "As requested, I thought about it.")
    assert review.usage.output_tokens == 200


def test_an_answer_in_parts_is_joined(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, completion: Any
) -> None:
    text = '{"concerns": [{"text": "There is no control group."}]}'
    parts = [{"type": "text", "text": text[:20]}, {"type": "text", "text": text[20:]}]
    model_server.say(reply(completion(parts)))
    assert ask(openai_reviewer()).status == "ok"


@pytest.mark.parametrize(
    "answer",
    [
        {"body": b'{"id": "c1", "choices": [{"mess'},
        {"body": b""},
        {"body": b"[]"},
        {"body": b"null"},
        {"body": b"\xff\xfe{}"},
        {"body": b"<html>Welcome to the network</html>", "content_type": "text/html"},
        {"body": {"id": "c1", "object": "chat.completion", "choices": []}},
        {"body": {"id": "c1"}},
        {"body": {"choices": [None]}},
        {"body": {"choices": [{"message": None}]}},
        {"body": {"choices": {"0": 1}}},
        {"body": {"error": {"message": "overloaded"}}},
        {"reset_after": 0},
        {"reset_after": 50},
    ],
)
def test_broken_answers_may_pass(
    openai_reviewer: Any, model_server: Any, reply: Any, answer: dict[str, Any], ask: Any, completion: Any
) -> None:
    model_server.say(reply(**{"body": completion(), **answer}))
    with pytest.raises(TryAgain) as caught:
        ask(openai_reviewer())
    assert not caught.value.unreachable


def test_an_answer_without_a_choice_still_counts_its_tokens(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, completion: Any
) -> None:
    model_server.say(reply({**completion(), "choices": []}))
    with pytest.raises(TryAgain) as caught:
        ask(openai_reviewer())
    assert caught.value.usage.input_tokens == 1000


def test_odd_token_counts_are_unknown(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, completion: Any
) -> None:
    for usage in (None, "many", {"prompt_tokens": -1, "completion_tokens": 2.5}, {}):
        model_server.say(reply({**completion(), "usage": usage}))
        review = ask(openai_reviewer(price=Price(1, 1, "2026-01-31")))
        assert (review.usage.input_tokens, review.usage.cost_usd) == (None, None)


def test_a_request_that_is_too_long_concerns_one_article(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any
) -> None:
    message = "This model's maximum context length is 8192 tokens."
    model_server.say(reply(problem(message, "context_length_exceeded"), 400))
    assert ask(openai_reviewer()).status == "error"


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://host/v1", "http:///v1", "https://"])
def test_an_address_that_is_none_is_told_at_once(openai_reviewer: Any, url: str) -> None:
    with pytest.raises(InputError, match="not an http address"):
        openai_reviewer(base_url=url)


def test_a_missing_client_is_exit_code_3_with_the_command(
    openai_reviewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(EncoderError, match=r"pip install .*\[baselines\]") as caught:
        openai_reviewer().connect()
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("name", ["model", "messages", "stream", "n", "response_format"])
def test_parameters_cannot_change_what_is_asked(openai_reviewer: Any, name: str) -> None:
    with pytest.raises(InputError, match=name):
        openai_reviewer(parameters={name: True})


def test_an_estimate_needs_no_key_and_no_connection(
    openai_reviewer: Any, monkeypatch: pytest.MonkeyPatch, papers: Any
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    price = Price(1.0, 1.0, "2026-01-31")
    usage = openai_reviewer(parameters={"max_tokens": 1000}, price=price).estimate(papers(1)[0])
    assert usage.input_tokens is not None
    assert usage.cost_usd == pytest.approx((usage.input_tokens + 1000) / 1e6)
    assert openai_reviewer(price=price).estimate(papers(1)[0]).cost_usd is None
    assert openai_reviewer(parameters={"max_tokens": 9}).estimate(papers(1)[0]).cost_usd is None
