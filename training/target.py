"""The answer that a model learns: the concerns as JSON, in the form that the prompt asks for.

The parser that reads every reviewer's output reads it back to the same concerns.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bioreview_bench.data.article import Concern
from bioreview_bench.errors import InputError, printable
from bioreview_bench.llm.text.prompt import Prompt


def target(concerns: Sequence[Concern], prompt: Prompt, *, with_confidence: bool) -> str:
    """JSON of the concerns in their order, laid out as the example in the bundled prompts is.

    Raises InputError when the prompt does not say which form it asks for.
    """
    if prompt.answer == "strings":
        return json.dumps([concern.text for concern in concerns], ensure_ascii=False)
    if prompt.answer == "objects":
        lines = (json.dumps(_fields(concern, with_confidence), ensure_ascii=False) for concern in concerns)
        return "[\n  " + ",\n  ".join(lines) + "\n]"
    raise InputError(
        f"The prompt {printable(prompt.id)} does not say which form of answer it asks for.",
        remedy='add answer = "objects" or answer = "strings" to its file',
    )


def _fields(concern: Concern, with_confidence: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"text": concern.text, "category": concern.category, "severity": concern.severity}
    if with_confidence and concern.resolution_confidence is not None:
        fields["confidence"] = concern.resolution_confidence
    return fields
