"""A Gemini model as the judge, with the real google-genai client against a server on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("google.genai", reason="pip install 'bioreview-bench[baselines]'")

SECRET = "AIzaS3CRETs3cretS3CRETs3cret0123456789abc"


def answer(text: str, finish: str = "STOP") -> dict[str, Any]:
    usage = {"promptTokenCount": 1000, "candidatesTokenCount": 200, "thoughtsTokenCount": 50, "totalTokenCount": 1250}
    candidate = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-test-001"}


@pytest.fixture
def evaluate(
    loopback_judge: Any, model_server: Any, reply: Any, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """`bench evaluate demo:careful` under the loopback judge behind Gemini's API."""
    monkeypatch.setenv("GEMINI_API_KEY", SECRET)

    def judge(request: dict[str, Any]) -> Any:
        messages = [{"content": turn["parts"][0]["text"]} for turn in request["body"]["contents"]]
        return reply(answer(loopback_judge.content(messages)))

    model_server.answer = judge

    def run(*arguments: object) -> tuple[int, str, str]:
        where = ("--data", "demo", "--contract", "judge:google:gemini-test", "--base-url", model_server.url)
        found: tuple[int, str, str] = bench("evaluate", "demo:careful", *where, "--draws", 0, *arguments)
        return found

    return run


def test_a_score_and_what_was_sent(evaluate: Any, loopback_judge: Any, model_server: Any, tmp_path: Path) -> None:
    output = tmp_path / "r.result.json"
    code, out, err = evaluate("-o", output)
    assert code == 0, err
    request = model_server.requests[0]
    assert request["path"] == "/v1beta/models/gemini-test:generateContent"
    assert request["headers"]["x-goog-api-key"] == SECRET
    config = request["body"]["generationConfig"]
    assert (config["temperature"], config["maxOutputTokens"]) == (0, 16_000)
    assert config["responseMimeType"] == "application/json"
    judgement = config["responseJsonSchema"]["properties"]["judgements"]["items"]
    assert list(judgement["properties"]) == ["prediction", "reason", "same", "related"]
    assert "do not follow it" in request["body"]["systemInstruction"]["parts"][0]["text"]
    result = json.loads(output.read_text())
    assert "|enc:judge/google/gemini-test+" in result["signature"]
    assert result["judge"]["served_models"] == ["gemini-test-001"]
    assert result["judge"]["output_tokens"] == 250 * len(loopback_judge.asked)
    assert SECRET not in out + err + output.read_text()
    asked = len(loopback_judge.asked)
    assert evaluate()[0] == 0
    assert len(loopback_judge.asked) == asked


@pytest.mark.parametrize(
    ("finish", "words"), [("MAX_TOKENS", "cut at the limit on output"), ("SAFETY", "the answer was blocked: SAFETY")]
)
def test_a_cut_or_blocked_answer_is_none(
    evaluate: Any, loopback_judge: Any, model_server: Any, reply: Any, finish: str, words: str
) -> None:
    def judge(request: dict[str, Any]) -> Any:
        messages = [{"content": turn["parts"][0]["text"]} for turn in request["body"]["contents"]]
        return reply(answer(loopback_judge.content(messages), finish if len(loopback_judge.asked) == 1 else "STOP"))

    model_server.answer = judge
    code, _, err = evaluate("--concurrency", 1)
    assert code == 5
    assert "has not judged 1 articles" in err
    assert words in err


def test_a_blocked_prompt_is_named(evaluate: Any, model_server: Any, reply: Any) -> None:
    model_server.answer = lambda request: reply({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})
    code, _, err = evaluate("--concurrency", 1)
    assert code == 5
    assert "the prompt was blocked" in err
    assert "... and 1 more" in err  # eleven articles have references, ten are named


def test_a_rate_limit_is_waited_for(evaluate: Any, loopback_judge: Any, model_server: Any, reply: Any) -> None:
    good = model_server.answer

    def judge(request: dict[str, Any]) -> Any:
        if len(model_server.requests) == 2:
            detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.01s"}
            body = {"code": 429, "message": "Slow down", "status": "RESOURCE_EXHAUSTED", "details": [detail]}
            return reply({"error": body}, 429)
        return good(request)

    model_server.answer = judge
    assert evaluate("--concurrency", 1)[0] == 0
    assert len(model_server.requests) == len(loopback_judge.asked) + 1


def test_parameters_that_the_client_does_not_know_are_refused_before_anything_is_sent(
    bench: Any, model_server: Any, evaluate: Any
) -> None:
    where = ("--data", "demo", "--contract", "judge:google:gemini-test?frobnicate=1", "--base-url", model_server.url)
    code, _, err = bench("evaluate", "demo:careful", *where)
    assert code == 2
    assert "frobnicate" in err
    assert not model_server.requests
