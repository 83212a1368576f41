"""Who is asking: by a bearer token (programs) or by a session that a token began (browsers).

Handlers use `current_user`, `csrf_token` and `check_csrf` for pages, and the dependency `token_user` for the API. A
session cookie is never accepted by the API, so no page elsewhere can make a browser use it.

A cookie holds a random number, a user id, a few digits of the hash of the user's token (a session ends when the token
does) and the time of its making, signed by itsdangerous. Nothing about a session is stored on the server.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import itsdangerous
from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from ..store.common import NotAllowed, insert
from ..store.models import Setting, User
from ..store.users import UserInfo, user_info, user_of_token
from .security import WRONG_TOKEN, Limiter, address_of

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ..store.database import Database

SECRET = "session_secret"  # a key of the settings table, neither exported nor shown  # noqa: S105
CSRF_FIELD = "csrf"
_LONGEST_TOKEN = 200  # characters
_KEY_DIGITS = 16


class Forbidden(NotAllowed):
    """A form that did not come from the board's own page."""


def session_secret(db: Database) -> bytes:
    """The board's secret for cookies, made on first use. Servers of one board share it."""
    with db.reading() as session:
        kept = session.get(Setting, SECRET)
    if kept is None:
        made = {"hex": secrets.token_hex(32)}
        with db.session() as session:  # another server of this board may be quicker
            session.execute(insert(session, Setting).values(key=SECRET, value=made).on_conflict_do_nothing())
            kept = session.get_one(Setting, SECRET)
    return bytes.fromhex(str(kept.value["hex"]))


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
        return user_info(user)


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
    session_state(request.scope).end()


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
        user = user_of_token(request.app.state.db, token)
    if user is None:
        limiter: Limiter = request.app.state.limiter
        limiter.take(address_of(request.scope), WRONG_TOKEN)
        return None
    return user, hashlib.sha256(token.encode()).hexdigest()[:_KEY_DIGITS]


def _refusal(reason: str) -> HTTPException:
    return HTTPException(401, reason, {"WWW-Authenticate": "Bearer"})


LIFETIME = 7 * 24 * 3600  # seconds; a lab's machine may be shared, so not for ever
_LONGEST = 512  # characters of a cookie that we made
_SCOPE_KEY = "bioreview.session"


@dataclass(frozen=True)
class Session:
    """`user` and `key` are None until somebody logs in; `nonce` is what CSRF tokens are bound to."""

    nonce: str
    user: int | None = None
    key: str | None = None

    @classmethod
    def new(cls) -> Session:
        """A session before anybody logged in."""
        return cls(secrets.token_urlsafe(18))


class Signer:
    """Makes and reads cookies and CSRF tokens with one secret (at least 32 bytes)."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 32:
            raise ValueError("a secret of fewer than 32 bytes")
        how: dict[str, Any] = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
        self._cookies = itsdangerous.URLSafeTimedSerializer(secret, salt="cookie", signer_kwargs=how)
        self._forms = itsdangerous.Signer(secret, salt="csrf", **how)

    def cookie(self, session: Session) -> str:
        """What the browser keeps."""
        return str(self._cookies.dumps(astuple(session)))

    def read(self, cookie: str | None) -> Session | None:
        """The session of a cookie; None when there is none, it was altered, or it is too old."""
        if not cookie or len(cookie) > _LONGEST or not cookie.isascii():
            return None
        try:
            return Session(*self._cookies.loads(cookie, max_age=LIFETIME - 1))
        except (itsdangerous.BadData, TypeError):
            return None

    def csrf(self, session: Session) -> str:
        """The token that every form of this session carries."""
        return self._forms.get_signature(f"{session.nonce}.{session.user}").decode()

    def csrf_matches(self, session: Session, given: str) -> bool:
        """True for the session's own token."""
        return self._forms.verify_signature(f"{session.nonce}.{session.user}", given)


class SessionMiddleware:
    """Reads the cookie, and sets it anew when a handler changed the session. Pages without a form set no cookie."""

    def __init__(self, app: ASGIApp, signer: Signer, secure: bool) -> None:
        self.app, self.signer = app, signer
        # The prefix makes browsers refuse the cookie from a subdomain or over plain HTTP.
        self.name = "__Host-bioreview" if secure else "bioreview"
        self.attributes = f"Path=/; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        state = SessionState(self.signer, self.signer.read(_cookie(scope, self.name)))
        scope[_SCOPE_KEY] = state

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and state.changed:
                headers = [*message.get("headers", ()), (b"set-cookie", self._header(state.session).encode())]
                if state.session is not None:  # a page made for one session must not be kept for another
                    headers = [pair for pair in headers if pair[0].lower() != b"cache-control"]
                    headers.append((b"cache-control", b"no-store"))
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, send_with_cookie)

    def _header(self, session: Session | None) -> str:
        if session is None:
            return f"{self.name}=; Max-Age=0; {self.attributes}"
        return f"{self.name}={self.signer.cookie(session)}; Max-Age={LIFETIME}; {self.attributes}"


class SessionState:
    """The session of one request, and whether its cookie must be set."""

    def __init__(self, signer: Signer, session: Session | None) -> None:
        self.signer, self.session = signer, session
        self.changed = False

    def csrf_token(self) -> str:
        """The CSRF token for a form; begins a session where there is none."""
        if self.session is None:
            self.session, self.changed = Session.new(), True
        return self.signer.csrf(self.session)

    def csrf_matches(self, given: object) -> bool:
        """True when a form carried this session's token."""
        if self.session is None or not isinstance(given, str):
            return False
        return self.signer.csrf_matches(self.session, given)

    def begin(self, user: int, key: str) -> None:
        """Log in: a new session, so that a number planted before the login is worth nothing after it."""
        self.session, self.changed = Session(Session.new().nonce, user, key), True

    def end(self) -> None:
        """Log out."""
        self.session, self.changed = None, True


def session_state(scope: Scope | dict[str, Any]) -> SessionState:
    """The session of the request with this scope."""
    state: SessionState = scope[_SCOPE_KEY]
    return state


def is_cross_site(headers: Headers) -> bool:
    """True when a browser says that another site made it send this request."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def _cookie(scope: Scope, name: str) -> str | None:
    for key, value in scope["headers"]:
        if key == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                found, _, content = pair.strip().partition("=")
                if found == name:
                    return str(content)
    return None
