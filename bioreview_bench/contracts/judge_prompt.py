"""The words in which a judge is asked, and the form of its answer."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from bioreview_bench.files.jsonl import clean

_PLACE = "{data}"


def messages(predictions: Sequence[str], references: Sequence[str]) -> list[dict[str, str]]:
    """What is sent: the rules, then both lists as JSON, in which no text can end its own string."""
    lists = {"references": labelled("R", references), "predictions": labelled("P", predictions)}
    before, _, after = _parts()["user"].partition(_PLACE)
    data = json.dumps(clean(lists), ensure_ascii=False, indent=1)
    return [
        {"role": "system", "content": _parts()["system"]},
        {"role": "user", "content": f"{before}{data}{after}"},
    ]


def labelled(letter: str, texts: Sequence[str]) -> dict[str, str]:
    """{"R1": text, "R2": text, ...}"""
    return {f"{letter}{number}": text for number, text in enumerate(texts, start=1)}


def schema() -> dict[str, Any]:
    """JSON Schema of the answer, within what every provider's dialect has; the answer is checked beyond it."""
    labels = {"type": "array", "items": {"type": "string"}}
    judgement = _object(
        {"prediction": {"type": "string"}, "reason": {"type": "string"}, "same": labels, "related": labels}
    )
    return _object({"judgements": {"type": "array", "items": judgement}})


@cache
def prompt_sha256() -> str:
    """Hash of everything that is sent beside the texts, and of how the texts are laid out."""
    asked = {"messages": messages(["p"], ["r"]), "schema": schema()}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode("utf-8")).hexdigest()


@cache
def _parts() -> dict[str, str]:
    text = (resources.files("bioreview_bench.contracts") / "judge_prompt.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    return {part: content[part].strip() for part in ("system", "user")}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
