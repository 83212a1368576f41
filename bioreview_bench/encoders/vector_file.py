"""Vectors in one file that can be shipped and checked: sha256 of the texts, vectors, and what made them. No texts.

A safetensors file with two tensors, `sha256` (n, 32) bytes and `vector` (n, d) float32, and one entry of metadata,
`bioreview_vectors`: JSON with the layout, the header, and the sha256 of header and tensors. Nothing in such a file is
executed, and the library checks its sizes before anything else is read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.encoders.cache import check_vectors
from bioreview_bench.errors import EncoderError, InputError, printable
from bioreview_bench.files.atomic import write_files
from bioreview_bench.files.jsonl import parse_object
from bioreview_bench.files.paths import cannot_read

_LAYOUT = 2
_EARLIER = b"bioreview-vectors 1\n"  # how a file of layout 1 began
_ENTRY = "bioreview_vectors"  # one entry: the library writes several in no fixed order
KEYS, VECTORS = "sha256", "vector"


@dataclass(frozen=True)
class VectorFile:
    """`keys` are (n, 32) bytes, `vectors` (n, d) float32; `header` describes them (`identity` is the encoder's)."""

    header: dict[str, Any]
    keys: NDArray[np.uint8]
    vectors: NDArray[np.float32]

    @property
    def identity(self) -> dict[str, Any]:
        """What the vectors were made by, as the vector cache's key says it."""
        made_by: dict[str, Any] = self.header["identity"]
        return made_by


def save(path: Path, header: dict[str, Any], keys: NDArray[np.uint8], vectors: NDArray[np.float32]) -> str:
    """Write a vector file; returns its checksum. Raises WriteError."""
    from safetensors.numpy import save as as_bytes

    tensors: dict[str, NDArray[Any]] = {
        KEYS: np.ascontiguousarray(keys, np.uint8),
        VECTORS: np.ascontiguousarray(vectors, np.float32),
    }
    checksum = _checksum(header, tensors[KEYS], tensors[VECTORS])
    entry = json.dumps({"layout": _LAYOUT, "header": header, "sha256": checksum}, sort_keys=True)
    write_files({path: as_bytes(tensors, {_ENTRY: entry})})
    return checksum


def load(path: Path) -> VectorFile:
    """Read and check a vector file. Raises InputError for one that is damaged or none at all."""
    from safetensors import SafetensorError, safe_open

    try:
        with path.open("rb") as stream:
            if stream.read(len(_EARLIER)) == _EARLIER:
                raise InputError(
                    f"{path} was written by an earlier version of this package (layout 1), which is no longer read.",
                    remedy="bench encoder export-references, or download the file again",
                )
        with safe_open(path, framework="np") as stored:
            entry = parse_object((stored.metadata() or {}).get(_ENTRY, ""))
            if set(stored.keys()) != {KEYS, VECTORS}:
                raise ValueError("it does not hold hashes and vectors")
            keys, vectors = stored.get_tensor(KEYS), stored.get_tensor(VECTORS)
        header = _header(entry)
        if keys.dtype != np.uint8 or vectors.dtype != np.float32 or keys.shape != (len(vectors), 32):
            raise ValueError("its tensors are of another form")
        if not len(keys) or _checksum(header, keys, vectors) != entry.get("sha256"):
            raise ValueError("its checksum is wrong")
        check_vectors(vectors, len(keys), str(path))
    except OSError as error:
        raise cannot_read(path, error) from error
    except InputError:
        raise
    except (SafetensorError, ValueError, EncoderError) as error:
        reason = error.message if isinstance(error, EncoderError) else str(error)
        raise InputError(
            f"{path} is not a vector file: {printable(reason, 300)}.", remedy="get the file again"
        ) from error
    return VectorFile(header, keys, vectors)


def _header(entry: dict[str, Any]) -> dict[str, Any]:
    header = entry.get("header")
    if entry.get("layout") != _LAYOUT:
        raise ValueError(f"it is not of layout {_LAYOUT}")
    if not isinstance(header, dict) or not isinstance(header.get("identity"), dict):
        raise ValueError("it does not say what made its vectors")
    return header


def _checksum(header: dict[str, Any], keys: NDArray[np.uint8], vectors: NDArray[np.float32]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(keys).data)
    digest.update(np.ascontiguousarray(vectors, "<f4").data)
    return digest.hexdigest()
