"""Names of models and judges, such as `openai:gpt-4o-mini` and `judge:openai:gpt-4o-mini`: who is asked, and how.

A name says everything beside the words that decides what is answered. `?` and parameters may follow the model:
`judge:openai:MODEL?temperature=&reasoning_effort=low` sets one parameter and takes a default away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from bioreview_bench.contracts.judge_prompt import prompt_sha256
from bioreview_bench.errors import InputError, printable

PREFIX = "judge:"
FORMS = "judge:openai:MODEL, judge:google:MODEL or judge:vllm:MODEL"
MODEL_FORMS = "gpt-4o-mini, openai:MODEL, google:MODEL or vllm:MODEL"
_SHORT = {"gpt-4o-mini": "openai:gpt-4o-mini"}
# An answer of 16,000 tokens holds some three hundred predictions; without a limit its price would not be known.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "openai": {"temperature": 0, "max_completion_tokens": 16_000},
        "google": {"temperature": 0, "max_output_tokens": 16_000},
        "vllm": {"temperature": 0},  # what its context leaves is the limit, and nobody is billed
    }
)


@dataclass(frozen=True)
class ModelName:
    """A parsed name of a model. `parameters` are those that are sent, defaults included."""

    name: str
    provider: str
    model: str
    parameters: Mapping[str, Any]

    @classmethod
    def parse(cls, name: str) -> ModelName:
        """Raises InputError for an unknown provider, no model, or parameters that cannot be read."""
        return cls(name, *_parts(name, _SHORT.get(name, name), "model", MODEL_FORMS))


@dataclass(frozen=True)
class JudgeName(ModelName):
    """A parsed name of a judge."""

    @classmethod
    def parse(cls, name: str) -> JudgeName:
        """Raises InputError for an unknown provider, no model, or parameters that cannot be read."""
        rest = name.removeprefix(PREFIX) if name.startswith(PREFIX) else ""
        return cls(name, *_parts(name, rest, "judge", FORMS))

    @property
    def encoder(self) -> str:
        """What stands in a contract and a result in the place of an encoder: `judge/openai/MODEL`."""
        return f"judge/{self.provider}/{self.model}"

    @property
    def sha256(self) -> str:
        """Hash of prompt, form of the answer and parameters."""
        decisive = {"prompt": prompt_sha256(), "parameters": dict(self.parameters)}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    def fields(self) -> dict[str, Any]:
        """The fields of the judge's contract. A pair is `same` at similarity 1, `related` at 0.5."""
        return {
            "name": self.name,
            "encoder": self.encoder,
            "weights_sha256": self.sha256,
            "threshold": 1.0,
            "dtype": None,
            "pooling": None,
            "similarity": "judge",
            "null": 1,
        }


def is_judge(name: object) -> bool:
    """True when a contract of this name is a judge's."""
    return isinstance(name, str) and name.startswith(PREFIX)


def _parts(name: str, rest: str, kind: str, forms: str) -> tuple[str, str, dict[str, Any]]:
    """Provider, model and parameters in `PROVIDER:MODEL?KEY=VALUE`."""
    provider, _, asked = rest.partition(":")
    model, _, query = asked.partition("?")
    if provider not in _DEFAULTS or not model or not model.isprintable():
        raise InputError(f'"{printable(name)}" names no {kind}.', remedy=f"use {forms}")
    if model != model.strip() or any(char in model for char in "| \\"):
        raise InputError(f'"{printable(model)}" is not the name of a model.', remedy=f"use {forms}")
    return provider, model, _parameters(provider, query)


def _parameters(provider: str, query: str) -> dict[str, Any]:
    found = dict(_DEFAULTS[provider])
    try:
        given = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
        if len({key for key, _ in given} - {""}) != len(given):
            raise ValueError("a parameter is given twice, or has no name")
    except ValueError as error:
        raise InputError(
            f"The parameters of the model cannot be read ({printable(error)}).",
            remedy="write them as ?seed=1&top_p=0.9",
        ) from error
    for key, text in given:
        if text == "":
            found.pop(key, None)
        else:
            found[key] = _value(text)
    return dict(sorted(found.items()))


def _value(text: str) -> Any:
    """A JSON value where it is one, else the text."""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return text
    return value
