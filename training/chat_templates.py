"""Chat templates of the package, for base models that come without one, by name.

The same text is used in training, evaluation and generation; a training summary records its name and sha256.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError, InputError, printable

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
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"Cannot read the chat template {printable(name_or_path)}: {printable(reason)}.",
            remedy=f"name a Jinja file, or {', '.join(names())}",
        ) from error


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
