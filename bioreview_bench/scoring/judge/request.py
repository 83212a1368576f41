"""One question to a judge, and the strict reading of its answer.

An answer counts whole or not at all. One that leaves a prediction out, names a label that was not in the question,
names one twice, or calls a pair both same and related is no answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts import judge_prompt as prompt
from bioreview_bench.errors import printable
from bioreview_bench.files.jsonl import json_type, parse_object
from bioreview_bench.llm.calls.asking import FilledPrompt
from bioreview_bench.llm.review import Review, Usage
from bioreview_bench.llm.text.fitting import Counter

DIFFERENT, RELATED, SAME = 0, 1, 2
LABELS = ("different", "related", "same")
_KEYS = {"prediction", "reason", "same", "related"}

Labels = NDArray[np.int8]  # (predictions, references) of DIFFERENT, RELATED and SAME


@dataclass(frozen=True)
class JudgeRequest:
    """The predictions and references of one article, both in the order in which the judge sees them.

    `article_id` is for messages; the judge does not see it, and answers are kept by the texts alone.
    """

    article_id: str = field(compare=False)
    predictions: tuple[str, ...]
    references: tuple[str, ...]

    @cached_property
    def id(self) -> str:
        """Hash of the ordered texts."""
        lists = json.dumps([self.predictions, self.references], ensure_ascii=True)
        return hashlib.sha256(lists.encode("ascii")).hexdigest()[:40]

    def swapped(self) -> JudgeRequest:
        """The same question with both lists in reverse order; its labels are those of this one, reversed twice."""
        return JudgeRequest(self.article_id, self.predictions[::-1], self.references[::-1])


@dataclass(frozen=True)
class JudgeAsking:
    """How judges are asked, in the terms of the model clients."""

    counter: Counter
    schema_name: ClassVar[str] = "judgements"
    adjustable: ClassVar[bool] = False

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of an answer."""
        return prompt.schema()

    def describe(self) -> dict[str, Any]:
        """What could change an answer."""
        return {"prompt": {"id": "judge", "sha256": prompt.prompt_sha256()}, "structured_output": "json_schema"}

    def ask(self, request: JudgeRequest) -> FilledPrompt:
        """The messages for one question. The notes go into the stored row and say how to read the answer."""
        messages = prompt.messages(request.predictions, request.references)
        n_tokens = sum(self.counter.count(message["content"]) for message in messages)
        sizes = {"n_predictions": len(request.predictions), "n_references": len(request.references)}
        return FilledPrompt(messages, n_tokens, {"article": request.article_id, **sizes})

    def read(self, raw: str, *, truncated: bool, usage: Usage, notes: Mapping[str, Any] | None) -> Review:
        """The row of an answer: `ok`, or `parse_failed` with what is wrong with it."""
        found = dict(notes or {})
        try:
            if truncated:
                raise ValueError("the answer was cut at the limit on output")
            read_labels(raw, found["n_predictions"], found["n_references"])
        except ValueError as error:
            return Review(status="parse_failed", raw_output=raw, usage=usage, detail=str(error), notes=found)
        return Review(raw_output=raw, usage=usage, notes=found)


def read_labels(raw: str, n_predictions: int, n_references: int) -> Labels:
    """The labels in an answer. Raises ValueError saying what is wrong with it."""
    answer = parse_object(raw)
    if set(answer) != {"judgements"} or not isinstance(answer["judgements"], list):
        raise ValueError('the answer is not {"judgements": [...]}')
    predictions = _places("P", n_predictions)
    references = _places("R", n_references)
    found = np.full((n_predictions, n_references), DIFFERENT, np.int8)
    seen: set[str] = set()
    for entry in answer["judgements"]:
        if not isinstance(entry, dict) or set(entry) != _KEYS:
            raise ValueError("a judgement is not an object of prediction, reason, same and related")
        name = entry["prediction"]
        if not isinstance(name, str) or name not in predictions:
            raise ValueError(f"it judges {_shown(name)}, which is not a prediction")
        if name in seen:
            raise ValueError(f"it judges {name} twice")
        if not isinstance(entry["reason"], str):
            raise ValueError(f"the reason for {name} is {json_type(entry['reason'])}")
        seen.add(name)
        named: set[str] = set()
        for key, label in (("same", SAME), ("related", RELATED)):
            for reference in _list(entry[key], name, key):
                if not isinstance(reference, str) or reference not in references:
                    raise ValueError(f"for {name} it names {_shown(reference)}, which is not a reference")
                if reference in named:
                    raise ValueError(f"for {name} it names {reference} twice")
                named.add(reference)
                found[predictions[name], references[reference]] = label
    left = [name for name in predictions if name not in seen]
    if left:
        raise ValueError(f"it leaves out {len(left)} of {n_predictions} predictions: {_few(left)}")
    return found


def _places(letter: str, n: int) -> dict[str, int]:
    return {f"{letter}{number}": number - 1 for number in range(1, n + 1)}


def _list(value: Any, name: str, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{key} of {name} is {json_type(value)}, not a list")
    return value


def _shown(value: Any) -> str:
    return f'"{printable(value, 40)}"' if isinstance(value, str) else json_type(value)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
