"""How much of a submission its team has submitted before.

A *sketch* is the sorted array of the 8-byte hashes of (article id, text); letters and digits of the text count, their
case, look-alikes and everything between them do not, so that a full stop or an invisible character more makes no new
concern.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.data.comparable import comparable
from bioreview_bench.data.predictions import Predictions

Sketch = NDArray[np.uint64]

NEAR = 0.9  # a submission with at least this share in common is a near copy


def sketch(predictions: Predictions) -> Sketch:
    """(n,) distinct hashes of what is predicted, rising."""
    found = [
        _hash(article_id, concern.text) for article_id, row in predictions.rows.items() for concern in row.concerns
    ]
    return np.unique(np.frombuffer(b"".join(found), ">u8").astype(np.uint64))


def share(new: Sketch, old: Sketch) -> float:
    """The share of `new` that is in `old`; 0 when `new` is empty."""
    return len(np.intersect1d(new, old, assume_unique=True)) / len(new) if len(new) else 0.0


def nearest(new: Sketch, earlier: Iterable[tuple[str, Sketch]]) -> tuple[float, str | None, int]:
    """(largest share, whose it is, number of earlier submissions with a share of NEAR or more)."""
    best, whose, n_near = 0.0, None, 0
    for name, old in earlier:
        found = share(new, old)
        n_near += found >= NEAR
        if found > best:
            best, whose = found, name
    return best, whose, n_near


def to_bytes(hashes: Sketch) -> bytes:
    """A sketch as the database keeps it."""
    return hashes.astype("<u8").tobytes()


def from_bytes(content: bytes) -> Sketch:
    """The inverse of `to_bytes`."""
    return np.frombuffer(content, "<u8").astype(np.uint64)


def _hash(article_id: str, text: str) -> bytes:
    bare = "".join(char for char in comparable(text) if char.isalnum())
    return hashlib.blake2b(f"{article_id}\n{bare}".encode(), digest_size=8).digest()
