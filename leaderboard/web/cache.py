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


@dataclass(frozen=True)
class _Version:
    version: int  # of the board, when it was made
    body: Body


class PageCache:
    """Bodies by key; the longest unused go first. For many threads.

    One thread makes a page; who asks for it meanwhile gets the one before, or waits where there is none. So a change of
    the board costs each page once, however many ask.
    """

    def __init__(self, limit_bytes: int = 64 * 1024 * 1024) -> None:
        self._limit = limit_bytes
        self._changed = threading.Condition()
        self._kept: OrderedDict[object, _Version] = OrderedDict()
        self._making: set[object] = set()
        self._size = 0

    def get(self, version: int, key: object, make: Callable[[], str | bytes]) -> Body:
        """The body of `key`, made anew when the board has changed since."""
        with self._changed:
            while True:
                kept = self._kept.get(key)
                if kept is not None and (kept.version >= version or key in self._making):
                    self._kept.move_to_end(key)
                    return kept.body
                if key not in self._making:
                    self._making.add(key)
                    break
                self._changed.wait()
        body = None
        try:
            body = Body.of(make())
            return body
        finally:
            with self._changed:
                self._making.discard(key)
                self._keep(key, None if body is None else _Version(version, body))
                self._changed.notify_all()

    def _keep(self, key: object, made: _Version | None) -> None:
        """Keep what was made in place of what was there; a page that cannot be made any more is forgotten."""
        before = self._kept.pop(key, None)
        if before is not None:
            self._size -= len(before.body)
        if made is not None:
            self._kept[key] = made
            self._size += len(made.body)
        while self._size > self._limit and self._kept:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest.body)

    def __len__(self) -> int:
        return len(self._kept)
