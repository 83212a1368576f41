"""The real openai client against a server on loopback: what it is sent, and what becomes of every kind of answer."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.article import Article
from bioreview_bench.errors import EncoderError, InputError, RemoteError
from bioreview_bench.llm.asking import Asking
from bioreview_bench.llm.engine import Summary, run
from bioreview_bench.llm.openai_reviewer import OpenAIReviewer
from bioreview_bench.llm.pacing import Backoff
from bioreview_bench.llm.prices import Price
from bioreview_bench.llm.prompt import Prompt
from bioreview_bench.llm.review import GiveUp, Review, TryAgain
from bioreview_bench.llm.run_store import RunStore
from bioreview_bench.manuscript import Manuscript

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")

SECRET = "sk-proj-S3CRETs3cretS3CRETs3cret0123456789"
PAPER = Manuscript("elife:1", "A title", "An abstract.", {"Results": "We saw it."}, (), "eLife")
CONCERNS = '{"concerns": [{"text": "There is no control group."}]}'


class Thirds:
    """Three characters a token."""

    name = "chars3"

    def count(self, text: str) -> int:
        return -(-len(text) // 3)


def completion(content: Any = CONCERNS, finish: str = "stop", **message: Any) -> dict[str, Any]:
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "small-2026-01-31",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": content, "refusal": None, **message},
            }
        ],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200},
    }


def problem(message: str, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


@pytest.fixture
def make(model_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OpenAIReviewer]]:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    made: list[OpenAIReviewer] = []

    def build(budget: int = 15_000, structured: bool = True, **settings: Any) -> OpenAIReviewer:
        asking = Asking(Prompt.load("objects-v1"), Thirds(), budget=budget, structured=structured)
        made.append(OpenAIReviewer("small", asking, **{"base_url": f"{model_server.url}/v1", **settings}))
        return made[-1]

    return build  # type: ignore[return-value]


def ask(reviewer: OpenAIReviewer, paper: Manuscript = PAPER) -> Review:
    async def once() -> Review:
        try:
            return await reviewer.review(paper)
        finally:
            await reviewer.close()

    return asyncio.run(once())


def test_the_request_holds_model_messages_parameters_and_schema(make: Any, model_server: Any, reply: Any) -> None:
    model_server.say(reply(completion()))
    parameters = {"temperature": 0.1, "top_p": 0.9, "max_tokens": 4096, "seed": 7, "repetition_penalty": 1.05}
    reviewer = make(parameters=parameters, price=Price(2.0, 10.0, "2026-01-31"))
    review = ask(reviewer)
    (request,) = model_server.requests
    assert request["path"] == "/v1/chat/completions"
    assert request["headers"]["authorization"] == f"Bearer {SECRET}"
    body = request["body"]
    assert body["model"] == "small"
    assert {key: body[key] for key in parameters} == parameters
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["schema"] == reviewer.asking.schema
    assert "We saw it." in body["messages"][-1]["content"]
    assert review.status == "ok"
    assert [concern["text"] for concern in review.concerns] == ["There is no control group."]
    assert review.raw_output == CONCERNS
    assert (review.usage.input_tokens, review.usage.output_tokens) == (1000, 200)
    assert review.usage.cost_usd == pytest.approx(0.004)
    assert review.notes == {"served_model": "small-2026-01-31"}


def test_structured_output_can_be_off_and_is_part_of_the_description(make: Any, model_server: Any, reply: Any) -> None:
    model_server.say(reply(completion()))
    off = make(structured=False)
    ask(off)
    assert "response_format" not in model_server.requests[0]["body"]
    assert off.describe()["structured_output"] == "none"
    assert make().describe()["structured_output"] == "json_schema"


def test_the_description_names_what_could_change_the_output_and_no_secret(make: Any, model_server: Any) -> None:
    reviewer = make(base_url=f"{model_server.url.replace('//', '//user:pass@')}/v1?token=x", parameters={"seed": 1})
    described = reviewer.describe()
    assert described["base_url"] == f"{model_server.url}/v1"
    assert described["parameters"] == {"seed": 1}
    prompt = reviewer.asking.prompt
    assert described["prompt"] == {"id": "objects-v1", "sha256": prompt.sha256, "answer": "objects"}
    assert (described["token_counter"], described["budget_tokens"], described["model"]) == ("chars3", 15_000, "small")
    json.dumps(described)


def test_a_paper_that_was_cut_is_noted_in_its_row(make: Any, model_server: Any, reply: Any) -> None:
    model_server.say(reply(completion()))
    long = Manuscript("elife:1", "T", "A.", {"Results": "Many words here. " * 2000}, (), "eLife")
    notes = ask(make(budget=500), long).notes
    assert notes is not None
    assert notes["cut"]["tokens"] <= 500 < notes["cut"]["of"]


def test_settings_that_the_client_reads_from_the_environment_do_not_reach_other_servers(
    make: Any, model_server: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/nowhere")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    model_server.say(reply(completion()))
    ask(make())
    names = set(model_server.requests[0]["headers"])
    assert not names & {"openai-organization", "openai-project"}


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529, 408, 409])
def test_server_errors_may_pass_and_the_client_does_not_retry_by_itself(
    make: Any, model_server: Any, reply: Any, status: int
) -> None:
    model_server.say(reply(b"<html>Bad gateway</html>", status, content_type="text/html"))
    with pytest.raises(TryAgain, match=str(status)) as caught:
        ask(make())
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
        ({"Retry-After": "DATE"}, 15, 21),
        ({}, None, None),
    ],
)
def test_a_rate_limit_carries_the_wait_that_the_server_names(
    make: Any, model_server: Any, reply: Any, headers: dict[str, str], low: float | None, high: float | None
) -> None:
    if headers.get("Retry-After") == "DATE":
        headers = {"Retry-After": formatdate(time.time() + 20, usegmt=True)}
    model_server.say(reply(problem("Slow down", "rate_limit_exceeded", "tokens"), 429, headers))
    with pytest.raises(TryAgain, match="Slow down") as caught:
        ask(make())
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
    make: Any, model_server: Any, reply: Any, status: int, body: Any, words: str
) -> None:
    model_server.say(reply(body, status))
    with pytest.raises(GiveUp, match=words) as caught:
        ask(make())
    assert "sk-proj" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        {"body": problem("Blocked by policy", "content_filter"), "status": 400},
        {"body": problem("Invalid prompt: flagged", "invalid_prompt"), "status": 400},
        {"body": completion(None, refusal="I cannot help with that.")},
        {"body": completion(None, "content_filter")},
        {"body": completion('{"concerns": [{"te', "content_filter")},
    ],
)
def test_refusals_are_rows_with_their_own_status(make: Any, model_server: Any, reply: Any, answer: Any) -> None:
    model_server.say(reply(**answer))
    review = ask(make())
    assert (review.status, review.concerns) == ("refused", ())
    assert review.detail


def test_an_answer_cut_by_the_limit_is_read_as_cut(make: Any, model_server: Any, reply: Any) -> None:
    cut = '{"concerns": [{"text": "There is no control group."}, {"text": "The sam'
    model_server.say(reply(completion(cut, "length")))
    review = ask(make())
    assert (review.status, len(review.concerns), review.raw_output) == ("truncated", 1, cut)


def test_an_answer_that_cannot_be_read_keeps_its_text(make: Any, model_server: Any, reply: Any) -> None:
    model_server.say(reply(completion("As requested, I thought about it.")))
    review = ask(make())
    assert (review.status, review.raw_output) == ("parse_failed", "As requested, I thought about it.")
    assert review.usage.output_tokens == 200


def test_an_answer_in_parts_is_joined(make: Any, model_server: Any, reply: Any) -> None:
    parts = [{"type": "text", "text": CONCERNS[:20]}, {"type": "text", "text": CONCERNS[20:]}]
    model_server.say(reply(completion(parts)))
    assert ask(make()).status == "ok"


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
        {"body": completion(), "reset_after": 0},
        {"body": completion(), "reset_after": 50},
    ],
)
def test_broken_answers_may_pass(make: Any, model_server: Any, reply: Any, answer: dict[str, Any]) -> None:
    model_server.say(reply(**answer))
    with pytest.raises(TryAgain) as caught:
        ask(make())
    assert not caught.value.unreachable


def test_an_answer_without_a_choice_still_counts_its_tokens(make: Any, model_server: Any, reply: Any) -> None:
    model_server.say(reply({**completion(), "choices": []}))
    with pytest.raises(TryAgain) as caught:
        ask(make())
    assert caught.value.usage.input_tokens == 1000


def test_odd_token_counts_are_unknown(make: Any, model_server: Any, reply: Any) -> None:
    for usage in (None, "many", {"prompt_tokens": -1, "completion_tokens": 2.5}, {}):
        model_server.say(reply({**completion(), "usage": usage}))
        review = ask(make(price=Price(1, 1, "2026-01-31")))
        assert (review.usage.input_tokens, review.usage.cost_usd) == (None, None)


def test_a_request_that_is_too_long_concerns_one_article(make: Any, model_server: Any, reply: Any) -> None:
    message = "This model's maximum context length is 8192 tokens."
    model_server.say(reply(problem(message, "context_length_exceeded"), 400))
    assert ask(make()).status == "error"


def engine(reviewer: OpenAIReviewer, papers: list[Manuscript], folder: Path, **settings: Any) -> Summary:
    given = {"name": reviewer.name, "reviewer": reviewer.describe(), "split": "demo/test", "fingerprint": "f"}
    with RunStore.open(folder, **given) as store:
        fast = {"backoff": Backoff(0.001, 0.01), **settings}
        return asyncio.run(run(reviewer, papers, store, **fast))


def papers(n: int) -> list[Manuscript]:
    return [Manuscript(f"elife:{number}", f"Title {number}", "Abstract.", {}, (), "eLife") for number in range(n)]


def test_a_bad_day_of_a_server_costs_no_article(make: Any, model_server: Any, reply: Any, tmp_path: Path) -> None:
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
    summary = engine(make(), papers(40), tmp_path / "run", timeout=0.5, attempts=30)
    assert (summary.done, summary.n_failed) == (40, 0)
    assert summary.retries > 10


def test_an_address_where_nobody_listens_is_one_message_and_no_run(make: Any, tmp_path: Path) -> None:
    reviewer = make(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(RemoteError, match="No server answers") as caught:
        engine(reviewer, papers(5), tmp_path / "run", attempts=2)
    assert "127.0.0.1:9" in str(caught.value)
    assert not (tmp_path / "run" / "run.json").exists()


def test_an_unknown_model_leaves_nothing_that_looks_like_a_run(
    make: Any, model_server: Any, reply: Any, tmp_path: Path
) -> None:
    model_server.say(reply(problem("The model `small` does not exist", "model_not_found"), 404))
    with pytest.raises(RemoteError, match="does not exist"):
        engine(make(), papers(20), tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [".lock"]


def test_a_request_refused_after_others_were_answered_concerns_one_article(
    make: Any, model_server: Any, reply: Any, tmp_path: Path
) -> None:
    def answer(request: Any) -> Any:
        poison = "Title 7" in request["body"]["messages"][-1]["content"]
        return reply(problem("Invalid character"), 400) if poison else reply(completion())

    model_server.answer = answer
    summary = engine(make(), papers(12), tmp_path / "run", concurrency=1)
    assert (summary.done, summary.n_failed) == (12, 1)


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://host/v1", "http:///v1", "https://"])
def test_an_address_that_is_none_is_told_at_once(make: Any, url: str) -> None:
    with pytest.raises(InputError, match="no http address"):
        make(base_url=url)


def test_a_missing_key_and_a_value_that_is_none_are_told_before_anything_is_sent(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("", "  ", "sk-with a space", "sk-\u2026"):
        monkeypatch.setenv("OTHER_KEY", value)
        with pytest.raises(InputError, match="OTHER_KEY") as caught:
            make(key_env="OTHER_KEY").connect()
        assert not value.strip() or value not in str(caught.value)


def test_a_server_without_keys_is_asked_without_one(make: Any, model_server: Any, reply: Any) -> None:
    model_server.say(reply(completion()))
    assert ask(make(key_env=None)).status == "ok"
    assert SECRET.encode() not in json.dumps(model_server.requests[0]["headers"]).encode()


def test_a_missing_client_is_exit_code_3_with_the_command(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(EncoderError, match=r"pip install 'bioreview-bench\[baselines\]'") as caught:
        make().connect()
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("name", ["model", "messages", "stream", "n", "response_format"])
def test_parameters_cannot_change_what_is_asked(make: Any, name: str) -> None:
    with pytest.raises(InputError, match=name):
        make(parameters={name: True})


def test_an_estimate_needs_no_key_and_no_connection(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    price = Price(1.0, 1.0, "2026-01-31")
    usage = make(parameters={"max_tokens": 1000}, price=price).estimate(PAPER)
    assert usage.input_tokens is not None
    assert usage.cost_usd == pytest.approx((usage.input_tokens + 1000) / 1e6)
    assert make(price=price).estimate(PAPER).cost_usd is None
    assert make(parameters={"max_tokens": 9}).estimate(PAPER).cost_usd is None


def test_the_key_is_in_no_message_file_log_or_copy(
    make: Any,
    model_server: Any,
    reply: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = problem(f"Your key {SECRET} is wrong, Bearer {SECRET}, {SECRET[:14]}****")
    shown = []
    for status in (400, 401, 429, 500):
        model_server.say(reply(echo, status))
        reviewer = make()
        try:
            ask(reviewer)
        except (TryAgain, GiveUp) as error:
            shown.append(repr(error) + str(error) + str(error.__cause__))
        shown.append(repr(reviewer) + repr(vars(reviewer)) + repr(reviewer.describe()))
        reviewer.connect()
        shown.append(repr(reviewer._key) + repr(pickle.dumps(reviewer._key)))
    counter = iter(range(100))
    model_server.answer = lambda request: reply(echo, 500) if next(counter) % 2 else reply(completion(SECRET[:3]))
    engine(make(), papers(6), tmp_path / "run", attempts=1)
    shown += [path.read_text() for path in (tmp_path / "run").iterdir()]
    shown += [caplog.text, *capfd.readouterr()]
    assert len(shown) > 10
    for text in shown:
        assert SECRET not in text
        assert SECRET[8:20] not in text
    assert model_server.requests[0]["headers"]["authorization"] == f"Bearer {SECRET}"


_CHILD = """
import asyncio, sys, time
from bioreview_bench.llm.keys import Key
from bioreview_bench.manuscript import Manuscript
from bioreview_bench.llm.openai_reviewer import OpenAIReviewer

