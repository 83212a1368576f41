"""Who a request is counted for: a user who shows a right token, a browser that is logged in, everybody else by address.

So neither a crowd nor guesses from the same address keep the holder of a right token out. Guesses have a bucket of
their own for each address; when it is empty they are refused as too many, until it fills again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from .auth import HOLDER, bearer_token, holder_of, session_state
from .security import Limiter, address_of, wrong_token

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ..store.database import Database


class RateLimitMiddleware:
    """Counts requests. `free` paths (style sheets) are not counted."""

    def __init__(self, app: ASGIApp, limiter: Limiter, db: Database, free: tuple[str, ...]) -> None:
        self.app, self.limiter, self.db, self.free = app, limiter, db, free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI. Raises TooMany."""
        if scope["type"] == "http" and not scope["path"].startswith(self.free):
            self.limiter.take(await self._counted_for(scope))
        await self.app(scope, receive, send)

    async def _counted_for(self, scope: Scope) -> str:
        token = bearer_token(Headers(scope=scope))
        if token:
            user = scope[HOLDER] = await run_in_threadpool(holder_of, self.db, token)
            if user is not None:
                return f"user:{user.id}"
            wrong_token(self.limiter, scope)
        session = session_state(scope).session
        # A number that nobody but the board can make, and only for the holder of a right token.
        if session is not None and session.user is not None:
            return f"session:{session.nonce}"
        return address_of(scope)
