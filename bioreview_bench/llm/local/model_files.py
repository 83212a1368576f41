"""Models and adapters on this machine: where their folder is, and a digest that tells two of them apart.

Nothing is downloaded: a name that is no folder is looked up in the local cache of the Hugging Face Hub.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bioreview_bench.errors import EncoderError, InputError, printable
from bioreview_bench.files.paths import require_folder
from bioreview_bench.files.reading import read_json

ADAPTER = "adapter_config.json"
_SUFFIXES = (".json", ".jinja", ".model", ".txt", ".safetensors", ".bin")
_WHOLE = 16 << 20  # bytes; a larger file is sampled
_PIECE = 1 << 20


def model_folder(name: str) -> Path:
    """The folder of a model: a path, or `ORG/MODEL[@REVISION]` of the Hub cache. Raises EncoderError, InputError."""
    folder = _folder(name)
    if not (folder / "config.json").is_file():
        remedy = "name a folder with config.json, weights and tokenizer"
        if (folder / ADAPTER).is_file():
            base = adapter_config(folder).get("base_model_name_or_path")
            remedy = f"name the model that it was trained on ({printable(base)}), and add --adapter {name}"
        raise EncoderError(f"{folder} is not a model: there is no config.json in it.", remedy=remedy)
    return folder


def adapter_folder(name: str) -> Path:
    """The folder of an adapter, as for models. Raises EncoderError, InputError."""
    folder = _folder(name, "adapter")
    if not (folder / ADAPTER).is_file():
        raise EncoderError(
            f"{folder} is not an adapter: there is no {ADAPTER} in it.", remedy="name an adapter that PEFT saved"
        )
    return folder


def adapter_config(folder: Path) -> dict[str, Any]:
    """What an adapter says of itself. Raises EncoderError."""
    return read_json(folder / ADAPTER, EncoderError, "fetch the adapter again")


def shown_name(name: str) -> str:
    """A name for run.json: the Hub's, or the last part of a path (the rest is the user's own affair)."""
    return Path(name).resolve().name if Path(name).expanduser().is_dir() else name


def described(model: str, adapters: Sequence[str]) -> dict[str, Any]:
    """A model under adapters, for run.json: names and digests. Raises EncoderError, InputError."""
    return {
        "model": shown_name(model),
        "model_digest": digest(model_folder(model)),
        "adapters": [{"name": shown_name(name), "digest": digest(adapter_folder(name))} for name in adapters],
    }


def digest(folder: Path) -> str:
    """First 16 hex digits of a sha256 over the names, sizes and contents of the files.

    Of files above 16 MiB only the first, middle and last MiB are read: hashing 100 GB would take longer than many
    runs, and weights that were trained further differ everywhere. Raises EncoderError.
    """
    sha = hashlib.sha256()
    try:
        for path in sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.is_file()):
            size = path.stat().st_size
            sha.update(f"{path.name}\0{size}\0".encode())
            with path.open("rb") as stream:
                if size <= _WHOLE:
                    sha.update(stream.read())
                    continue
                for start in (0, size // 2, size - _PIECE):
                    stream.seek(start)
                    sha.update(stream.read(_PIECE))
    except OSError as error:
        raise EncoderError(f"Cannot read {folder}: {error}.", remedy="check its permissions") from error
    return sha.hexdigest()[:16]


def _folder(name: str, kind: str = "model") -> Path:
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    repo, _, revision = name.partition("@")
    if name.startswith(("/", ".", "~")) or repo.count("/") > 1 or os.path.exists(path):
        require_folder(path, EncoderError)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repo, revision=revision or None, local_files_only=True))
    except HFValidationError as error:
        raise InputError(
            f'"{printable(name)}" is neither a folder nor the name of a model.', remedy="use ORG/MODEL or a path"
        ) from error
    except (LocalEntryNotFoundError, OSError) as error:
        command = f"hf download {printable(repo)}" + (f" --revision {printable(revision)}" if revision else "")
        check = "check the path, or " if kind == "adapter" else ""
        raise EncoderError(
            f"The {kind} {printable(name)} is not on this machine, and {kind}s are not downloaded automatically.",
            remedy=f"{check}{command} (needs a network), then run the same command again",
        ) from error
