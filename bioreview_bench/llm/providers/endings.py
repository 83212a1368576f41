"""What the end of an answer means: the reasons that services give for it, as data.

Whatever is in none of the tables means that the service broke the answer off, since nobody can vouch for its text.
"""

from __future__ import annotations

from typing import Any, Literal

Ending = Literal["whole", "cut", "filtered", "broken"]

_WHOLE = frozenset(
    {"stop", "eos", "eos_token", "end", "end_turn", "stop_sequence", "complete", "completed", "done"}
    | {"tool_call", "tool_calls", "tool_use", "function_call"}
)
_CUT = frozenset(
    {"length", "max_tokens", "max_output_tokens", "max_completion_tokens", "max_new_tokens", "model_length"}
    | {"model_context_window_exceeded", "context_length_exceeded", "continuation"}
)
_FILTERED = frozenset(
    {"content_filter", "content_filtered", "content_policy", "content_policy_violation", "filtered", "moderation"}
    | {"refusal", "sensitive", "error_toxic", "guardrail_intervened"}
    | {"safety", "recitation", "blocklist", "prohibited_content", "spii", "language", "escalation"}
)


def ending(reason: Any) -> Ending:
    """What a finish reason means. Servers that name none are taken at their word that the answer is there."""
    if reason is None or reason == "":
        return "whole"
    name = reason.strip().casefold().replace("-", "_").replace(" ", "_") if isinstance(reason, str) else ""
    if name in _WHOLE:
        return "whole"
    if name in _CUT:
        return "cut"
    return "filtered" if name in _FILTERED else "broken"
