"""A reviewer over any server that speaks OpenAI's chat completions, through the official asynchronous client.

The client is imported when the first connection is made, and its own retries are off: the engine retries. The
answer is read from the response body, since the client builds its records without checking them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from bioreview_bench.files.network import environment_errors, follows_environment
from bioreview_bench.llm.calls.asking import FilledPrompt
from bioreview_bench.llm.calls.prices import Price, with_cost
from bioreview_bench.llm.providers.api import ApiReviewer, Key
from bioreview_bench.llm.providers.cures import NO_CREDIT, cure, names_no_model, too_long
from bioreview_bench.llm.providers.endings import ending
from bioreview_bench.llm.providers.failures import broken_off, count, read_object, retry_after, review_or_raise, silent
from bioreview_bench.llm.providers.said import said_in
from bioreview_bench.llm.review import GiveUp, Review, TryAgain, Usage
from bioreview_bench.llm.text.thoughts import says_nothing

if TYPE_CHECKING:
    from openai import APIConnectionError, APIStatusError, AsyncOpenAI, OpenAI, Timeout

    _Client = TypeVar("_Client", AsyncOpenAI, OpenAI)

BASE_URL = "https://api.openai.com/v1"
KEY_ENV = "OPENAI_API_KEY"
_FILTERED = frozenset({"content_filter", "content_policy_violation", "invalid_prompt"})
_LISTING = 5.0  # seconds to wait for a list of models
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")  # where servers put what was thought before an answer
_NO_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})


class OpenAIReviewer(ApiReviewer):
    """Reviews with one model of one server; `parameters` may be any that the server knows."""

    own_provider, own_address, own_key, client = "openai", BASE_URL, KEY_ENV, "openai"
    module = "openai"
    reserved = frozenset({"model", "messages", "n", "response_format", "stream", "stream_options", "tools"})
    output_limits = ("max_completion_tokens", "max_tokens")
    _client: AsyncOpenAI | None = None

    def connect(self) -> None:
        """Make the client, so that a missing library or key is known before anything is written.

        Raises EncoderError (exit code 3) without the library, InputError without the key.
        """
        if self._client is not None:
            return
        library = self.library("openai")
        # No limit of time but for connecting: the engine times whole attempts.
        self._client = self.prepared(library.AsyncOpenAI, library.Timeout(None, connect=30.0))

    def prepared(self, client: Callable[..., _Client], timeout: Timeout) -> _Client:
        """A client of the library for this address and key, which tries nothing again by itself.

        Raises InputError without the key.
        """
        self._key = Key(self.key_env)
        library = self.library("openai")
        http = library.DefaultAsyncHttpxClient if client is library.AsyncOpenAI else library.DefaultHttpxClient
        with environment_errors():
            made = client(
                api_key=self._key.reveal(),
                base_url=self.base_url,
                max_retries=0,
                timeout=timeout,
                http_client=http(trust_env=follows_environment(self.base_url)),
            )
        if self.base_url != BASE_URL:
            # Read from the environment by the client, and nobody else's business.
            made.organization = made.project = None
        return made

    async def answer(self, asked: FilledPrompt) -> Review:
        """The same for messages that are there already."""
        self.connect()
        assert self._client is not None
        import httpx2
        from openai import APIConnectionError, APIStatusError

        # Dealt with outside the handlers: a traceback would print the client's error, which may quote the key.
        refused: APIStatusError | APIConnectionError
        try:
            # The client's way to an address with a body of our own: the body is sent as it is.
            answer = await self._client.post("/chat/completions", cast_to=httpx2.Response, body=self.body(asked))
        except (APIStatusError, APIConnectionError) as error:
            refused = error
        else:
            return self.read(read_object(answer.content), asked.notes)
        if isinstance(refused, APIStatusError):
            served = await self._served() if names_no_model(refused.status_code, str(refused.body)) else ()
            return self.refused(refused, served)
        raise self.disconnected(refused.__cause__ or refused)

    async def _served(self) -> list[str]:
        """The models that the server says it has; none where it does not say."""
        import httpx2
        from openai import OpenAIError

        assert self._client is not None
        try:
            async with asyncio.timeout(_LISTING):
                answer = await self._client.get("/models", cast_to=httpx2.Response)
            return [self.scrub(entry["id"]) for entry in read_object(answer.content)["data"]]
        except (OpenAIError, httpx2.HTTPError, TimeoutError, TryAgain, KeyError, TypeError):
            return []

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def body(self, asked: FilledPrompt) -> dict[str, Any]:
        """The request for one manuscript."""
        body = {**self.parameters, "model": self.model, "messages": list(asked.messages)}
        wanted = self.asking.schema
        if wanted is not None:
            schema = {"name": self.asking.schema_name, "strict": True, "schema": wanted}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body

    def read(self, body: Mapping[str, Any], notes: Mapping[str, Any] | None) -> Review:
        """The review in the body of an answer; `notes` go into its row. Raises TryAgain, GiveUp."""
        usage = _usage(body.get("usage"), self.price)
        choices = body.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            said = said_in(body)  # some servers report failures under status 200
            if not said.message:
                raise TryAgain("the answer contains no choice", usage=usage)
            return self.failure(said.status or (404 if said.no_such_address else 500), body, usage=usage)
        message, finish = choice["message"], choice.get("finish_reason")
        error = next(filter(None, (choice.get("error"), message.get("error"), body.get("error"))), None)
        if error is not None:
            return self.failure(said_in({"error": error}).status or 502, {"error": error}, usage=usage)
        found = dict(notes or {})
        served = body.get("model")
        if isinstance(served, str) and served != self.model:
            found["served_model"] = served
        text = _text(message)
        refusal = message.get("refusal")
        how = ending(finish)
        if how == "filtered" or (isinstance(refusal, str) and refusal):
            detail = "stopped by the content filter" if how == "filtered" else "the model refused"
            raw = refusal if isinstance(refusal, str) and refusal else text
            return Review(status="refused", raw_output=raw, usage=usage, detail=detail, notes=found or None)
        if how == "broken":
            native = choice.get("native_finish_reason")
            raise broken_off(
                self.where, self.scrub(finish if native in (None, finish) else f"{finish}, {native}"), usage
            )
        review = self.asking.read(text, truncated=how == "cut", usage=usage, notes=found)
        if how == "whole" and says_nothing(text):
            thought = bool(text.strip()) or any(
                isinstance(message.get(key), str) and message[key].strip() for key in _THOUGHTS
            )
            raise silent(review, thought=thought, finish=self.scrub(finish or "none"))
        return review

    def refused(self, error: APIStatusError, served: Sequence[str] = ()) -> Review:
        """What an answer with another status than 200 means, as `failure` does; `served` are the models it has."""
        after = retry_after(error.response.headers)
        return self.failure(error.status_code, error.response.content, after=after, served=served)

    def failure(
        self,
        status: int,
        body: Any,
        *,
        after: float | None = None,
        usage: Usage | None = None,
        served: Sequence[str] = (),
    ) -> Review:
        """A Review when the failure may concern one article alone. Raises TryAgain, GiveUp otherwise."""
        said = said_in(body)
        message = self.scrub(said.message or ", ".join(sorted(said.codes)) or "no reason given")
        if said.codes & _FILTERED:
            return Review(
                status="refused", detail=f"{self.where} filtered the request: {message}", usage=usage or Usage()
            )
        if said.codes & _NO_QUOTA:
            raise GiveUp(f"The quota at {self.where} is exhausted: {message}", NO_CREDIT)
        if said.no_such_address and status not in (401, 403):
            status = 404
        words = " ".join([message, *sorted(said.codes)])
        known = cure(self.service_call, status, words, said.parameter, served)
        return review_or_raise(
            status,
            message,
            where=self.where,
            too_long=too_long(status, words),
            cure=known,
            after=after,
            usage=usage or Usage(),
        )


def _usage(found: Any, price: Price | None) -> Usage:
    usage = found if isinstance(found, dict) else {}
    return with_cost(count(usage.get("prompt_tokens")), count(usage.get("completion_tokens")), price)


def _text(message: Mapping[str, Any]) -> str:
    """What the model answered: its text, and the arguments of the calls in which some servers put an answer."""
    content = message.get("content")
    if isinstance(content, list):  # of parts
        held = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in held if isinstance(part, str))
    calls = message.get("tool_calls")
    functions = [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    texts = [content, *(_arguments(function) for function in (*functions, message.get("function_call")))]
    return "\n\n".join(text for text in texts if isinstance(text, str) and text.strip())


def _arguments(function: Any) -> str:
    given = function.get("arguments") if isinstance(function, dict) else None
    return json.dumps(given, ensure_ascii=False) if isinstance(given, dict | list) and given else str(given or "")
