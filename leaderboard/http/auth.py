"""Who is asking: by a bearer token (programs) or by a session that a token began (browsers).

Handlers use `current_user`, `csrf_token` and `check_csrf` for pages, and the dependency `token_user` for the API. A
session cookie is never accepted by the API, so no page elsewhere can make a browser use it.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from ..store import api as store
from ..store.api import UserInfo
from ..store.common import NotAllowed
from ..store.models import Setting, User
from .security import WRONG_TOKEN, Limiter, address_of
from .sessions import SessionState, is_cross_site, session_state

if TYPE_CHECKING:
    from ..store.database import Database

SECRET = "session_secret"  # a key of the settings table, neither exported nor shown  # noqa: S105
CSRF_FIELD = "csrf"
_LONGEST_TOKEN = 200  # characters
_KEY_DIGITS = 16


class Forbidden(NotAllowed):
    """A form that did not come from the board's own page."""


def session_secret(db: Database) -> bytes:
    """The board's secret for cookies, made on first use. Servers of one board share it."""
    from sqlalchemy.exc import IntegrityError

    with db.reading() as session:
        kept = session.get(Setting, SECRET)
    if kept is not None:
        return bytes.fromhex(str(kept.value["hex"]))
    made = secrets.token_hex(32)
    try:
        with db.session() as session:
            session.add(Setting(key=SECRET, value={"hex": made}))
    except IntegrityError:  # another server of this board was quicker
        return session_secret(db)
    return bytes.fromhex(made)


def current_user(request: Request) -> UserInfo | None:
    """Who is logged in; None when nobody is, or the user or their token was revoked meanwhile. Reads the database."""
    session = session_state(request.scope).session
    if session is None or session.user is None:
        return None
    db: Database = request.app.state.db
    with db.reading() as transaction:
        user = transaction.get(User, session.user)
        if user is None or user.revoked_at is not None or not user.token_sha256:
            return None
        if user.token_sha256[:_KEY_DIGITS] != session.key:
            return None
        return store.user_info(user)


def csrf_token(request: Request) -> str:
    """What a form must carry in the hidden field `csrf`."""
    return session_state(request.scope).csrf_token()


def check_csrf(request: Request, given: Any) -> None:
    """`given` is the form's field `csrf` (or the whole form). Raises Forbidden."""
    if hasattr(given, "get"):
        given = given.get(CSRF_FIELD)
    if is_cross_site(request.headers) or not session_state(request.scope).csrf_matches(given):
        raise Forbidden(
            "This form is too old, or did not come from this board.", remedy="open the page again and repeat it"
        )


def log_in(request: Request, token: str) -> UserInfo | None:
    """Begin a session for the holder of `token`; None when nobody holds it."""
    found = _holder(request, token)
    if found is None:
        return None
    user, key = found
    session_state(request.scope).begin(user.id, key)
    return user


def log_out(request: Request) -> None:
    """End the session."""
    state: SessionState = session_state(request.scope)
    state.end()


async def token_user(request: Request) -> UserInfo:
    """FastAPI dependency: the holder of the bearer token. Refuses with 401; too many tries with 429."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _refusal("a bearer token is needed")
    found = await run_in_threadpool(_holder, request, token.strip())
    if found is None:
        raise _refusal("this token is unknown or revoked")
    user, _ = found
    limiter: Limiter = request.app.state.limiter
    limiter.take(f"user:{user.id}")
    return user


def _holder(request: Request, token: str) -> tuple[UserInfo, str] | None:
    """(the user, the digits that bind a session to the token); a wrong token costs the address several requests."""
    user = None
    if len(token) <= _LONGEST_TOKEN and token.isascii():
        user = store.user_of_token(request.app.state.db, token)
    if user is None:
        limiter: Limiter = request.app.state.limiter
        limiter.take(address_of(request.scope), WRONG_TOKEN)
        return None
    return user, hashlib.sha256(token.encode()).hexdigest()[:_KEY_DIGITS]


def _refusal(reason: str) -> HTTPException:
    return HTTPException(401, reason, {"WWW-Authenticate": "Bearer"})
