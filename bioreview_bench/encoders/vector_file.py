"""Vectors in one file that can be shipped and checked: sha256 of the texts, vectors, and what made them. No texts.

Layout: a magic line, the length of the header (8 bytes, little-endian), the header (JSON), 32 bytes for each text (the
sha256 of its UTF-8), `dimensions` float32 for each (little-endian), and the sha256 of all that stands before it.
Nothing in such a file is executed, and its size is known from the header before anything else is read.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.encoders.cache import check_vectors
from bioreview_bench.errors import EncoderError, InputError, printable
from bioreview_bench.files.atomic import write_files
from bioreview_bench.files.jsonl import parse_object

_MAGIC = b"bioreview-vectors 1\n"
_LENGTH = struct.Struct("<Q")
_KEY = hashlib.sha256().digest_size
_MAX_HEADER = 1 << 16
_MAX_COUNT = 50_000_000
_MAX_DIMENSIONS = 1 << 16


@dataclass(frozen=True)
class VectorFile:
    """`keys` are (n, 32) bytes, `vectors` (n, d) float32; `header` describes them (`identity` is the encoder's)."""

    header: dict[str, Any]
    keys: NDArray[np.uint8]
    vectors: NDArray[np.float32]

    @property
    def identity(self) -> dict[str, Any]:
        """What the vectors were made by, as the vector cache's key says it."""
        found: dict[str, Any] = self.header["identity"]
        return found


def save(path: Path, header: dict[str, Any], keys: NDArray[np.uint8], vectors: NDArray[np.float32]) -> str:
    """Write a vector file; returns its checksum. Raises WriteError."""
    sizes = {"count": len(vectors), "dimensions": vectors.shape[1]}
    described = json.dumps({**header, **sizes}, sort_keys=True).encode()
    body = b"".join(
        (
            _MAGIC,
            _LENGTH.pack(len(described)),
            described,
            np.ascontiguousarray(keys, np.uint8).tobytes(),
            np.ascontiguousarray(vectors, "<f4").tobytes(),
        )
    )
    digest = hashlib.sha256(body)
    write_files({path: body + digest.digest()})
    return digest.hexdigest()


def load(path: Path) -> VectorFile:
    """Read and check a vector file. Raises InputError for one that is damaged or none at all."""
    try:
        with path.open("rb") as stream:
            header, start = _header(stream, path)
            n, d = header["count"], header["dimensions"]
            whole = start + n * (_KEY + 4 * d) + _KEY
            size = stream.seek(0, 2)
            if size != whole:
                raise _damaged(path, f"it has {size:,} bytes, and its header asks for {whole:,}")
            stream.seek(0)
            if _digest(stream, whole - _KEY) != stream.read(_KEY):
                raise _damaged(path, "its checksum is wrong")
            stream.seek(start)
            keys = np.fromfile(stream, np.uint8, n * _KEY).reshape(n, _KEY)
            vectors = np.fromfile(stream, "<f4", n * d).reshape(n, d).astype(np.float32, copy=False)
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.", remedy="check the path") from error
    try:
        check_vectors(vectors, n, str(path))
    except EncoderError as error:
        raise _damaged(path, error.message) from error
    return VectorFile(header, keys, vectors)


def _header(stream: BinaryIO, path: Path) -> tuple[dict[str, Any], int]:
    """The header and where what follows begins."""
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise _damaged(path, "it does not begin as one of this layout does")
    raw = stream.read(_LENGTH.size)
    length = _LENGTH.unpack(raw)[0] if len(raw) == _LENGTH.size else _MAX_HEADER + 1
    if length > _MAX_HEADER:
        raise _damaged(path, "its header is too long")
    try:
        header = parse_object(stream.read(length).decode("utf-8"))
    except ValueError as error:
        raise _damaged(path, f"its header is no JSON object ({error})") from error
    for name, most in (("count", _MAX_COUNT), ("dimensions", _MAX_DIMENSIONS)):
        value = header.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise _damaged(path, f"{name} must be a whole number from 1 to {most:,}")
    if not isinstance(header.get("identity"), dict):
        raise _damaged(path, "it does not say what made its vectors")
    return header, stream.tell()


def _digest(stream: BinaryIO, size: int) -> bytes:
    digest = hashlib.sha256()
    while size:
        block = stream.read(min(size, 1 << 20))
        digest.update(block)
        size -= len(block)
    return digest.digest()


def _damaged(path: Path, why: str) -> InputError:
    return InputError(f"{path} is no vector file: {printable(why, 300)}.", remedy="get the file again")
