"""Prompts for models whose chat template takes no system part: it moves to the front of the user part.

The texts change place, so such a prompt has its own sha256, and corpus, training and generation all use it.
"""

from __future__ import annotations

import json
from typing import Literal

from bioreview_bench.llm.text.prompt import Prompt, bundled

System = Literal["own", "in_user"]
_IN_USER = "-in-user"


def in_user(prompt: Prompt) -> Prompt:
    """`prompt` with its system part at the front of its user part; itself when it has none."""
    if not prompt.system:
        return prompt
    name = prompt.id.removeprefix("file:")
    user = f"{prompt.system.strip()}\n\n{prompt.user.lstrip()}"
    return Prompt(f"file:{name}{_IN_USER}", "", user, prompt.answer)


def recorded(prompt_id: str, sha256: str) -> Prompt | None:
    """The prompt of a record, where it can be made from the bundled ones; None where its file is needed."""
    name = prompt_id.removeprefix("file:").removesuffix(_IN_USER)
    if name not in bundled():
        return None
    plain = Prompt.load(name)
    found = plain if prompt_id == name else in_user(plain)
    return found if found.sha256 == sha256 else None


def as_toml(prompt: Prompt) -> str:
    """The text of a file from which `Prompt.load` reads the same prompt."""
    fields = {"answer": prompt.answer, "system": prompt.system, "user": prompt.user}
    # A JSON string is a TOML basic string, but for the one control character that JSON leaves as it is.
    return "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n".replace("\x7f", "\\u007f")
        for name, value in fields.items()
        if value
    )
