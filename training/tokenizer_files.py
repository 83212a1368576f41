"""A digest of a tokenizer, so that a corpus counted with one is not trained with another unnoticed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bioreview_bench.errors import EncoderError

# What decides how text becomes tokens; one file in newer models, several in older ones.
_WHOLE = "tokenizer.json"
_PARTS = ("added_tokens.json", "merges.txt", "tokenizer.model", "vocab.json", "vocab.txt")


def tokenizer_sha256(folder: Path) -> str:
    """Hex sha256 of `tokenizer.json`, or else of the older files' names and contents. Raises EncoderError."""
    whole = folder / _WHOLE
    paths = [whole] if whole.is_file() else [folder / name for name in _PARTS if (folder / name).is_file()]
    if not paths:
        raise EncoderError(f"There is no tokenizer in {folder}.", remedy="fetch the model again")
    sha = hashlib.sha256()
    try:
        for path in paths:
            content = path.read_bytes()
            sha.update(content if path == whole else f"{path.name}\0{len(content)}\0".encode() + content)
    except OSError as error:
        raise EncoderError(f"Cannot read {folder}: {error}.", remedy="check its permissions") from error
    return sha.hexdigest()
