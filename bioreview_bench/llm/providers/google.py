"""A reviewer over Google's Gemini API, through the official asynchronous client (google-genai).

The client is imported when the first connection is made. What it would do by itself is off: retries, function
calling, continuing an answer in further billed requests, and the address and project that it reads from the
environment.
"""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bioreview_bench.errors import InputError, printable
from bioreview_bench.files.network import environment_errors, follows_environment
from bioreview_bench.llm.calls.asking import Asks, FilledPrompt
from bioreview_bench.llm.calls.prices import Price, with_cost
from bioreview_bench.llm.providers.api import ApiReviewer, Key
from bioreview_bench.llm.providers.cures import NO_CREDIT, cure, names_no_model, too_long
from bioreview_bench.llm.providers.endings import ending
from bioreview_bench.llm.providers.failures import (
    broken_off,
    count,
    retry_after,
    review_or_raise,
    seconds_from,
    silent,
)
from bioreview_bench.llm.providers.said import Said, said_in
from bioreview_bench.llm.review import GiveUp, Review, TryAgain, Usage
from bioreview_bench.llm.text.thoughts import says_nothing

if TYPE_CHECKING:
    import httpx2
    from google.genai import Client, types
    from google.genai.errors import APIError

BASE_URL = "https://generativelanguage.googleapis.com"
KEY_ENV = "GEMINI_API_KEY"
_API_VERSION = "v1beta"  # response_json_schema is documented for it
_LISTING = 5.0  # seconds to wait for a list of models
_THINKING = ("thinking_budget", "thinking_level")


