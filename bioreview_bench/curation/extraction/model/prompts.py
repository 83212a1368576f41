"""The words in which a model is asked to extract, and the form of its answers."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, STANCES
from bioreview_bench.files.jsonl import clean
from bioreview_bench.llm.text.prompt import object_schema

CHANGES: Mapping[str, bool | None] = {"yes": True, "no": False, "unknown": None}


@dataclass(frozen=True)
class StagePrompt:
    """One stage: `user` holds {data} once, `again`, which follows an answer that cannot be used, {problems}.

    `schema` keeps to what every provider's dialect has; answers are checked beyond it.
    """

    id: str
    system: str
    user: str
    again: str
    schema: Mapping[str, Any]

    @cached_property
    def sha256(self) -> str:
        """Hash of all that is sent beside the data."""
        sent = {"system": self.system, "user": self.user, "again": self.again, "schema": self.schema}
        return hashlib.sha256(json.dumps(sent, sort_keys=True).encode("utf-8")).hexdigest()

    def messages(self, data: Mapping[str, Any]) -> list[dict[str, str]]:
        """What is sent: the rules, then the data as JSON, in which no text can end its own string."""
        text = json.dumps(clean(data), ensure_ascii=False, indent=1)
        before, _, after = self.user.partition("{data}")
        return [{"role": "system", "content": self.system}, {"role": "user", "content": f"{before}{text}{after}"}]

    def repeat(self, answer: str, problems: str) -> list[dict[str, str]]:
        """What follows an answer that cannot be used."""
        before, _, after = self.again.partition("{problems}")
        said = f"{before}{problems}{after}"  # a model may write half a surrogate pair, which cannot be sent
        return [{"role": "assistant", "content": clean(answer)}, {"role": "user", "content": clean(said)}]


@cache
def segments_prompt() -> StagePrompt:
    """The first stage: which parts of a report are concerns."""
    return _load("segments", object_schema({"concerns": {"type": "array", "items": {"type": "string"}}}))


@cache
def labels_prompt() -> StagePrompt:
    """The second stage: labels of concerns, and the replies to them."""
    entry = {
        "concern": {"type": "string"},
        "category": {"type": "string", "enum": list(CATEGORIES)},
        "severity": {"type": "string", "enum": list(SEVERITIES)},
        "requires_figure_reading": {"type": "boolean"},
        "reply": {"type": "array", "items": {"type": "string"}},
        "author_stance": {"type": "string", "enum": list(STANCES)},
        "evidence_of_change": {"type": "string", "enum": list(CHANGES)},
    }
    return _load("labels", object_schema({"labels": {"type": "array", "items": object_schema(entry)}}))


def _load(name: str, schema: Mapping[str, Any]) -> StagePrompt:
    text = (resources.files("bioreview_bench.curation.extraction.model") / f"{name}.toml").read_text(encoding="utf-8")
    parts = tomllib.loads(text)
    return StagePrompt(f"{name}-v1", parts["system"].strip(), parts["user"].strip(), parts["again"].strip(), schema)