class Silent:
    schema = None
    def describe(self): return {}
    def ask(self, manuscript):
        from bioreview_bench.llm.asking import Asked
        return Asked([{"role": "user", "content": "?"}], 1, None)

reviewer = OpenAIReviewer("small", Silent(), base_url=sys.argv[1])
reviewer.connect()
print("up", flush=True)
asyncio.run(reviewer.review(Manuscript("elife:1", "", "", {}, (), "eLife")))
"""


def test_the_key_is_in_no_process_listing_and_no_traceback(make: Any, model_server: Any, reply: Any) -> None:
    model_server.say(reply(problem(f"Incorrect API key provided: {SECRET}"), 401))
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, f"{model_server.url}/v1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPENAI_API_KEY": SECRET},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n", process.stderr and process.stderr.read()
    assert SECRET.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    out, err = process.communicate(timeout=60)
    assert "GiveUp" in err
    assert SECRET not in out + err


def test_nothing_that_tells_of_the_review_is_sent(make: Any, model_server: Any, reply: Any) -> None:
    model_server.say(reply(completion()))
    article = canary_article()
    ask(make(budget=100_000), Manuscript.from_article(article))
    sent = model_server.requests[0]["raw"].decode()
    assert "VISIBLE-BODY" in sent
    assert "CANARY" not in sent
    copied = copy.deepcopy(article)
    assert "CANARY" in copied.model_dump_json()


def canary_article() -> Article:
    """Canaries in every field and section that a reviewer may not see."""
    headings = [
        "Acknowledgements",
        "Author contributions",
        "Competing interests",
        "Conflict of Interest",
        "Funding",
        "Peer review",
        "Reviewer #1 (Public review)",
        "Referee report",
        "Decision letter",
        "Author response",
        "eLife assessment",
        "Supplementary material",
    ]
    return Article.model_validate(
        {
            "id": "elife:1",
            "source": "elife",
            "doi": "10.7554/CANARY-doi",
            "title": "VISIBLE-TITLE",
            "abstract": "VISIBLE-ABSTRACT is here.",
            "review_format": "journal",
            "editorial_decision": "CANARY-decision",
            "revision_round": "CANARY-round",
            "decision_letter_raw": "CANARY-letter",
            "author_response_raw": "CANARY-response",
            "an_unknown_field": "CANARY-unknown",
            "paper_text_sections": {
                "Results": "VISIBLE-BODY was measured.",
                **{heading: f"CANARY-{heading}" for heading in headings},
            },
            "concerns": [
                {
                    "concern_id": "elife:1:R1C1",
                    "concern_text": "CANARY-concern is long enough.",
                    "category": "design_flaw",
                    "severity": "major",
                    "author_response_text": "CANARY-answer",
                }
            ],
        }
    )
