"""Every end of an answer has a meaning: what was broken off, silent, refused or too long is known as that."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import RemoteError
from bioreview_bench.llm.calls.engine import run
from bioreview_bench.llm.calls.pacing import Backoff
from bioreview_bench.llm.providers.cures import too_long
from bioreview_bench.llm.providers.endings import ending
from bioreview_bench.llm.providers.said import said_in
from bioreview_bench.llm.review import GiveUp, Review, TryAgain
from bioreview_bench.llm.run.rows import is_answer
from bioreview_bench.llm.run.store import RunStore

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")

GOOD = '[{"text": "The tank temperature was not kept constant."}]'
HALF = '[{"text": "The tank temperature was not kept constant."}, {"text": "Feeding tim'
GONE = {"code": 502, "message": "the upstream host went away"}
TOO_LONG = "request (17000 tokens) exceeds the available context size (8192 tokens), try increasing it"


def chat(content: Any, finish: Any = "stop", message: Any = None, **choice: Any) -> dict[str, Any]:
    one = {"index": 0, "message": {"role": "assistant", "content": content, **(message or {})}, "finish_reason": finish}
    return {"model": "stub", "choices": [{**one, **choice}], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (chat(HALF, "error", error=GONE), "the upstream host went away"),
        (chat(HALF, "error", error="upstream died"), "upstream died"),
        (chat("1. One whole point.\n2. Half", "stop", error=GONE), "the upstream host went away"),
        ({**chat(GOOD), "error": GONE}, "the upstream host went away"),
        (chat("", "error", error=GONE), "the upstream host went away"),
        (chat(HALF, "error"), "finish reason error"),
        (chat(HALF, "error", native_finish_reason="OTHER"), "error, OTHER"),
        (chat(HALF, "abort"), "finish reason abort"),
        (chat(HALF, "network_error"), "finish reason network_error"),
        (chat(HALF, "insufficient_system_resource"), "insufficient_system_resource"),
        (chat(HALF, 7), "finish reason 7"),
        ({"error": "overloaded"}, "overloaded"),
        ({"detail": "the engine is starting"}, "the engine is starting"),
        ({"message": "busy"}, "busy"),
    ],
)  # fmt: skip
def test_what_the_service_broke_off_is_tried_again_with_its_words(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, body: Any, said: str
) -> None:
    model_server.say(reply(body))
    with pytest.raises(TryAgain, match=said) as caught:
        ask(openai_reviewer())
    assert caught.value.review is None


@pytest.mark.parametrize(
    ("reason", "meaning"),
    [
        (None, "whole"), ("stop", "whole"), ("STOP", "whole"), ("eos_token", "whole"), ("end_turn", "whole"),
        ("length", "cut"), ("MAX_TOKENS", "cut"), ("model_length", "cut"), ("content_filter", "filtered"),
        ("SAFETY", "filtered"), ("refusal", "filtered"), ("OTHER", "broken"), ("error", "broken"), ({}, "broken"),
        ("MALFORMED_FUNCTION_CALL", "broken"), ("abort", "broken"), (True, "broken"), ("stopped early", "broken"),
    ],
)  # fmt: skip
def test_reasons_to_end_an_answer(reason: Any, meaning: str) -> None:
    assert ending(reason) == meaning


def call(arguments: Any) -> dict[str, Any]:
    return {"tool_calls": [{"id": "1", "type": "function", "function": {"name": "concerns", "arguments": arguments}}]}


@pytest.mark.parametrize(
    ("message", "finish"),
    [
        (call(GOOD), "tool_calls"),
        (call(GOOD), "stop"),
        (call(json.loads(GOOD)), "tool_calls"),
        ({"function_call": {"name": "concerns", "arguments": GOOD}}, "function_call"),
    ],
)
def test_the_arguments_of_a_call_are_the_answer(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, message: Any, finish: str
) -> None:
    model_server.say(reply(chat(None, finish, message)))
    review = ask(openai_reviewer())
    assert [concern["text"] for concern in review.concerns] == ["The tank temperature was not kept constant."]
    assert review.status == "ok"
    assert json.loads(review.raw_output) == json.loads(GOOD)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (chat(""), "wrote nothing, finish reason stop"),
        (chat(" \n"), "wrote nothing"),
        (chat("<think>I think.</think>\n"), "a thought and no answer"),
        (chat(None, message={"reasoning_content": "I think."}), "a thought and no answer"),
        (chat([], message={"reasoning": "I think."}), "a thought and no answer"),
        (chat(None, "tool_calls", call("")), "wrote nothing, finish reason tool_calls"),
    ],
)
def test_an_empty_answer_is_tried_again_and_then_says_that_it_is_empty(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, body: Any, said: str
) -> None:
    model_server.say(reply(body))
    with pytest.raises(TryAgain, match=said) as caught:
        ask(openai_reviewer())
    assert caught.value.usage.input_tokens == 10
    review = caught.value.review
    assert review is not None
    assert (review.status, review.concerns, review.detail) == ("empty", (), str(caught.value))


def test_a_cut_answer_without_text_is_not_tried_again(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any
) -> None:
    model_server.say(reply(chat("", "length")))
    assert ask(openai_reviewer()).status != "empty"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"message": "m", "code": 400}}, "m"),
        ({"error": "unknown endpoint"}, "unknown endpoint"),
        ({"detail": "not loaded"}, "not loaded"),
        ({"detail": [{"loc": ["body", "n"], "msg": "too high"}, {"msg": "b"}]}, "body.n: too high; b"),
        ({"detail": {"message": "inner"}}, "inner"),
        ({"detail": {"error": {"message": "deep"}}}, "deep"),
        ([{"error": {"message": "in a list"}}], "in a list"),
        ({"object": "error", "message": "flat"}, "flat"),
        ({"errors": [{"message": "one"}, {"message": "two"}]}, "one; two"),
        ({"error": {"message": "wrapped", "metadata": {"raw": '{"error": {"message": "behind"}}'}}}, "wrapped: behind"),
        ({"error": {}, "message": "beside"}, "beside"),
        (b"upstream timed out\nrequest 7", "upstream timed out"),
        (b"<html><head><style>p {}</style></head>\n<body><h1>502 Bad Gateway</h1></body></html>", "502 Bad Gateway"),
        (b"", ""),
        ({}, ""),
        (None, ""),
        ("[" * 100_000, "[" * 4_000),
    ],
)
def test_the_reason_is_found_wherever_servers_put_it(body: Any, said: str) -> None:
    assert said_in(body).message == said
    if not isinstance(body, bytes | str):
        assert said_in(json.dumps(body).encode()).message == said


@pytest.mark.parametrize(
    "body",
    [
        {"error": "unknown endpoint /chat/completions"},
        {"error": "Unexpected endpoint or method. (POST /chat/completions). Returning 200 anyway"},
        {"detail": "route /chat/completions not found"},
        {"message": "Cannot POST /chat/completions"},
    ],
)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_an_unknown_address_stops_the_run_at_once(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, body: Any, status: int
) -> None:
    model_server.say(reply(body, status))
    with pytest.raises(GiveUp) as caught:
        ask(openai_reviewer())
    assert not caught.value.perhaps_own
    assert "--base-url" in str(caught.value.cure)


LONG = [
    (400, {"error": {"code": 400, "message": TOO_LONG, "type": "exceed_context_size_error"}}),
    (400, {"error": {"message": "no", "type": "exceed_context_size_error"}}),
    (400, {"error": {"message": "no", "code": "context_length_exceeded"}}),
    (400, {"detail": "The input (17000 tokens) is longer than the model's context length (8192 tokens)."}),
    (422, {"error": "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 17000 `inputs` tokens and 512"}),
    (400, {"message": "Please reduce the length of the messages or completion."}),
    (400, {"error": {"message": "The input token count (1200000) exceeds the maximum number allowed (1048576)."}}),
    (400, {"message": "prompt is too long: 210000 tokens > 200000 maximum"}),
    (500, {"error": {"message": "the request exceeds the available context size"}}),
    (413, b"<html><title>413 Payload Too Large</title></html>"),
    (200, {"error": "Trying to keep the first 9000 tokens when context the overflows. The prompt is longer than it"}),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body"), LONG)
def test_a_paper_that_is_too_long_is_its_own_row_whatever_the_server_calls_it(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, status: int, body: Any
) -> None:
    model_server.say(reply(body, status))
    assert ask(openai_reviewer()).status == "error"


@pytest.mark.parametrize(
    "message",
    ["max_tokens is too large: 100000. This model supports at most 16384 completion tokens", "Unknown parameter: seed"],
)
def test_a_wrong_parameter_is_not_taken_for_a_long_paper(message: str) -> None:
    assert not too_long(400, message)


class Scripted:
    """A reviewer whose answers are a function of the article's number."""

    name = "scripted"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def review(self, manuscript: Manuscript) -> Review:
        outcome = self.answer(int(manuscript.id.removeprefix("elife:")))
        await asyncio.sleep(0.005)
        if isinstance(outcome, Exception):
            raise outcome
        await asyncio.sleep(0.05)  # refusals come sooner than answers
        return Review(concerns=({"text": outcome},))

    async def close(self) -> None:
        return None


