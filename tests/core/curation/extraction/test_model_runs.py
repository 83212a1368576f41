"""Extraction that is killed or interrupted goes on where it was; Gemini and vLLM behind their own clients."""

from __future__ import annotations

import json
import random
import signal
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def many(tmp_path: Path, articles: list[Any], extractor: Any) -> Path:
    """Twelve articles, with two reports each."""
    made = []
    for number in range(12):
        row = json.loads(articles[0].model_dump_json(exclude_unset=True))
        text = json.dumps(row).replace("drug", f"drug{number}").replace("stain", f"stain{number}")
        made.append(type(articles[0]).model_validate({**json.loads(text), "id": f"elife:{number}"}))
    extractor.articles = made
    path = tmp_path / "many.jsonl"
    path.write_text("".join(a.model_dump_json(exclude_unset=True, exclude={"concerns"}) + "\n" for a in made))
    return path


@pytest.fixture
def start(extractor: Any, child: Callable[..., Any], many: Path) -> Callable[[], Any]:
    """Begin an extraction in a child process."""
    asked = ("--with", "openai:small", "--base-url", extractor.url, "--concurrency", 2)
    return partial(child, "data", "extract", many, "-o", many.parent / "made.jsonl", *asked)


def repeated(extractor: Any) -> int:
    return sum(count - 1 for count in Counter(str(asked) for asked in extractor.asked).values())


def test_kills_lose_no_stored_answer(extractor: Any, model_server: Any, start: Any, many: Path) -> None:
    generator = random.Random(5)
    for _ in range(3):
        model_server.stop_after(generator.randrange(6, 14))
        process = start()
        model_server.wait_until_stopped()
        process.kill()
        process.communicate()
        assert not (many.parent / "made.jsonl").exists()
    model_server.limit = float("inf")
    process = start()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert repeated(extractor) <= 3 * 2  # the two calls in flight at each kill
    assert len((many.parent / "made.jsonl").read_text().splitlines()) == 12


def test_ctrl_c_keeps_what_was_answered(extractor: Any, model_server: Any, start: Any, many: Path) -> None:
    model_server.stop_after(8)
    process = start()
    model_server.wait_until_stopped()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert not (many.parent / "made.jsonl").exists()
    model_server.limit = float("inf")
    process = start()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert repeated(extractor) <= 2


def test_gemini_is_asked_through_its_own_client(
    bench_extract: Any, extractor: Any, model_server: Any, reply: Any, parsed: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    pytest.importorskip("google.genai", reason="pip install 'bioreview-bench[baselines]'")
    monkeypatch.setenv("MY_KEY", "AIzaS3CRETs3cretS3CRETs3cret0123456789abc")

    def answer(request: dict[str, Any]) -> Any:
        turns = request["body"]["contents"]
        text = extractor.content([{"role": "user", "content": turn["parts"][0]["text"]} for turn in turns])
        candidate = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}
        usage = {"promptTokenCount": 1000, "candidatesTokenCount": 200, "totalTokenCount": 1200}
        return reply({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-x-001"})

    told: list[str] = []

    def spoil(stage: str, data: dict[str, Any], said: dict[str, Any]) -> str | None:
        if stage == "labels" and not told:
            told.append(stage)
            return "They are all fine."
        return None

    model_server.answer, extractor.spoil = answer, spoil
    where = ("--base-url", model_server.url, "--key-variable", "MY_KEY")
    code, _, err = bench_extract(parsed, "-o", tmp_path / "made.jsonl", by="google:gemini-x", where=where)
    assert code == 0, err
    config = model_server.requests[0]["body"]["generationConfig"]
    assert (config["temperature"], config["maxOutputTokens"]) == (0, 16_000)
    assert "concerns" in config["responseJsonSchema"]["properties"]
    again = next(r["body"]["contents"] for r in model_server.requests if len(r["body"]["contents"]) == 3)
    assert [turn["role"] for turn in again] == ["user", "model", "user"]
    said = json.loads((tmp_path / "extraction.json").read_text())
    assert (said["served_models"], said["counts"]["concerns"]) == (["gemini-x-001"], 8)


def test_a_model_of_ones_own_has_no_price_and_no_limit(
    bench_extract: Any, extractor: Any, model_server: Any, parsed: Path, tmp_path: Path
) -> None:
    code, _, err = bench_extract(parsed, "-o", tmp_path / "made.jsonl", "--max-cost", 1, by="vllm:mine")
    assert code == 2
    assert "--prices FILE" in err
    assert bench_extract(parsed, "-o", tmp_path / "made.jsonl", by="vllm:mine")[0] == 0
    body = model_server.requests[0]["body"]
    assert (body["model"], body["temperature"], "max_tokens" in body) == ("mine", 0, False)
    assert body["response_format"]["json_schema"]["strict"] is True
    assert json.loads((tmp_path / "extraction.json").read_text())["usage"]["cost_usd"] is None


def test_corrected_concerns_are_kept_before_anything_is_asked(
    bench_extract: Any, model_server: Any, parsed: Path, tmp_path: Path
) -> None:
    made = tmp_path / "made.jsonl"
    assert bench_extract(parsed, "-o", made, by="vllm:mine")[0] == 0
    assert bench_extract(parsed, "-o", made, by="vllm:mine")[0] == 0
    corrected = made.read_text().replace("major", "minor", 1)
    made.write_text(corrected)
    asked = len(model_server.requests)
    code, _, err = bench_extract(parsed, "-o", made, by="vllm:other")
    assert (code, len(model_server.requests)) == (2, asked)
    assert "is not what this command wrote" in err
    assert made.read_text() == corrected
    (tmp_path / "extraction.json").unlink()
    assert bench_extract(parsed, "-o", made, by="vllm:mine")[0] == 2


def test_a_server_that_is_not_there_writes_nothing(bench_extract: Any, parsed: Path, tmp_path: Path) -> None:
    where = ("--base-url", "http://127.0.0.1:9/v1")
    code, _, err = bench_extract(parsed, "-o", tmp_path / "made.jsonl", by="vllm:mine", where=where)
    assert code == 5
    assert "No server answers" in err
    assert not (tmp_path / "made.jsonl").exists()
    assert not (tmp_path / "extraction.json").exists()
