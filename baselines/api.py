"""Reviewers behind an API: any model of OpenAI, of Google, of servers that speak like OpenAI's, and some by short name.

Addresses and model names are their providers' and may change; `--base-url`, `--key-variable` and `--param` override.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bioreview_bench.errors import InputError
from bioreview_bench.llm.providers import google, openai
from bioreview_bench.llm.providers.failures import shown_url
from bioreview_bench.llm.review import Reviewer

from .registry import REMOTE, Job, Registration


@dataclass(frozen=True)
class Service:
    """How a service is called. `model` None is the one that the reviewer's name says; `base_url` None the client's own.

    `structured` says whether the service holds answers to a JSON schema.
    """

    key_variable: str
    model: str | None = None
    base_url: str | None = None
    structured: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def openai(self, job: Job) -> Reviewer:
        """A model of any server that speaks OpenAI's chat completions."""
        options, model = job.options, self.model or job.model
        price = job.prices.get(model)
        # A key goes to the service that it was made for, and to another address only when the user says so.
        key = self.key_variable if options.base_url is None else None
        return openai.OpenAIReviewer(
            model,
            job.asking(structured=self.structured),
            name=options.name,
            base_url=_checked(options.base_url) or self.base_url,
            key_env=options.key_variable or key,
            parameters=self._parameters(job),
            price=price.batch if price is not None and options.batch else price,
        )

    def google(self, job: Job) -> Reviewer:
        """A Gemini model."""
        options, model = job.options, self.model or job.model
        base_url = _checked(options.base_url)
        if base_url is not None and options.key_variable is None:
            raise InputError(
                "Which key belongs to that address is not said, and Google's is not sent elsewhere.",
                remedy="add --key-variable NAME",
            )
        return google.GoogleReviewer(
            model,
            job.asking(),
            name=options.name,
            base_url=base_url,
            key_env=options.key_variable or self.key_variable,
            parameters=self._parameters(job),
            price=job.prices.get(model),
        )

    def _parameters(self, job: Job) -> dict[str, Any]:
        """The service's, under what the user gave; null takes one away."""
        merged = {**self.parameters, **job.parameters}
        return {name: value for name, value in merged.items() if value is not None}


def _checked(url: str | None) -> str | None:
    """The URL. Raises InputError when it carries what may be secret: it would be recorded."""
    if url is not None and shown_url(url) != url:
        raise InputError(
            f"The base URL at {shown_url(url)} carries a user, a query or a fragment, which may be secret.",
            remedy="leave it out of the address; keys go into a variable that --key-variable names",
        )
    return url


def _openai(name: str, summary: str, service: Service) -> Registration:
    # Services that only speak like OpenAI's have batches of another kind, or none.
    accepts = REMOTE | {"batch"} if service.base_url is None else REMOTE
    return Registration(name, summary, service.openai, accepts, module="openai", key_variable=service.key_variable)


def _google(name: str, summary: str, service: Service) -> Registration:
    return Registration(name, summary, service.google, REMOTE, module="google.genai", key_variable=service.key_variable)


# As the predecessor benchmark called its API models: greedy, 4,096 tokens of output.
_GREEDY = {"temperature": 0.0, "max_tokens": 4096}
# Gemini 2.5 thinks by default, and what it thinks counts against the limit of output.
_GEMINI = {"temperature": 0.0, "max_output_tokens": 4096, "thinking_budget": 0}


def _gemini(model: str) -> Registration:
    return _google(model, f"{model} (Google)", Service(google.KEY_ENV, model, parameters=_GEMINI))


REVIEWERS = (
    _openai("gpt-4o-mini", "gpt-4o-mini (OpenAI)", Service(openai.KEY_ENV, "gpt-4o-mini", parameters=_GREEDY)),
    _gemini("gemini-2.5-flash"),
    _gemini("gemini-2.5-flash-lite"),
    _openai(
        "claude-haiku-4.5",
        "claude-haiku-4-5-20251001 (Anthropic, by its OpenAI-compatible address)",
        Service(
            "ANTHROPIC_API_KEY",
            "claude-haiku-4-5-20251001",
            "https://api.anthropic.com/v1",
            structured=False,  # its OpenAI-compatible layer takes no response schema
            parameters=_GREEDY,
        ),
    ),
    _openai(
        "llama-3.3-70b",
        "llama-3.3-70b-versatile (Meta's model at Groq; other hosts by --base-url and openai:MODEL)",
        Service(
            "GROQ_API_KEY",
            "llama-3.3-70b-versatile",
            "https://api.groq.com/openai/v1",
            structured=False,  # offers schemas for other models only
            parameters=_GREEDY,
        ),
    ),
    _openai("openai:MODEL", "any model of OpenAI, or of a server like it (--base-url)", Service(openai.KEY_ENV)),
    _google("google:MODEL", "any Gemini model", Service(google.KEY_ENV)),
)
