"""HTTP/1.1 as uvicorn speaks it, without patience for those who send no request or do not read their answer.

uvicorn ends a connection that is idle after an answer. One on which no whole head ever arrives, and one whose answer is
never read, it would keep for ever; a thousand of them fill the server.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol


class ImpatientProtocol(H11Protocol):
    """Ends a connection that stood still at two looks: no request under way and none begun, or nothing read of an
    answer. How slowly a body may arrive is `security.BodyGuard`'s to say.
    """

    look_seconds: ClassVar[float] = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look."""
        super().connection_made(transport)
        self._before: tuple[object, int] | None = None
        self._looking = self.loop.call_later(self.look_seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        self._looking.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        unread = self.transport.get_write_buffer_size()
        is_idle = self.cycle is None or self.cycle.response_complete
        if self._before == (self.cycle, unread) and (is_idle or unread):
            self.transport.abort()
            return
        self._before = (self.cycle, unread)
        self._looking = self.loop.call_later(self.look_seconds, self._look)
