"""Answers that everybody may see: made once for every version of the board, kept compressed, and not sent twice."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from ..store.settings import board_version

if TYPE_CHECKING:
    from ..store.database import Database

# Asked again each time, which costs an ETag; so a new score is seen at once, also through a proxy.
FRESH = "public, max-age=0, must-revalidate"
FOR_EVER = "public, max-age=31536000, immutable"
HTML, CSV = "text/html; charset=utf-8", "text/csv; charset=utf-8"
_SMALLEST = 1024  # bytes above which compressing pays
_LEVEL = 6
_KEPT = 32 * 1024 * 1024  # bytes of finished answers
_MADE_AT_ONCE = 2
REST, LONGEST_REST = 5.0, 10.0  # a page is left as it is for as long as it took to make, times this; seconds
PATIENCE = 0.1  # seconds for which a reader waits for a page that is there in an older version


@dataclass(frozen=True)
class Body:
    """A finished answer: its bytes, of a large one only the compressed ones (nearly every reader takes those)."""

    kept: bytes
    packed: bool
    etag: str

    @classmethod
    def of(cls, text: str | bytes) -> Body:
        """The answer with this text."""
        content = text.encode() if isinstance(text, str) else text
        packed = len(content) >= _SMALLEST
        kept = gzip.compress(content, _LEVEL, mtime=0) if packed else content
        return cls(kept, packed, hashlib.sha256(content).hexdigest()[:32])

    @property
    def content(self) -> bytes:
        """The bytes, not compressed."""
        return gzip.decompress(self.kept) if self.packed else self.kept

    def __len__(self) -> int:
        return len(self.kept)


def answer(request: Request, body: Body, media_type: str = HTML, cache: str = FRESH) -> Response:
    """The body, or 304 when the reader has it."""
    etag = f'"{body.etag}"'
    headers = {"ETag": etag, "Cache-Control": cache, "Vary": "Accept-Encoding"}
    if etag in [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    if not body.packed or not _takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(body.content, media_type=media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(body.kept, media_type=media_type, headers=headers)


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip and does not refuse it.

    >>> _takes_gzip("br, gzip"), _takes_gzip("gzip;q=0.5"), _takes_gzip("gzip; q=0"), _takes_gzip("br")
    (True, True, False, False)
    """
    for one in accepted.lower().split(","):
        name, _, quality = one.replace(" ", "").partition(";")
        if name in ("gzip", "x-gzip"):
            return quality.removeprefix("q=").strip("0.") != "" or not quality
    return False


@dataclass(frozen=True)
class _Version:
    version: int  # of the board, when it was made
    body: Body
    rests_until: float  # by the monotonic clock


class PageCache:
    """Bodies by key; the longest unused go first. For many threads.

    One thread makes a page; who asks for it meanwhile gets the one before, or waits where there is none. So a change of
    the board costs each page once, however many ask.
    """

    def __init__(self, limit_bytes: int = _KEPT) -> None:
        self._limit = limit_bytes
        self._changed = threading.Condition()
        self._kept: OrderedDict[object, _Version] = OrderedDict()
        self._making: set[object] = set()
        self._size = 0

    def finished(self, version: int, key: object) -> Body | None:
        """The body of `key` if it need not be made or waited for: it is new, rests, or is being made."""
        with self._changed:
            kept = self._kept.get(key)
            if kept is None or not (kept.version >= version or key in self._making or kept.rests_until > monotonic()):
                return None
            self._kept.move_to_end(key)
            return kept.body

    def older(self, key: object) -> Body | None:
        """The body of `key`, of whatever version."""
        with self._changed:
            kept = self._kept.get(key)
            return None if kept is None else kept.body

    def get(self, version: int, key: object, make: Callable[[], str | bytes]) -> Body:
        """The body of `key`, made again when the board has changed since."""
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
        made, began = None, monotonic()
        try:
            body = Body.of(make())
            took = monotonic() - began
            made = _Version(version, body, monotonic() + min(REST * took, LONGEST_REST))
            return body
        finally:
            with self._changed:
                self._making.discard(key)
                self._keep(key, made)
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


class Pages:
    """The public answers of a board, made where they are not finished.

    A page rests after it was made: a board that changes all the time spends a sixth of its time on a page at most.
    Few are made at once: however many different ones are asked for, threads are left for those who ask for a finished
    one or for anything else. Who asks for a page that is being made again waits for PATIENCE, then gets the one before:
    while many submissions are scored the board changes faster than its pages can be made.
    """

    def __init__(self, db: Database) -> None:
        self._db, self._cache = db, PageCache()
        self._makers = asyncio.Semaphore(_MADE_AT_ONCE)
        self._pending: dict[object, asyncio.Task[Body]] = {}

    async def answer(
        self, request: Request, key: object, make: Callable[[], str | bytes], media_type: str = HTML
    ) -> Response:
        """What `make` makes, as an answer; `key` says all that it depends on beside the version of the board."""
        version = await run_in_threadpool(board_version, self._db)
        body = self._cache.finished(version, key)
        if body is None:
            made = self._making(version, key, make)
            older = self._cache.older(key)
            try:
                body = await asyncio.wait_for(asyncio.shield(made), None if older is None else PATIENCE)
            except TimeoutError:
                if older is None:
                    raise
                body = older
        return answer(request, body, media_type)

    def _making(self, version: int, key: object, make: Callable[[], str | bytes]) -> asyncio.Task[Body]:
        """The one task that makes `key`; it goes on when those who wait for it have gone."""

        async def made() -> Body:
            try:
                async with self._makers:
                    return await run_in_threadpool(self._cache.get, version, key, make)
            finally:
                del self._pending[key]

        task = self._pending.get(key)
        if task is None:
            task = self._pending[key] = asyncio.create_task(made())
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, also when nobody waits
        return task
