"""Uploading an adapter or merged model to the Hugging Face Hub: the files that make it one, and no others.

Checkpoints, logs, optimiser states and predictions stay here, whatever else lies in the folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError, InputError
from bioreview_bench.files import hub
from bioreview_bench.files.paths import require_folder
from bioreview_bench.llm.local.model_files import ADAPTER

from ..models.adapters import MERGED
from ..models.summary import SUMMARY
from .card import CARD, README

_PUBLISHED = (
    ADAPTER, "adapter_model.safetensors", "model.safetensors", "model-*-of-*.safetensors",
    "model.safetensors.index.json", "config.json", "generation_config.json", "tokenizer.json", "tokenizer.model",
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt",
    "chat_template.jinja", "chat_template.json", "preprocessor_config.json", "video_preprocessor_config.json",
    "processor_config.json", "LICENSE*", "NOTICE*", README, CARD, SUMMARY, MERGED,
)  # fmt: skip


@dataclass(frozen=True)
class Upload:
    """What would go where: (name, bytes) of every file, and names in the folder that stay here."""

    folder: Path
    repo: str
    private: bool
    files: list[tuple[str, int]]
    left: list[str]


def plan(folder: Path, repo: str, *, private: bool) -> Upload:
    """Choose the files. Raises InputError when `folder` is nothing to publish, DataError without its cards."""
    hub.require_repo(repo)
    require_folder(folder, remedy="name an adapter, or a merged model")
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    chosen = [name for name in names if any(fnmatch(name, pattern) for pattern in _PUBLISHED)]
    if not any(name.endswith(".safetensors") for name in chosen):
        raise InputError(f"{folder} has no weights as safetensors.", remedy="name an adapter, or a merged model")
    if README not in chosen:
        raise DataError(f"{folder} has no {README}, and nothing is published without one.", remedy=_card(folder))
    left = [path.name for path in sorted(folder.iterdir()) if path.name not in chosen]
    return Upload(folder, repo, private, [(name, (folder / name).stat().st_size) for name in chosen], left)


def push(upload: Upload, say: Callable[[str], object]) -> str:
    """Make the repository where there is none, and upload in one commit; returns the commit's URL.

    Raises RemoteError when the Hub refuses or cannot be reached; InputError for a public repository that was to be
    private.
    """
    patterns = [_literal(name) for name, _ in upload.files]
    return hub.upload(upload.folder, upload.repo, patterns, repo_type="model", private=upload.private, say=say)


def own_paths(folder: Path) -> list[str]:
    """Where the records in `folder` name places of this machine: `FILE: KEY` each."""
    found = []
    for name in (SUMMARY, MERGED, ADAPTER):
        try:
            record = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # the file is not there, or whoever reads it will say what is wrong
        found += [f"{name}: {key}" for key, value in _strings(record) if value.startswith(("/", "~", "file://"))]
    return found


def _strings(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield prefix, value
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _strings(inner, f"{prefix}.{key}" if prefix else str(key))


def _card(folder: Path) -> str:
    return f"bench train card {folder} --organisation TEXT --contact TEXT"


def _literal(name: str) -> str:
    """A pattern that matches `name` alone."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)
