"""A refusal names what helps against it: with the real clients against a server on loopback."""

from __future__ import annotations

from typing import Any

import pytest

from bioreview_bench.errors import RemoteError
from bioreview_bench.llm.providers.cures import ServiceCall, cure

pytest.importorskip("openai", reason="pip install -e '.[baselines]'")

_REFUSALS = [
    (400, "Unrecognized request argument supplied: response_format", None, "--no-structured"),
    (500, "guided_json is not supported by this backend", None, "--no-structured"),
    (422, "Extra inputs are not permitted", None, "--no-structured"),
    (401, "Incorrect API key provided", None, "--key-variable NAME"),
    (403, "You have no access", None, "--key-variable NAME"),
    (402, "Insufficient balance", None, "add credit"),
    (404, "The model `small` does not exist", None, "did you mean smaller or small-2026?"),
    (400, "invalid model ID", None, "did you mean smaller"),
    (404, "Not Found", None, "--base-url URL"),
    (405, "Method Not Allowed", None, "--base-url URL"),
    (413, "Payload too large", None, "--budget N"),
    (400, "'max_tokens' is not supported with this model", "max_tokens", "--param max_tokens=null"),
    (503, "overloaded", None, None),
]


def _call(**changed: Any) -> ServiceCall:
    known = {"model": "small", "address": "http://127.0.0.1/v1", "key_variable": "HOST_KEY", "structured": True}
    more = {"options": True, "other_address": True, "parameters": frozenset({"max_tokens"})}
    return ServiceCall(**{**known, **more, **changed})


@pytest.mark.parametrize(("status", "message", "parameter", "expected"), _REFUSALS)
def test_a_refusal_of_a_known_kind_has_its_cure(
    status: int, message: str, parameter: str | None, expected: str | None
) -> None:
    found = cure(_call(), status, message, parameter, served=["large", "small-2026", "smaller"])
    assert found is None if expected is None else expected in str(found)


def test_a_cure_names_no_option_that_the_command_lacks() -> None:
    judge = _call(options=False)
    for status, message, parameter, _ in _REFUSALS:
        said = str(cure(judge, status, message, parameter))
        assert not any(option in said for option in ("--no-structured", "--param", "--budget"))


def test_a_server_that_got_no_key_is_told_how_to_get_one() -> None:
    assert "--key-variable NAME" in str(cure(_call(key_variable=None), 401, "Unauthorized"))


def test_an_address_in_the_environment_is_said_to_be_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:11434/v1")
    own = _call(other_address=False, address="https://api.openai.com/v1")
    for status in (401, 404):
        assert "--base-url http://localhost:11434/v1: OPENAI_BASE_URL is set" in str(cure(own, status, "no"))


def test_the_cure_stands_in_the_message_of_a_stopped_run(
    openai_reviewer: Any, model_server: Any, reply: Any, engine: Any
) -> None:
    said = {"error": {"message": "This response_format type is unavailable now", "type": "invalid_request_error"}}
    model_server.say(reply(said, 400))
    with pytest.raises(RemoteError, match=r"no row was written\.\n  Next: add --no-structured.*; then run the same"):
        engine(openai_reviewer(), 3)


def test_a_row_that_failed_for_good_names_the_cure(
    openai_reviewer: Any, model_server: Any, reply: Any, engine: Any
) -> None:
    model_server.say(reply(b"<html>Welcome</html>", content_type="text/html"))
    summary, store = engine(openai_reviewer(), 2, attempts=1)
    with pytest.raises(
        RemoteError, match=r"2 of 2 articles failed for good.*not JSON: Welcome \(check the address: --base-url"
    ):
        summary.require_answers(store)


@pytest.mark.parametrize("answer", ["I had no time for this paper.", '{"concerns": []}', "I'm sorry, I cannot."])
def test_a_run_without_a_concern_fails_with_the_commonest_reason_and_every_row_says_why(
    openai_reviewer: Any, model_server: Any, reply: Any, engine: Any, completion: Any, answer: str
) -> None:
    model_server.say(reply(completion(answer)))
    summary, store = engine(openai_reviewer(), 3)
    with pytest.raises(RemoteError, match=r"3 of 3 articles failed for good\. The commonest reason: ") as caught:
        summary.require_answers(store)
    assert caught.value.exit_code == 5
    assert all(reason for reasons in store.totals.reasons.values() for reason in reasons)
    rows = (store.folder / "predictions.jsonl").read_text()
    assert '"detail": null' not in rows
