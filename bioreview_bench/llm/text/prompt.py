"""Prompts: versioned texts with an id and a sha256, and the JSON schema of the answer that each asks for.

A bundled prompt is a TOML file in `prompts/`; any other is a TOML file of the user's with
`system`, `user` and perhaps `answer`, so that a published model can be asked in the very words it was trained on.
This module neither fits papers into a budget (`fitting`) nor reads answers (`parser`).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES
from bioreview_bench.errors import InputError, did_you_mean, printable
from bioreview_bench.files.reading import parse_toml, read_filled

PLACE = "{paper}"
ANSWERS = ("objects", "labels", "strings")  # with a confidence; without; texts alone

_FOLDER = "bioreview_bench.llm.text.prompts"
# Reviewers see the text only, so no bundled prompt offers the category of figures.
_OFFERED = tuple(category for category in CATEGORIES if category != "figure_issue")


@dataclass(frozen=True)
class Prompt:
    """A system part (may be empty) and a user part that holds `{paper}` exactly once.

    `id` is the name of a bundled prompt, or `file:STEM` for a file, which can thus never pass as a bundled one.
    `answer` is the form that the prompt asks for: `objects` (text, category, severity, confidence), `labels` (the
    same without a confidence) or `strings`; None when the file does not say.
    Raises InputError when the paper has no place, or more than one, or when the form is unknown.
    """

    id: str
    system: str
    user: str
    answer: str | None = None

    def __post_init__(self) -> None:
        found = self.user.count(PLACE)
        if found != 1:
            raise InputError(
                f"Prompt {printable(self.id)}: the user part contains {PLACE} {found} times.",
                remedy=f"write {PLACE} exactly once where the paper goes; other braces need no escaping",
            )
        if PLACE in self.system:
            raise InputError(
                f"Prompt {printable(self.id)}: the system part contains {PLACE}, where it would be sent verbatim.",
                remedy=f"move {PLACE} to the user part",
            )
        if self.answer is not None and self.answer not in ANSWERS:
            raise InputError(
                f'Prompt {printable(self.id)}: unknown answer "{printable(self.answer)}".',
                remedy=f"use {', '.join(ANSWERS)}, or leave answer out",
            )

    @property
    def sha256(self) -> str:
        """Hash of the two parts as they are sent: id, form of answer and layout of the file do not enter it."""
        canonical = json.dumps({"system": self.system, "user": self.user}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("utf-8")).hexdigest()

    @property
    def schema(self) -> dict[str, Any] | None:
        """JSON schema of `{"concerns": [...]}` for structured output; None when the form of the answer is unknown.

        It keeps to what every provider's dialect has (types, enum, required, no additional properties): how many
        concerns, and the range of a confidence, are asked for in the prompt and checked by the parser.
        """
        if self.answer is None:
            return None
        item: dict[str, Any] = {"type": "string"}
        if self.answer != "strings":
            keys: dict[str, Any] = {
                "text": {"type": "string", "description": "the concern, in one to three sentences"},
                "category": {"type": "string", "enum": list(_OFFERED)},
                "severity": {"type": "string", "enum": list(SEVERITIES)},
            }
            if self.answer == "objects":
                keys["confidence"] = {"type": "number", "description": "from 0 to 1"}
            item = object_schema(keys)
        return object_schema({"concerns": {"type": "array", "items": item}})

    @classmethod
    def load(cls, name_or_path: str | Path) -> Prompt:
        """A bundled prompt by id, or one from a TOML file; a bundled id wins over a file of that name.

        Raises InputError when there is none, or when the file is not a prompt.
        """
        name = str(name_or_path)
        if name in bundled():
            text = resources.files(_FOLDER).joinpath(f"{name}.toml").read_text(encoding="utf-8")
            return cls._from_toml(text, name, name)
        path = Path(name_or_path)
        if not os.path.exists(path):  # False, too, for what can be no path
            raise InputError(
                f'There is no prompt "{printable(name)}", bundled or as a file.',
                remedy=f"{did_you_mean(name, bundled())}"
                f"use {', '.join(bundled())} or the path of a TOML file with system and user",
            )
        text = read_filled(path, InputError, "save it as UTF-8", "utf-8-sig")
        return cls._from_toml(text, f"file:{path.stem}", str(path))

    @classmethod
    def _from_toml(cls, text: str, prompt_id: str, where: str) -> Prompt:
        fields = parse_toml(text, where, InputError, "fix the file")
        unknown = sorted(set(fields) - {"system", "user", "answer"})
        if unknown or "user" not in fields:
            raise InputError(
                f"{where}: unknown fields {unknown or 'none'}; user is {'there' if 'user' in fields else 'missing'}.",
                remedy="a prompt file has the strings user and, if need be, system and answer",
            )
        for key, value in fields.items():
            if not isinstance(value, str):
                raise InputError(f"{where}: {key} must be a string.", remedy=f"write {key} = '''...'''")
        return cls(prompt_id, fields.get("system", ""), fields["user"], fields.get("answer"))

    def render(self, paper: str) -> list[dict[str, str]]:
        """The messages to send: `role` and `content`, the system message only when there is a system part.

        Nothing but the one place of the paper is replaced: braces in the prompt and in the paper stay.
        """
        before, _, after = self.user.partition(PLACE)
        messages = [{"role": "user", "content": f"{before}{paper}{after}"}]
        if self.system:
            messages.insert(0, {"role": "system", "content": self.system})
        return messages


def bundled() -> list[str]:
    """Ids of the bundled prompts, sorted."""
    names = (entry.name for entry in resources.files(_FOLDER).iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def object_schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of an object with all of these properties and no other."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