class GoogleReviewer(ApiReviewer):
    """Reviews with one Gemini model.

    `parameters` are those of the client's GenerateContentConfig (temperature, top_p, max_output_tokens, seed, ...);
    `max_tokens` is another name for max_output_tokens, and thinking_budget and thinking_level may be given alone.
    """

    own_provider, own_address, own_key, client = "google", BASE_URL, KEY_ENV, "google-genai"
    module = "google.genai"
    reserved = frozenset(
        {"automatic_continuation", "automatic_function_calling", "candidate_count", "http_options"}
        | {"response_json_schema", "response_mime_type", "response_schema", "system_instruction", "tools"}
    )
    output_limits = ("max_output_tokens",)
    _client: Client | None = None
    _http: httpx2.AsyncClient | None = None

    def __init__(self, model: str, asking: Asks, **settings: Any) -> None:
        """As for every ApiReviewer."""
        super().__init__(model, asking, **settings)
        if "max_tokens" in self.parameters:
            self.parameters.setdefault("max_output_tokens", self.parameters.pop("max_tokens"))

    def connect(self) -> None:
        """Make the client, so that a missing library or key, or an unknown parameter, is known before anything is
        written.

        Raises EncoderError (exit code 3) without the library, InputError for the others.
        """
        if self._client is not None:
            return
        genai, httpx = self.library("google.genai"), self.library("httpx2")
        self._key = Key(self.key_env)
        self._config("")
        follows = follows_environment(self.base_url)
        # Our own connections: the client would take aiohttp where that happens to be installed.
        with environment_errors():
            self._http = httpx.AsyncClient(
                timeout=httpx.Timeout(None, connect=30.0),
                follow_redirects=True,
                event_hooks={"response": [_look]},
                trust_env=follows,
            )
            unused = httpx.Client(trust_env=follows)  # the client would make one by the environment
        options = genai.types.HttpOptions(
            base_url=self.base_url,
            api_version=_API_VERSION,
            httpx_client=unused,
            httpx_async_client=self._http,
            retry_options=genai.types.HttpRetryOptions(attempts=1),
        )
        with warnings.catch_warnings(), environment_errors():
            warnings.simplefilter("ignore")  # about variables of the environment that are overridden here
            self._client = genai.Client(enterprise=False, api_key=self._key.reveal(), http_options=options)

    async def answer(self, asked: FilledPrompt) -> Review:
        """The same for messages that are there already."""
        self.connect()
        assert self._client is not None
        import httpx2
        from google.genai import types
        from google.genai.errors import APIError

        system = "\n\n".join(message["content"] for message in asked.messages if message["role"] == "system")
        contents = [
            types.Content(
                role="model" if message["role"] == "assistant" else "user",
                parts=[types.Part(text=message["content"])],
            )
            for message in asked.messages
            if message["role"] != "system"
        ]
        config = self._config(system)
        # Dealt with outside the handlers: a traceback would print the client's error, which may quote the key.
        refused: Exception
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # reasons that this version of the client does not know
                answer = await self._client.aio.models.generate_content(
                    model=self.model, contents=list(contents), config=config
                )
        # The client reads bodies as documented, and fails in its own ways on others.
        except (APIError, _Failed, httpx2.RequestError, ValueError, TypeError, AttributeError, KeyError) as error:
            refused = error
        else:
            return self._read(answer, asked)
        if isinstance(refused, _Failed):
            said = refused.said
            return self._failure(said.status or 500, said, said.message, after=None, served=())
        if isinstance(refused, APIError):
            served = await self._served() if names_no_model(refused.code, str(refused.message)) else ()
            return self._refused_status(refused, served)
        if isinstance(refused, httpx2.RequestError):
            raise self.disconnected(refused)
        raise TryAgain("the answer is not of the documented form")

    async def _served(self) -> list[str]:
        """The models that the service says it has; none where it does not say."""
        import httpx2
        from google.genai.errors import APIError

        assert self._client is not None
        try:
            async with asyncio.timeout(_LISTING):
                found = await self._client.aio.models.list()
                return [self.scrub(model.name).removeprefix("models/") async for model in found]
        except (APIError, httpx2.HTTPError, TimeoutError, ValueError, TypeError, AttributeError, KeyError):
            return []

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None and self._http is not None:
            self._client.close()
            await self._http.aclose()
            self._client = self._http = None

    def _config(self, system: str) -> types.GenerateContentConfig:
        """The request's configuration. Raises InputError for parameters that the client does not know."""
        from google.genai import types
        from pydantic import ValidationError

        given = dict(self.parameters)
        thinking = {key: given.pop(key) for key in _THINKING if key in given}
        wanted = self.asking.schema
        fixed: dict[str, Any] = {
            "system_instruction": system or None,
            "automatic_continuation": False,
            "automatic_function_calling": {"disable": True},
        }
        if thinking:
            fixed["thinking_config"] = thinking
        if wanted is not None:
            fixed |= {"response_mime_type": "application/json", "response_json_schema": wanted}
        try:
            return types.GenerateContentConfig.model_validate({**given, **fixed})
        except ValidationError as error:
            reasons = "; ".join(f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in error.errors())
            raise InputError(
                f"Parameters that {self.model} cannot take: {printable(reasons, 300)}",
                remedy="use the names of google-genai's GenerateContentConfig, such as max_output_tokens",
            ) from None

    def _read(self, answer: types.GenerateContentResponse, asked: FilledPrompt) -> Review:
        usage = _usage(answer.usage_metadata, self.price)
        blocked = answer.prompt_feedback and answer.prompt_feedback.block_reason
        if blocked:
            detail = f"the prompt was blocked: {printable(blocked.value)}"
            return Review(status="refused", usage=usage, detail=detail, notes=asked.notes)
        if not answer.candidates:
            raise TryAgain("the answer contains no candidate", usage=usage)
        candidate = answer.candidates[0]
        parts = (candidate.content.parts if candidate.content else None) or []
        text = "".join(part.text for part in parts if part.text and not part.thought)
        calls = [part.function_call.args for part in parts if part.function_call and part.function_call.args]
        text = "\n\n".join(filter(str.strip, (text, *(json.dumps(call, ensure_ascii=False) for call in calls))))
        reason = candidate.finish_reason.value if candidate.finish_reason else ""
        notes = dict(asked.notes or {})
        if answer.model_version and answer.model_version != self.model:
            notes["served_model"] = answer.model_version
        how = ending(reason)
        if how == "filtered":
            detail = f"the answer was blocked: {reason}"
            return Review(status="refused", raw_output=text, usage=usage, detail=detail, notes=notes or None)
        if how == "broken":
            raise broken_off(self.where, self.scrub(reason), usage)
        review = self.asking.read(text, truncated=how == "cut", usage=usage, notes=notes)
        if how == "whole" and says_nothing(text):
            thought = bool(text.strip()) or any(part.thought for part in parts)
            raise silent(review, thought=thought, finish=printable(reason or "none"))
        return review

    def _refused_status(self, error: APIError, served: Sequence[str]) -> Review:
        body = error.details if isinstance(error.details, dict) else {}
        inner = body.get("error") if isinstance(body.get("error"), dict) else body
        found = (inner or {}).get("details")
        details = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
        said = said_in(error.details)
        message = self.scrub(said.message or "no reason given")
        if any(entry.get("reason") == "API_KEY_INVALID" for entry in details):
            raise GiveUp(
                f"{self.where} does not accept the key in {self.key_env}: {message}",
                cure(self.service_call, 401, message),
            )
        if _daily(details):
            raise GiveUp(f"The daily quota at {self.where} is exhausted: {message}", NO_CREDIT)
        named = [seconds_from(str(entry.get("retryDelay"))) for entry in details if "retryDelay" in entry]
        after = next((seconds for seconds in named if seconds is not None), None)
        if after is None and error.response is not None:
            after = retry_after(getattr(error.response, "headers", {}))
        return self._failure(error.code, said, message, after=after, served=served)

    def _failure(self, status: int, said: Said, message: str, *, after: float | None, served: Sequence[str]) -> Review:
        if said.no_such_address and status not in (401, 403):
            status = 404
        words = " ".join([message, *sorted(said.codes)])
        return review_or_raise(
            status,
            self.scrub(message),
            where=self.where,
            too_long=too_long(status, words),
            cure=cure(self.service_call, status, words, served=served),
            after=after,
            usage=Usage(),
        )


class _Failed(Exception):
    """A failure that came under status 200; the client would read it as an answer that holds nothing."""

    def __init__(self, said: Said) -> None:
        super().__init__("a failure under status 200")
        self.said = said


async def _look(response: httpx2.Response) -> None:
    """Raise _Failed for an answer that is none."""
    if response.status_code != 200:
        return
    content = await response.aread()
    if b'"candidates"' not in content and b'"error"' in content and (said := said_in(content)).message:
        raise _Failed(said)


def _usage(found: types.GenerateContentResponseUsageMetadata | None, price: Price | None) -> Usage:
    if found is None:
        return Usage()
    written = count(found.candidates_token_count)
    thoughts = count(found.thoughts_token_count)
    if written is None and count(found.prompt_token_count) is not None:
        written = 0  # absent when nothing was written
    # Thoughts are billed as output.
    output = None if written is None else written + (thoughts or 0)
    return with_cost(count(found.prompt_token_count), output, price)


def _daily(details: list[dict[str, Any]]) -> bool:
    """True when a quota of a whole day is named: waiting seconds does not help."""
    violations = [entry.get("violations") for entry in details]
    flat = [one for found in violations if isinstance(found, list) for one in found if isinstance(one, dict)]
    return any("perday" in str(one.get("quotaId", "")).lower() for one in flat)
