"""Finished pages, kept while nothing on the board changes. Strange addresses cannot fill the memory: it is bounded."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_SMALLEST = 1024  # bytes from which on compressing pays
_LEVEL = 6


@dataclass(frozen=True)
class Body:
    """A finished answer. `packed` is the same compressed, None for a small one."""

    content: bytes
    packed: bytes | None
    etag: str

    @classmethod
    def of(cls, text: str | bytes) -> Body:
        """The answer with this text."""
        content = text.encode() if isinstance(text, str) else text
        packed = gzip.compress(content, _LEVEL, mtime=0) if len(content) >= _SMALLEST else None
        return cls(content, packed, hashlib.sha256(content).hexdigest()[:32])

    def __len__(self) -> int:
        return len(self.content) + len(self.packed or b"")


class PageCache:
    """Bodies by key, for one version of the board at a time; the longest unused go first. For many threads."""

    def __init__(self, limit_bytes: int = 64 * 1024 * 1024) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._version = -1
        self._bodies: OrderedDict[object, Body] = OrderedDict()
        self._size = 0

    def get(self, version: int, key: object, make: Callable[[], str | bytes]) -> Body:
        """The body of `key` at this version of the board, made if it is not there."""
        with self._lock:
            if version > self._version:
                self._bodies.clear()
                self._version, self._size = version, 0
            body = self._bodies.get(key) if version == self._version else None
            if body is not None:
                self._bodies.move_to_end(key)
                return body
        body = Body.of(make())
        with self._lock:
            if version == self._version and key not in self._bodies:
                self._bodies[key] = body
                self._size += len(body)
            while self._size > self._limit and self._bodies:
                _, oldest = self._bodies.popitem(last=False)
                self._size -= len(oldest)
        return body

    def __len__(self) -> int:
        return len(self._bodies)
