"""Runs with the real openai client against a server on loopback: bad days, and what leaves no run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import RemoteError

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")


def problem(message: str, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def test_a_bad_day_of_a_server_costs_no_article(
    openai_reviewer: Any, model_server: Any, reply: Any, engine: Any, completion: Any
) -> None:
    bad = [
        reply(problem("Slow down", "rate_limit_exceeded"), 429, {"Retry-After": "0.05"}),
        reply(b"oops", 500),
        reply(completion(), reset_after=30),
        reply(b'{"id": '),
        reply({**completion(), "choices": []}),
        reply(completion(), drip=0.05),
    ]
    counter = iter(range(10**6))

    def answer(request: Any) -> Any:
        number = next(counter)
        return bad[number // 2 % len(bad)] if number % 2 else reply(completion())

    model_server.answer = answer
    summary, _ = engine(openai_reviewer(), 40, timeout=0.5, attempts=30)
    assert (summary.done, summary.n_failed) == (40, 0)
    assert summary.retries > 10


def test_an_address_where_nobody_listens_is_one_message_and_no_run(
    openai_reviewer: Any, tmp_path: Path, engine: Any
) -> None:
    reviewer = openai_reviewer(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(RemoteError, match="No server answers") as caught:
        engine(reviewer, 5, attempts=2)
    assert "127.0.0.1:9" in str(caught.value)
    assert not (tmp_path / "run" / "run.json").exists()


def test_an_unknown_model_leaves_nothing_that_looks_like_a_run(
    openai_reviewer: Any, model_server: Any, reply: Any, tmp_path: Path, engine: Any
) -> None:
    model_server.say(reply(problem("The model `small` does not exist", "model_not_found"), 404))
    with pytest.raises(RemoteError, match="does not exist"):
        engine(openai_reviewer(), 20)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [".lock"]


def test_a_request_refused_after_others_were_answered_concerns_one_article(
    openai_reviewer: Any, model_server: Any, reply: Any, engine: Any, completion: Any
) -> None:
    def answer(request: Any) -> Any:
        poison = "Title 7" in request["body"]["messages"][-1]["content"]
        return reply(problem("Invalid character"), 400) if poison else reply(completion())

    model_server.answer = answer
    summary, _ = engine(openai_reviewer(), 12, concurrency=1)
    assert (summary.done, summary.n_failed) == (12, 1)
