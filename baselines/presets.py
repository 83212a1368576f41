"""API models by a short name, as data: where they are, which variable holds the key, and what is sent.

Addresses and model names are their providers' and may change; `--base-url`, `--key-variable` and `--param` override.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

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
