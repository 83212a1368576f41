"""A client that waits its turn: one request at a time, a pause between two, retries that do what the server asks."""

from __future__ import annotations

import email.utils
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version

from bioreview_bench.errors import RemoteError, printable
from bioreview_bench.files.network import follows_environment

_TRIES = 5
_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_LONGEST_WAIT = 600.0  # seconds; a server that asks for more is asked another day
_PIECE = 1 << 16


@dataclass
class PoliteClient:
    """GET requests at least `pause` seconds apart. `contact` (an address) goes into the User-Agent."""

    pause: float = 1.0
    contact: str = ""
    timeout: float = 60.0
    sleep: Callable[[float], object] = time.sleep
    _last: float = field(default=-1e9, init=False)

    def get(self, url: str, accept: str, most: int) -> bytes:
        """The body, at most `most` bytes. Raises RemoteError when the server refuses for good, or sends more."""
        said = ""
        for attempt in range(_TRIES):
            self._wait()
            try:
                return self._once(url, accept, most)
            except urllib.error.HTTPError as error:
                said = f"{error.code} {printable(error.reason, 80)}"
                if error.code not in _AGAIN:
                    break
                delay = _asked_for(error.headers.get("Retry-After")) or 2.0**attempt
            except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
                said = printable(getattr(error, "reason", None) or error, 120)
                delay = 2.0**attempt
            if delay > _LONGEST_WAIT:
                said += f"; the server asks to wait for {delay:,.0f} seconds"
                break
            if attempt < _TRIES - 1:
                self.sleep(delay)
        raise RemoteError(f"Cannot get {printable(url, 200)}: {said}.", remedy="run the same command later; it goes on")

    def _once(self, url: str, accept: str, most: int) -> bytes:
        request = urllib.request.Request(url, headers={"Accept": accept, "User-Agent": self._agent()})  # noqa: S310
        handlers = [] if follows_environment(url) else [urllib.request.ProxyHandler({})]
        with urllib.request.build_opener(*handlers).open(request, timeout=self.timeout) as answer:
            parts, size = [], 0
            while piece := answer.read(_PIECE):
                size += len(piece)
                if size > most:
                    raise RemoteError(f"{printable(url, 200)} sends more than {most:,} bytes.", remedy="leave it out")
                parts.append(piece)
            expected = answer.headers.get("Content-Length")
            if expected is not None and expected.isdecimal() and int(expected) != size:
                raise http.client.IncompleteRead(b"", int(expected) - size)
        return b"".join(parts)

    def _wait(self) -> None:
        left = self._last + self.pause - time.monotonic()
        if left > 0:
            self.sleep(left)
        self._last = time.monotonic()

    def _agent(self) -> str:
        contact = f" ({self.contact})" if self.contact else ""
        return f"bioreview-bench/{version('bioreview-bench')}{contact}"


def _asked_for(value: str | None) -> float | None:
    """Seconds of a Retry-After header, which has seconds or a date; None without one."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        when = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return max(0.0, when.timestamp() - time.time())
