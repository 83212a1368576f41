"""Chat templates of the package, for base models that come without one, by name.

The same text is used in training, evaluation and generation; a training summary records its name and sha256.

Prompts for models whose chat template takes no system part: it moves to the front of the user part.

The texts change place, so such a prompt has its own sha256, and corpus, training and generation all use it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from bioreview_bench.errors import DataError, InputError, printable
from bioreview_bench.files.paths import cannot_read
from bioreview_bench.llm.text.prompt import Prompt, bundled

_FOLDER = "templates"
_SUFFIX = ".jinja"
_LARGEST = 1 << 20  # bytes


def names() -> list[str]:
    """Names of the package's templates, sorted."""
    entries = (entry.name for entry in resources.files(__package__).joinpath(_FOLDER).iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in entries if name.endswith(_SUFFIX))


def packaged(name: str) -> str:
    """The text of one of the package's templates. Raises InputError."""
    return packaged_file(name).read_text(encoding="utf-8")


def packaged_file(name: str) -> Path:
    """The file of one of the package's templates. Raises InputError."""
    if name not in names():
        raise InputError(f'There is no chat template "{printable(name)}".', remedy=f"use {', '.join(names())}")
    return Path(str(resources.files(__package__).joinpath(_FOLDER, f"{name}{_SUFFIX}")))


def template_text(name_or_path: str) -> str:
    """The text of a template, by the package's name for it or from a file. Raises InputError."""
    if name_or_path in names():
        return packaged(name_or_path)
    try:
        with Path(name_or_path).open("rb") as stream:
            content = stream.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST >> 20} MiB")
        return content.decode("utf-8")
    except (OSError, ValueError) as error:  # ValueError also: not UTF-8, or a null byte in the path
        remedy = f"name a Jinja file, or {', '.join(names())}"
        raise cannot_read(Path(name_or_path), error, remedy=remedy) from error


def recorded_name(summary: Mapping[str, Any], where: object) -> str | None:
    """The template that a training summary's config names; None for the model's own. Raises DataError."""
    config = summary.get("config")
    model = config.get("model") if isinstance(config, Mapping) else None
    found = model.get("chat_template") if isinstance(model, Mapping) else None
    if found is not None and found not in names():
        raise DataError(
            f"{where} names the chat template {printable(found)}, which is not in this package.",
            remedy="use the version of the package that trained it",
        )
    return found


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
