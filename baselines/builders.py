"""How each kind of reviewer is made from a Job. What a reviewer needs is imported when it is made.

API models by a short name, as data: where they are, which variable holds the key, and what is sent.

Addresses and model names are their providers' and may change; `--base-url`, `--key-variable` and `--param` override.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bioreview_bench.errors import InputError
from bioreview_bench.llm.calls.prices import Price
from bioreview_bench.llm.providers.failures import shown_url
from bioreview_bench.llm.review import Reviewer

from .request import Job

Build = Callable[[Job], Reviewer]


def openai(model: str, preset: Preset | None = None) -> Build:
    """A model of any server that speaks OpenAI's chat completions."""

    def build(job: Job) -> Reviewer:
        from bioreview_bench.llm.providers.openai import KEY_ENV, OpenAIReviewer

        request = job.request
        # A key goes to the service that it was made for, and to another address only when the user says so.
        key: str | None = preset.key_variable if preset else KEY_ENV
        if request.base_url is not None:
            _check(request.base_url)
            key = None
        return OpenAIReviewer(
            model,
            job.asking(structured=preset.structured if preset else True),
            name=request.name,
            base_url=request.base_url or (preset.base_url if preset else None),
            key_env=request.key_variable or key,
            parameters=_parameters(job, preset),
            price=_price(job, model),
        )

    return build


def google(model: str, preset: Preset | None = None) -> Build:
    """A Gemini model."""

    def build(job: Job) -> Reviewer:
        from bioreview_bench.llm.providers.google import KEY_ENV, GoogleReviewer

        request = job.request
        if request.base_url is not None:
            _check(request.base_url)
            if request.key_variable is None:
                raise InputError(
                    "Which key belongs to that address is not said, and Google's is not sent elsewhere.",
                    remedy="add --key-variable NAME",
                )
        return GoogleReviewer(
            model,
            job.asking(),
            name=request.name,
            base_url=request.base_url,
            key_env=request.key_variable or KEY_ENV,
            parameters=_parameters(job, preset),
            price=job.prices.get(model),
        )

    return build


def vllm(model: str) -> Build:
    """A model that vLLM serves."""

    def build(job: Job) -> Reviewer:
        from bioreview_bench.llm.local.model_files import model_folder

        from .local.vllm_reviewer import VllmReviewer

        request = job.request
        # The tokenizer alone is loaded here, and only where it counts.
        tokenizer = model_folder(model) if (request.counter or "model") == "model" else None
        return VllmReviewer(
            model,
            job.asking(counter="model", tokenizer=tokenizer),
            adapters=request.adapters,
            tensor_parallel=request.tensor_parallel,
            parameters=job.parameters,
        )

    return build


def hf(model: str) -> Build:
    """A model in this process."""

    def build(job: Job) -> Reviewer:
        from .local.hf_reviewer import HfReviewer, HfSettings

        if "max_tokens" in job.parameters:
            raise InputError("transformers calls it max_new_tokens.", remedy="--param max_new_tokens=N")
        numbers = {"temperature": float, "top_p": float, "repetition_penalty": float}
        others = {"max_new_tokens": int, "seed": int, "batch_tokens": int, "enable_thinking": bool}
        texts = {"dtype": str, "device": str, "chat_template": str}
        return HfReviewer(
            model,
            job.prompt,
            adapters=job.request.adapters,
            settings=HfSettings(**job.take(**numbers, **others, **texts)),
            counter=job.request.counter or "model",
            budget=job.budget,
            fix_labels=bool(job.request.fix_labels),
        )

    return build


def bm25(job: Job) -> Reviewer:
    """Concerns of train articles that share words with the paper."""
    from .bm25.corpus import families
    from .bm25.reviewer import Bm25Reviewer

    return Bm25Reviewer(job.train, families(job.articles), **job.take(n=int, weight=float))


def bm25_v3(job: Job) -> Reviewer:
    """The published recipe."""
    from .bm25.bm25_v3 import Bm25V3Reviewer

    return Bm25V3Reviewer(job.train)


def control(name: str) -> Build:
    """One of the control reviewers."""

    def build(job: Job) -> Reviewer:
        from .control_reviewers import control_reviewer

        borrows = name in ("neighbour", "random-train")
        kinds: dict[str, Any] = {"seed": int} if name == "random-train" else {}
        train = job.train if borrows else ()
        return control_reviewer(name, job.articles, train, **job.take(**kinds))

    return build


def _parameters(job: Job, preset: Preset | None) -> dict[str, Any]:
    """The preset's, under what the user gave; null takes one away."""
    merged = {**(preset.parameters if preset else {}), **job.parameters}
    return {name: value for name, value in merged.items() if value is not None}


def _price(job: Job, model: str) -> Price | None:
    """What the model costs, by single calls or in batches, as far as the user has said."""
    price = job.prices.get(model)
    return price.batch if price is not None and job.request.batch else price


def _check(url: str) -> None:
    """Raise InputError when a URL carries what may be secret: it would be recorded."""
    if shown_url(url) != url:
        raise InputError(
            f"The base URL at {shown_url(url)} carries a user, a query or a fragment, which may be secret.",
            remedy="leave it out of the address; keys go into a variable that --key-variable names",
        )


# As the predecessor benchmark called its API models: greedy, 4,096 tokens of output.
_OPENAI = {"temperature": 0.0, "max_tokens": 4096}
# Gemini 2.5 thinks by default, and what it thinks counts against the limit of output.
_GEMINI = {"temperature": 0.0, "max_output_tokens": 4096, "thinking_budget": 0}


@dataclass(frozen=True)
class Preset:
    """One model of one service. `structured` says whether the service holds answers to a JSON schema."""

    kind: str
    model: str
    key_variable: str
    summary: str
    base_url: str | None = None
    structured: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "gpt-4o-mini": Preset("openai", "gpt-4o-mini", "OPENAI_API_KEY", "OpenAI", parameters=_OPENAI),
        "gemini-2.5-flash": Preset("google", "gemini-2.5-flash", "GEMINI_API_KEY", "Google", parameters=_GEMINI),
        "gemini-2.5-flash-lite": Preset(
            "google", "gemini-2.5-flash-lite", "GEMINI_API_KEY", "Google", parameters=_GEMINI
        ),
        # Its OpenAI-compatible layer takes no response schema.
        "claude-haiku-4.5": Preset(
            "openai",
            "claude-haiku-4-5-20251001",
            "ANTHROPIC_API_KEY",
            "Anthropic, by its OpenAI-compatible address",
            base_url="https://api.anthropic.com/v1",
            structured=False,
            parameters=_OPENAI,
        ),
        # Offers schemas for other models only.
        "llama-3.3-70b": Preset(
            "openai",
            "llama-3.3-70b-versatile",
            "GROQ_API_KEY",
            "Meta's model at Groq; other hosts by --base-url and openai:MODEL",
            base_url="https://api.groq.com/openai/v1",
            structured=False,
            parameters=_OPENAI,
        ),
    }
)