def go(folder: Path, answer: Any, n: int = 9, concurrency: int = 1) -> Any:
    papers = [Manuscript(f"elife:{number}", "Title", "Abstract.", {}, (), "eLife") for number in range(n)]
    with RunStore.open(folder, name="scripted", reviewer={}, split="val", fingerprint="f") as store:
        summary = asyncio.run(
            run(Scripted(answer), papers, store, concurrency=concurrency, attempts=2, backoff=Backoff(0.001, 0.002))
        )
        return summary, dict(store.totals.by_status)


def own(reason: str = "answered 400: it does not fit") -> GiveUp:
    return GiveUp(reason, perhaps_own=True)


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("refused", [{0}, {0, 1}, {1, 4, 5, 6, 7}, {3, 4, 5, 6, 7, 8}])
def test_requests_that_are_refused_are_rows_once_another_was_answered(
    tmp_path: Path, refused: set[int], concurrency: int
) -> None:
    _, statuses = go(tmp_path, lambda number: own() if number in refused else "fine", concurrency=concurrency)
    assert statuses == {"error": len(refused), "ok": 9 - len(refused)}


def test_answers_in_flight_show_that_three_quick_refusals_were_the_articles_own(tmp_path: Path) -> None:
    _, statuses = go(tmp_path, lambda number: own() if number < 3 else "fine", concurrency=8)
    assert statuses == {"error": 3, "ok": 6}


