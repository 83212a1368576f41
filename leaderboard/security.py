"""What every answer carries and what every request is held to, whatever page or API it is for. Pure ASGI.

Who may do what is not decided here (`auth`), nor how often (`rate_limit`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fastapi import HTTPException

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
_YEAR = 365 * 24 * 3600
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


class BodyGuard:
    """Refuses bodies above `default` bytes (`larger`: so many more, by path), counted while they arrive, and stalling.

    A length that is declared too large is refused before anything is read.
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
        counted = 0
        more = True

        async def counting() -> Message:
            nonlocal counted, more
            if not more:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self.patience)
            except TimeoutError:
                raise HTTPException(408, f"nothing arrived for {self.patience:g} s", {"Connection": "close"}) from None
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
