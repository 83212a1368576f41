"""How fast to call: a gate whose width follows what the service bears, and the wait before another attempt.

Additive increase, multiplicative decrease, as TCP does it (Chiu and Jain, 1989); back-off with full jitter
(Brooker, 2015): a uniform draw from zero to the exponential bound spreads clients that failed together.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass

# Seconds. A server that asks for a longer wait speaks of a quota, not of a rate.
LONGEST_WAIT = 3600.0


@dataclass(frozen=True)
class Backoff:
    """Seconds: the first bound, and the bound that no wait before an attempt exceeds unless the server asks."""

    base: float = 1.0
    cap: float = 60.0

    def wait(self, n_failed: int, after: float | None) -> float:
        """Seconds to wait after the `n_failed`-th failure; at least `after` when the server named a time."""
        bound = min(self.cap, self.base * 2.0 ** min(n_failed - 1, 30))
        drawn = random.uniform(0.0, bound)  # noqa: S311 - nothing secret hangs on it
        return drawn if after is None else after + min(drawn, self.base)


class Pace:
    """A gate through which `limit` attempts may be at once; `limit` starts at `most` and never exceeds it."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(most)
        self._running = 0
        self._resume_at = 0.0
        self._epoch = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> int:
        """Wait for a place; returns the epoch, to be handed to `rate_limited`."""
        loop = asyncio.get_running_loop()
        while True:
            pause = self._resume_at - loop.time()
            if pause > 0:
                await asyncio.sleep(pause)
            elif self._running < self._places:
                self._running += 1
                return self._epoch
            else:
                turn = loop.create_future()
                self._waiting.append(turn)
                try:
                    await turn
                except asyncio.CancelledError:
                    if turn.done() and not turn.cancelled():
                        self._wake()  # the place was ours: hand it on
                    raise

    def leave(self) -> None:
        """Give the place back."""
        self._running -= 1
        self._wake()

    def succeeded(self) -> None:
        """One more place after as many successes as there are places."""
        self.limit = min(float(self.most), self.limit + 1.0 / self.limit)

    def rate_limited(self, epoch: int, after: float | None) -> None:
        """Halve the places, and let nobody in for `after` seconds.

        Attempts that went in together are refused together; they halve once.
        """
        if epoch == self._epoch:
            self._epoch += 1
            self.limit = max(1.0, self.limit / 2.0)
        if after is not None:
            self._resume_at = max(self._resume_at, asyncio.get_running_loop().time() + after)

    @property
    def _places(self) -> int:
        # A sum of reciprocals may stop a hair short of the whole number that it stands for.
        return int(self.limit + 1e-9)

    def _wake(self) -> None:
        free = self._places - self._running
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