def test_three_equal_refusals_before_any_answer_stop_the_run_and_leave_nothing(tmp_path: Path) -> None:
    asked: list[int] = []
    with pytest.raises(RemoteError, match=r"first 3 articles failed alike: answered 400: it does not fit") as caught:
        go(tmp_path / "run", lambda number: asked.append(number) or own())
    assert (asked, caught.value.exit_code) == ([0, 1, 2], 5)
    assert "no row was written" in str(caught.value)
    assert not (tmp_path / "run" / "run.json").exists()


def test_names_of_requests_do_not_make_refusals_differ_and_numbers_do(tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match="failed alike"):
        go(tmp_path / "a", lambda number: own(f"not allowed (request req_{number}abc0{number}f)"))
    _, statuses = go(tmp_path / "b", lambda number: own(f"{number * 1000} units do not fit"))
    assert statuses == {"error": 9}


def test_three_articles_that_fail_for_good_alike_stop_the_run(tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match="failed alike: answered 502: gone") as caught:
        go(tmp_path, lambda number: TryAgain("answered 502: gone"))
    assert "3 of 9 rows" in str(caught.value)


def test_a_resumed_run_remembers_that_the_server_has_answered(tmp_path: Path) -> None:
    go(tmp_path, lambda number: "fine", n=1)
    _, statuses = go(tmp_path, lambda number: own(), n=6)
    assert statuses == {"ok": 1, "error": 5}


def test_an_answer_that_stays_empty_is_a_row_that_is_empty_and_says_so(tmp_path: Path) -> None:
    silent = Review(status="empty", raw_output="", detail="the model wrote nothing")
    _, statuses = go(
        tmp_path, lambda number: TryAgain("the model wrote nothing", review=silent) if number == 4 else "fine"
    )
    assert statuses == {"ok": 8, "empty": 1}
    (row,) = [
        json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text().splitlines() if "elife:4" in line
    ]
    assert row["detail"] == "2 attempts, the last: the model wrote nothing"
    assert row["attempts"] == 2
    assert not is_answer(row)


@pytest.fixture
def gemini(model_server: Any, asking: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("google.genai", reason="pip install 'bioreview-bench[baselines]'")
    from bioreview_bench.llm.providers.google import GoogleReviewer

    monkeypatch.setenv("GEMINI_API_KEY", "made-up-key-0001")
    return GoogleReviewer("gemini-test", asking(budget=15_000, structured=True), base_url=model_server.url)


def candidate(parts: list[dict[str, Any]], reason: str = "STOP", **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": reason, "index": 0, **more}]}


@pytest.mark.parametrize(
    ("body", "said", "status"),
    [
        (candidate([]), "wrote nothing, finish reason STOP", "empty"),
        (candidate([{"text": "I think.", "thought": True}]), "a thought and no answer", "empty"),
        (candidate([{"text": HALF}], "OTHER"), "finish reason OTHER", None),
        (candidate([{"text": HALF}], "MALFORMED_FUNCTION_CALL"), "MALFORMED_FUNCTION_CALL", None),
        (candidate([{"text": HALF}], "A_NEW_REASON"), "A_NEW_REASON", None),
        ({"error": {"code": 503, "message": "overloaded"}}, "overloaded", None),
        ({"error": "overloaded"}, "overloaded", None),
    ],
)
def test_ends_of_answers_of_gemini(
    gemini: Any, model_server: Any, reply: Any, ask: Any, body: Any, said: str, status: str | None
) -> None:
    model_server.say(reply(body))
    with pytest.raises(TryAgain, match=said) as caught:
        ask(gemini)
    assert (None if caught.value.review is None else caught.value.review.status) == status


def test_a_call_is_the_answer_of_gemini(gemini: Any, model_server: Any, reply: Any, ask: Any) -> None:
    model_server.say(reply(candidate([{"functionCall": {"name": "f", "args": {"concerns": json.loads(GOOD)}}}])))
    review = ask(gemini)
    assert (review.status, len(review.concerns)) == ("ok", 1)
    assert "tank temperature" in review.raw_output


@pytest.mark.parametrize(
    ("status", "body"), [(400, {"detail": "not loaded"}), (422, {"detail": [{"msg": "not loaded"}]})]
)
def test_gemini_is_heard_wherever_the_reason_stands(
    gemini: Any, model_server: Any, reply: Any, ask: Any, status: int, body: Any
) -> None:
    model_server.say(reply(body, status))
    with pytest.raises(GiveUp, match="not loaded") as caught:
        ask(gemini)
    assert caught.value.perhaps_own
