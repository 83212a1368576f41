"""Token buckets: how many requests an address or a user may make. Memory is bounded; the longest unused are forgotten.

One process counts for itself. Several servers of one board allow as many times more.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

WRONG_TOKEN = 10  # what a wrong token costs, in requests: at 120 a minute, 12 guesses
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

        A `cost` above what is left empties the bucket, so that a dear request is slowed but never impossible.
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


class RateLimitMiddleware:
    """Counts requests of each address. `free` paths (style sheets, health) are not counted."""

    def __init__(self, app: ASGIApp, limiter: Limiter, free: tuple[str, ...]) -> None:
        self.app, self.limiter, self.free = app, limiter, free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI. Raises TooMany."""
        if scope["type"] == "http" and not scope["path"].startswith(self.free):
            self.limiter.take(address_of(scope))
        await self.app(scope, receive, send)


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
