"""A sample of articles that a seed decides and nothing else: not their order, not how many others there are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def chosen(ids: Iterable[str], n: int, seed: int) -> list[str]:
    """`n` of the ids (all, if there are fewer), sorted: those whose sha256 with the seed is lowest.

    A larger sample of the same seed holds the smaller one.
    """
    ranked = sorted(set(ids), key=lambda one: hashlib.sha256(f"{seed}\0{one}".encode()).digest())
    return sorted(ranked[:n])
