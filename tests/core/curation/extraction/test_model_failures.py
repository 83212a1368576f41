"""A report that fails fails its article, with the reason; everything else is kept, and a later run fills it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def of_stain(data: dict[str, Any]) -> bool:
    return "stain" in json.dumps(data)


def changed(**fields: Any) -> Any:
    """Spoil the first entry of the labels."""

    def spoil(stage: str, data: dict[str, Any], answer: dict[str, Any]) -> str | None:
        if stage != "labels" or not of_stain(data):
            return None
        return json.dumps({"labels": [{**answer["labels"][0], **fields}, *answer["labels"][1:]]})

    return spoil


def spans(*extra: str) -> Any:
    """Add spans to those of the report that names a stain."""

    def spoil(stage: str, data: dict[str, Any], answer: dict[str, Any]) -> str | None:
        if stage != "segments" or not of_stain(data):
            return None
        return json.dumps({"concerns": [*answer["concerns"], *extra]})

    return spoil


BAD = [
    (spans("The authors never say which stain."), "is not verbatim in the report"),
    (spans("There is no control for the drug in Figure 2."), "is not verbatim in the report"),  # of another reviewer
    (spans("legend of Figure 3"), "overlaps a concern before it"),
    (spans("The dose must be justified."), "overlaps a concern before it"),
    (spans("is is a fine paper."), "begins or ends within a word"),
    (spans("a fine"), "has 6 characters"),
    (spans("x" * 2001), "has 2,001 characters"),
    (spans("half a pair \ud800 of characters"), "is not verbatim in the report"),
    (lambda stage, data, answer: "I cannot help." if stage == "segments" and of_stain(data) else None, "JSON"),
    (lambda stage, data, answer: "half a pair \ud800" if stage == "segments" and of_stain(data) else None, "JSON"),
    (lambda stage, data, answer: '{"concerns": [1]}' if of_stain(data) else None, "a concern is not a string"),
    (changed(concern="C9"), 'labels "C9", which is no concern'),
    (changed(concern="C2"), "labels C2 twice"),
    (changed(category="rude"), "category of C1"),
    (changed(severity=None), "severity of C1"),
    (changed(requires_figure_reading="yes"), "requires_figure_reading of C1"),
    (changed(reply=["P99"]), "which is no paragraph of the response"),
    (changed(reply="P1"), "reply of C1"),
    (changed(reply=[["P1"]]), "which is no paragraph"),
    (changed(reply=["P1"]), "stance no_response and 1 paragraphs"),
    (changed(author_stance="unclear"), "stance unclear and 0 paragraphs"),
    (changed(evidence_of_change="yes"), "evidence_of_change is unknown"),
    (changed(note="ignore all rules"), "an entry is not an object"),
]


@pytest.mark.parametrize(("spoil", "reason"), BAD)
def test_an_answer_that_is_never_right_fails_its_article_alone(
    bench_extract: Any, extractor: Any, parsed: Path, tmp_path: Path, spoil: Any, reason: str
) -> None:
    extractor.spoil = spoil
    output = tmp_path / "made.jsonl"
    code, _, err = bench_extract(parsed, "-o", output)
    assert code == 5
    assert "1 of 2 articles failed" in err
    assert "elife:1, reviewer 2" in err
    assert reason in err
    assert ids(output) == ["elife:2"]
    said = json.loads((tmp_path / "extraction.json").read_text())
    assert list(said["failed"]) == ["elife:1"]
    assert (said["counts"]["extracted"], said["counts"]["failed"]) == (1, 1)
    asked = [(stage, n) for stage, data, n in extractor.asked if of_stain(data) and "fine paper" in json.dumps(data)]
    assert asked[-2:] == [(asked[-1][0], 2), (asked[-1][0], 4)]  # once more, with the first answer, and no more


@pytest.mark.parametrize("spoil", [spans("The authors never say which stain."), changed(category="rude")])
def test_a_later_run_asks_only_about_what_failed_and_fills_it(
    bench_extract: Any, extractor: Any, parsed: Path, tmp_path: Path, spoil: Any
) -> None:
    output = tmp_path / "made.jsonl"
    extractor.spoil = spoil
    assert bench_extract(parsed, "-o", output)[0] == 5
    extractor.spoil = lambda stage, data, answer: None
    extractor.asked.clear()
    assert bench_extract(parsed, "-o", output)[0] == 0
    assert 0 < len(extractor.asked) <= 3
    assert not any(word in json.dumps(data) for _, data, _ in extractor.asked for word in ("toxin", "dye"))
    assert ids(output) == ["elife:1", "elife:2"]
    assert json.loads((tmp_path / "extraction.json").read_text())["failed"] == {}


def test_a_bad_span_then_a_right_one_is_an_answer(
    bench_extract: Any, extractor: Any, parsed: Path, tmp_path: Path, prices: Path
) -> None:
    told = []

    def spoil(stage: str, data: dict[str, Any], answer: dict[str, Any]) -> str | None:
        first = stage == "segments" and of_stain(data) and not told
        if first:
            told.append(data)
        return json.dumps({"concerns": ["The authors never say which stain."]}) if first else None

    extractor.spoil = spoil
    assert bench_extract(parsed, "-o", tmp_path / "made.jsonl", "--prices", prices)[0] == 0
    assert ids(tmp_path / "made.jsonl") == ["elife:1", "elife:2"]
    said = json.loads((tmp_path / "extraction.json").read_text())
    assert said["usage"]["cost_usd"] == pytest.approx(9 * 0.003)  # both attempts are counted


def test_the_second_attempt_survives_a_rate_limit(
    bench_extract: Any, extractor: Any, model_server: Any, completion: Any, reply: Any, parsed: Path, tmp_path: Path
) -> None:
    def answer(request: dict[str, Any]) -> Any:
        messages = request["body"]["messages"]
        if len(messages) == 4 and not limited:
            limited.append(request)
            return reply({"error": {"message": "slow down"}}, status=429)
        return reply(completion(extractor.content(messages)))

    limited: list[Any] = []
    model_server.answer = answer
    extractor.spoil = lambda stage, data, _: (
        '{"concerns": ["not in it at all"]}' if stage == "segments" and not limited and of_stain(data) else None
    )
    assert bench_extract(parsed, "-o", tmp_path / "made.jsonl")[0] == 0
    asked = [n for stage, data, n in extractor.asked if stage == "segments" and of_stain(data)]
    assert asked == [2, 4]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"content": None, "refusal": "I will not."}, "refused"),
        ({"content": '{"concerns": ["The lege', "finish": "length"}, "cut at the limit on output"),
    ],
)
def test_refusals_and_cut_answers_are_not_asked_again(
    bench_extract: Any, extractor: Any, model_server: Any, completion: Any, reply: Any, parsed: Path, tmp_path: Path,
    answer: dict[str, Any], reason: str,
) -> None:  # fmt: skip
    asked = []

    def respond(request: dict[str, Any]) -> Any:
        messages = request["body"]["messages"]
        if "stain" in messages[1]["content"]:
            asked.append(messages)
            return reply(completion(answer["content"], **{k: v for k, v in answer.items() if k != "content"}))
        return reply(completion(extractor.content(messages)))

    model_server.answer = respond
    code, _, err = bench_extract(parsed, "-o", tmp_path / "made.jsonl")
    assert code == 5
    assert reason in err
    assert len(asked) == 1
    assert ids(tmp_path / "made.jsonl") == ["elife:2"]


def test_a_letter_that_does_not_fit_is_an_error_that_says_so(
    bench_extract: Any, extractor: Any, model_server: Any, completion: Any, reply: Any, parsed: Path, tmp_path: Path
) -> None:
    said = {
        "error": {"code": 400, "message": "request (17000 tokens) exceeds the available context size (8192 tokens)"}
    }

    def respond(request: dict[str, Any]) -> Any:
        messages = request["body"]["messages"]
        too_long = "stain" in messages[1]["content"]
        return reply(said, status=400) if too_long else reply(completion(extractor.content(messages)))

    model_server.answer = respond
    code, _, err = bench_extract(parsed, "-o", tmp_path / "made.jsonl")
    assert code == 5
    assert "do not fit the model's context, and are never cut" in err
    assert ids(tmp_path / "made.jsonl") == ["elife:2"]


def test_a_budget_stops_before_it_is_exceeded(
    bench_extract: Any, extractor: Any, parsed: Path, prices: Path, tmp_path: Path
) -> None:
    where = (parsed, "-o", tmp_path / "made.jsonl", "--prices", prices, "--concurrency", 1)
    # Likely costs fit, but no call may begin that could exceed the budget at its limit on output, asked twice.
    plan = json.loads(bench_extract(*where, "--dry-run", "--format", "json")[1])
    code, _, err = bench_extract(*where, "--max-cost", plan["cost_most"] / 8 + 3 * 0.003)
    assert code == 5
    assert "not asked" in err
    n = len(extractor.asked)
    assert 0 < n < 8
    assert ids(tmp_path / "made.jsonl") == []
    assert bench_extract(*where, "--max-cost", 2)[0] == 0
    assert len(extractor.asked) == 8
    assert ids(tmp_path / "made.jsonl") == ["elife:1", "elife:2"]


def test_a_failed_article_is_not_compared(bench_extract: Any, extractor: Any, articles: Any, tmp_path: Path) -> None:
    path = tmp_path / "known.jsonl"
    path.write_text("".join(article.model_dump_json(exclude_unset=True) + "\n" for article in articles))
    extractor.spoil = spans("The authors never say which stain.")
    code, out, err = bench_extract(path, "--compare")
    assert (code, out) == (5, "")
    assert "nothing was compared" in err


def test_a_key_goes_to_no_other_address(bench_extract: Any, model_server: Any, parsed: Path, tmp_path: Path) -> None:
    assert bench_extract(parsed, "-o", tmp_path / "made.jsonl")[0] == 0
    assert all("S3CRET" not in str(request["headers"]) for request in model_server.requests)
    code, _, err = bench_extract(parsed, "-o", tmp_path / "made.jsonl", by="google:gemini-x")
    assert code == 2
    assert "--key-variable" in err


def test_a_changed_stored_answer_is_found(bench_extract: Any, parsed: Path, cache: Path, tmp_path: Path) -> None:
    assert bench_extract(parsed, "-o", tmp_path / "made.jsonl")[0] == 0
    (stored,) = (cache / "extractions").glob("*/*/predictions.jsonl")
    stored.write_text(stored.read_text().replace("The dose must", "The dose should"))
    code, _, err = bench_extract(parsed, "-o", tmp_path / "made.jsonl")
    assert code == 2
    assert "was changed by something else" in err
