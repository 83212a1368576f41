"""What every answer carries and what every request is held to, whatever page or API it is for. Pure ASGI.

Who may do what is not decided here (`auth`), nor who is counted how (`limits`).

Token buckets: how many requests an address or a user may make. Memory is bounded; the longest unused are forgotten.

One process counts for itself. Several servers of one board allow as many times more.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fastapi import HTTPException
from starlette.middleware.gzip import GZipMiddleware

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


# Style sheets and scripts are files of the board; there is no inline script or style, and nothing from elsewhere.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-frame-options": "DENY",
}
_SMALLEST = 1024  # bytes above which compressing pays
_YEAR = 365 * 24 * 3600
_SLOWEST = 8192  # bytes a second of an upload
_DRAINED = 4  # times the limit: so much of a refused upload is read away, that its sender gets to read the answer


class SecurityHeaders:
    """Adds the headers that an answer does not set itself. `secure`: the board is reached by HTTPS only."""

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self.app = app
        extra = {"strict-transport-security": f"max-age={_YEAR}"} if secure else {}
        self.headers = [(name.encode(), value.encode()) for name, value in {**_HEADERS, **extra}.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                named = {name.lower() for name, _ in own}
                message = {**message, "headers": own + [pair for pair in self.headers if pair[0] not in named]}
            await send(message)

        await self.app(scope, receive, send_with_headers)


class PackedApi:
    """Compresses what the interface for programs says, and no page: the size of a compressed page that holds a form's
    token beside what an attacker can have repeated would give the token away (BREACH). The interface takes no cookies.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.packing = app, GZipMiddleware(app, minimum_size=_SMALLEST, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        packs = scope["type"] == "http" and scope["path"].startswith("/api/")
        await (self.packing if packs else self.app)(scope, receive, send)


class HeadAsGet:
    """Answers HEAD as GET, everywhere; the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self.app(scope, receive, send)


class BodyGuard:
    """Refuses bodies above `default` bytes (`larger`: so many more, by path), counted while they arrive, and stalling.

    A length that is declared too large is refused before anything is read. A body stalls when nothing arrives for
    `patience` seconds, or less than `_SLOWEST` bytes a second on the whole after these.
    """

    def __init__(
        self, app: ASGIApp, default: int, larger: Mapping[str, Callable[[], int]], patience: float = 30.0
    ) -> None:
        self.app, self.default, self.larger, self.patience = app, default, dict(larger), patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI. Within the application, reading too large a body raises HTTPException 413, a stalled one 408."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        larger = self.larger.get(scope["path"].rstrip("/"))
        limit = self.default + (larger() if larger is not None else 0)
        declared = _declared(scope)
        if declared is not None and declared > limit:
            raise too_large(limit, close=declared > _DRAINED * limit)
        counted, waited = 0, 0.0
        more = True

        async def counting() -> Message:
            nonlocal counted, waited, more
            if not more:
                return await receive()
            began = time.monotonic()
            try:
                left = self.patience + counted / _SLOWEST - waited
                message = await asyncio.wait_for(receive(), min(self.patience, left))
            except TimeoutError:
                raise HTTPException(408, "the request arrives too slowly", {"Connection": "close"}) from None
            waited += time.monotonic() - began
            if message["type"] == "http.request":
                counted += len(message.get("body", b""))
                more = message.get("more_body", False)
                if counted > limit:
                    raise too_large(limit, close=declared is None)
            return message

        await self.app(scope, counting, send)


def too_large(limit: int, *, close: bool) -> HTTPException:
    """The refusal of a body above `limit` bytes."""
    headers = {"Connection": "close"} if close else None
    return HTTPException(413, f"the request is larger than the {limit:,} bytes that are taken here", headers)


def _declared(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None


_REMEMBERED = 10_000  # addresses and users


class TooMany(Exception):
    """`wait`: whole seconds until the next request is allowed."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"too many requests; the next one is allowed in {wait} s")
        self.wait = wait


class Limiter:
    """A bucket of `per_minute()` requests for every key, filled evenly."""

    def __init__(self, per_minute: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # (requests left, when)
        self._lock = threading.Lock()

    def take(self, key: str, cost: float = 1.0) -> None:
        """Spend from the bucket of `key`. Raises TooMany, having spent nothing, when there is not one request left.

        A `cost` above what is left empties the bucket, so that a costly request is slowed but never impossible.
        """
        size = self._per_minute()
        rate = size / 60
        with self._lock:
            now = self._clock()
            left, then = self._buckets.pop(key, (float(size), now))
            left = min(size, left + (now - then) * rate)
            allowed = left >= 1
            self._buckets[key] = (max(0.0, left - cost) if allowed else left, now)
            while len(self._buckets) > _REMEMBERED:
                self._buckets.popitem(last=False)
        if not allowed:
            raise TooMany(math.ceil((1 - left) / rate))

    def __len__(self) -> int:
        return len(self._buckets)


WRONG_TOKEN = 10  # what a wrong token costs, in requests: at 120 a minute, 12 guesses


def wrong_token(limiter: Limiter, scope: Scope) -> None:
    """Count a wrong token. Raises TooMany after some from the same address."""
    limiter.take(f"wrong:{address_of(scope)}", WRONG_TOKEN)


def address_of(scope: Scope) -> str:
    """The bucket of a client's address. A whole /64 of IPv6 is one, since it is given to one customer."""
    host = (scope.get("client") or ("unknown",))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"address:{host[:100]}"
    if address.version == 6 and address.ipv4_mapped is None:
        return f"address:{ipaddress.IPv6Network((int(address), 64), strict=False)}"
    return f"address:{getattr(address, 'ipv4_mapped', None) or address}"
