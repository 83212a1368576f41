"""What the openai reviewer sends and shows: no key anywhere but in its header, nothing that tells of the review."""

from __future__ import annotations

import json
import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import InputError
from bioreview_bench.llm.review import GiveUp, TryAgain

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")


def problem(message: str, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def test_a_missing_key_and_a_value_that_is_none_are_told_before_anything_is_sent(
    openai_reviewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("", "  ", "sk-with a space", "sk-\u2026"):
        monkeypatch.setenv("OTHER_KEY", value)
        with pytest.raises(InputError, match="OTHER_KEY") as caught:
            openai_reviewer(key_env="OTHER_KEY").connect()
        assert not value.strip() or value not in str(caught.value)


def test_a_server_without_keys_is_asked_without_one(
    openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, completion: Any, openai_key: str
) -> None:
    model_server.say(reply(completion()))
    assert ask(openai_reviewer(key_env=None)).status == "ok"
    assert openai_key.encode() not in json.dumps(model_server.requests[0]["headers"]).encode()


def test_the_key_is_in_no_message_file_log_or_copy(
    openai_reviewer: Any,
    model_server: Any,
    reply: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    ask: Any,
    engine: Any,
    completion: Any,
    openai_key: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = problem(f"Your key {openai_key} is wrong, Bearer {openai_key}, {openai_key[:14]}****")
    shown = []
    for status in (400, 401, 429, 500):
        model_server.say(reply(echo, status))
        reviewer = openai_reviewer()
        try:
            ask(reviewer)
        except (TryAgain, GiveUp) as error:
            shown.append(repr(error) + str(error) + str(error.__cause__))
        shown.append(repr(reviewer) + repr(vars(reviewer)) + repr(reviewer.describe()))
        reviewer.connect()
        shown.append(repr(reviewer._key) + repr(pickle.dumps(reviewer._key)))
    counter = iter(range(100))
    model_server.answer = lambda request: reply(echo, 500) if next(counter) % 2 else reply(completion(openai_key[:3]))
    engine(openai_reviewer(), 6, attempts=1)
    shown += [path.read_text() for path in (tmp_path / "run").iterdir()]
    shown += [caplog.text, *capfd.readouterr()]
    assert len(shown) > 10
    for text in shown:
        assert openai_key not in text
        assert openai_key[8:20] not in text
    assert model_server.requests[0]["headers"]["authorization"] == f"Bearer {openai_key}"


_CHILD = """
import asyncio, sys, time
from bioreview_bench.llm.providers.api import Key
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.llm.providers.openai import OpenAIReviewer

class Silent:
    schema, adjustable = None, True
    def describe(self): return {}
    def ask(self, manuscript):
        from bioreview_bench.llm.calls.asking import FilledPrompt
        return FilledPrompt([{"role": "user", "content": "?"}], 1, None)

reviewer = OpenAIReviewer("small", Silent(), base_url=sys.argv[1])
reviewer.connect()
print("up", flush=True)
asyncio.run(reviewer.review(Manuscript("elife:1", "", "", {}, (), "eLife")))
"""


def test_the_key_is_in_no_process_listing_and_no_traceback(
    openai_reviewer: Any, model_server: Any, reply: Any, openai_key: str
) -> None:
    model_server.say(reply(problem(f"Incorrect API key provided: {openai_key}"), 401))
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, f"{model_server.url}/v1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPENAI_API_KEY": openai_key},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n", process.stderr and process.stderr.read()
    assert openai_key.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    out, err = process.communicate(timeout=60)
    assert "GiveUp" in err
    assert openai_key not in out + err


def test_nothing_that_tells_of_the_review_is_sent(
    canaries: Any, openai_reviewer: Any, model_server: Any, reply: Any, ask: Any, completion: Any
) -> None:
    model_server.say(reply(completion()))
    ask(openai_reviewer(budget=100_000), Manuscript.from_article(canaries))
    sent = model_server.requests[0]["raw"].decode()
    assert "VISIBLE-BODY" in sent
    assert "CANARY" not in sent
    assert canaries.model_dump_json().count("CANARY") >= 20
