"""Reviewers behind an API: any model of OpenAI, of Google, of servers that speak like OpenAI's, and some by short name.

Addresses and model names are their providers' and may change; `--base-url`, `--key-variable` and `--param` override.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bioreview_bench.errors import InputError
from bioreview_bench.llm.calls.prices import find_price
from bioreview_bench.llm.providers.api import ApiReviewer
from bioreview_bench.llm.providers.failures import shown_url
from bioreview_bench.llm.providers.google import GoogleReviewer
from bioreview_bench.llm.providers.openai import OpenAIReviewer

from .registry import REMOTE, Job, Registration


@dataclass(frozen=True)
class Service:
    """How a service is called. `model` None is the one that the reviewer's name says; `base_url` None the client's own.

    `structured` says whether the service holds answers to a JSON schema.
    """

    client: type[ApiReviewer]
    key_variable: str
    model: str | None = None
    base_url: str | None = None
    structured: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def reviewer(self, job: Job) -> ApiReviewer:
        """A model of this service, or of another that speaks the same protocol. Raises InputError."""
        options, model = job.options, self.model or job.model
        base_url = _checked(options.base_url)
        if self.client is GoogleReviewer and base_url is not None and options.key_variable is None:
            raise InputError(
                "No key is named for that address, and Google's is not sent elsewhere.",
                remedy="add --key-variable NAME",
            )
        price = find_price(model, base_url or self.base_url or self.client.own_address, job.prices)
        parameters = {**self.parameters, **job.parameters}
        return self.client(
            model,
            job.asking(structured=self.structured),
            name=options.name,
            base_url=base_url or self.base_url,
            # A key goes to the service that it was made for, and to another address only when the user says so.
            key_env=options.key_variable or (self.key_variable if base_url is None else None),
            # Null takes one of the service's parameters away.
            parameters={name: value for name, value in parameters.items() if value is not None},
            price=price.batch if price is not None and options.batch else price,
        )


def _checked(url: str | None) -> str | None:
    """The URL. Raises InputError when it carries what may be secret: it would be recorded."""
    if url is not None and shown_url(url) != url:
        raise InputError(
            f"The base URL at {shown_url(url)} carries a user, a query or a fragment, which may be secret.",
            remedy="leave it out of the address; keys go into a variable that --key-variable names",
        )
    return url


def _registered(name: str, summary: str, service: Service) -> Registration:
    module = "google.genai" if service.client is GoogleReviewer else "openai"
    # Services that only speak like OpenAI's have batches of another kind, or none.
    accepts = REMOTE | {"batch"} if service.client is OpenAIReviewer and service.base_url is None else REMOTE
    return Registration(name, summary, service.reviewer, accepts, module=module, key_variable=service.key_variable)


# As the predecessor benchmark called its API models: greedy, 4,096 tokens of output.
_GREEDY = {"temperature": 0.0, "max_tokens": 4096}
# Gemini 2.5 thinks by default, and what it thinks counts against the limit of output.
_GEMINI = {"temperature": 0.0, "max_output_tokens": 4096, "thinking_budget": 0}


def _gemini(model: str) -> Registration:
    return _registered(
        model, f"{model} (Google)", Service(GoogleReviewer, GoogleReviewer.own_key, model, parameters=_GEMINI)
    )


REVIEWERS = (
    _registered(
        "gpt-4o-mini",
        "gpt-4o-mini (OpenAI)",
        Service(OpenAIReviewer, OpenAIReviewer.own_key, "gpt-4o-mini", parameters=_GREEDY),
    ),
    _gemini("gemini-2.5-flash"),
    _gemini("gemini-2.5-flash-lite"),
    _registered(
        "claude-haiku-4.5",
        "claude-haiku-4-5-20251001 (Anthropic, by its OpenAI-compatible address)",
        Service(
            OpenAIReviewer,
            "ANTHROPIC_API_KEY",
            "claude-haiku-4-5-20251001",
            "https://api.anthropic.com/v1",
            structured=False,  # its OpenAI-compatible layer takes no response schema
            parameters=_GREEDY,
        ),
    ),
    _registered(
        "llama-3.3-70b",
        "llama-3.3-70b-versatile (Meta's model at Groq; other hosts by --base-url and openai:MODEL)",
        Service(
            OpenAIReviewer,
            "GROQ_API_KEY",
            "llama-3.3-70b-versatile",
            "https://api.groq.com/openai/v1",
            structured=False,  # offers schemas for other models only
            parameters=_GREEDY,
        ),
    ),
    _registered(
        "openai:MODEL",
        "any model of OpenAI, or of a server like it (--base-url)",
        Service(OpenAIReviewer, OpenAIReviewer.own_key),
    ),
    _registered("google:MODEL", "any Gemini model", Service(GoogleReviewer, GoogleReviewer.own_key)),
)
