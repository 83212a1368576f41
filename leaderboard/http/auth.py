"""Who is asking: by a bearer token (programs) or by a session that a token began (browsers).

Handlers use `current_user`, `csrf_token` and `check_csrf` for pages, and the dependency `token_user` for the API. A
session cookie is never accepted by the API, so no page elsewhere can make a browser use it.

A cookie holds a random number, a user id, a few digits of the hash of the user's token (a session ends when the token
does) and the time of its making, signed by itsdangerous. Of sessions that were ended by logging out the board keeps a
hash until they would have ended anyway, so a copied cookie ends with them.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import itsdangerous
from fastapi import HTTPException, Request

from ..store.common import NotAllowed, insert, locked_setting
from ..store.models import Setting, User
from ..store.users import UserInfo, user_info, user_of_token
from .security import wrong_token

if TYPE_CHECKING:
    from sqlalchemy.orm import Session as Transaction
    from starlette.datastructures import Headers
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ..store.database import Database

SECRET = "session_secret"  # a key of the settings table, neither exported nor shown  # noqa: S105
ENDED = "ended"  # likewise, with a user's id: hashes of sessions that were ended by logging out
HOLDER = "bioreview.holder"  # in the scope of a request that shows a token: who holds it, None for nobody
CSRF_FIELD = "csrf"
_LONGEST_TOKEN = 200  # characters
_KEY_DIGITS = 16
_ENDED_KEPT = 500  # of a user


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
        if user.token_sha256[:_KEY_DIGITS] != session.key or _has_ended(transaction, session):
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
    """Begin a session for the holder of `token`; None when nobody holds it. Raises TooMany after many wrong ones."""
    user = holder_of(request.app.state.db, token)
    if user is None:
        wrong_token(request.app.state.limiter, request.scope)
        return None
    session_state(request.scope).begin(user.id, hashlib.sha256(token.encode()).hexdigest()[:_KEY_DIGITS])
    return user


def log_out(request: Request) -> None:
    """End the session, for copies of its cookie as well. Writes into the database."""
    state = session_state(request.scope)
    if state.session is not None and state.session.user is not None:
        db: Database = request.app.state.db
        with db.session() as transaction:
            _end(transaction, state.session)
    state.end()


def _end(transaction: Transaction, session: Session) -> None:
    """Remember that a session ended, and forget those whose cookies are too old by now."""
    row = locked_setting(transaction, f"{ENDED}:{session.user}")
    now = time.time()
    ended = {digest: until for digest, until in row.value.items() if until > now}
    ended[_digest(session)] = now + LIFETIME
    row.value = dict(sorted(ended.items(), key=lambda one: one[1])[-_ENDED_KEPT:])


def _has_ended(transaction: Transaction, session: Session) -> bool:
    row = transaction.get(Setting, f"{ENDED}:{session.user}")
    return row is not None and _digest(session) in row.value


def _digest(session: Session) -> str:
    return hashlib.sha256(session.nonce.encode()).hexdigest()[:32]


def bearer_token(headers: Headers) -> str | None:
    """The token that a request shows, "" for an empty one; None when it shows none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def token_user(request: Request) -> UserInfo:
    """FastAPI dependency: the holder of the bearer token, as `limits` found. Refuses with 401."""
    if not bearer_token(request.headers):
        raise _refusal("a bearer token is needed")
    user: UserInfo | None = request.scope.get(HOLDER)
    if user is None:
        raise _refusal("this token is unknown or revoked")
    return user


def holder_of(db: Database, token: str) -> UserInfo | None:
    """Who holds a token that a stranger sent; None when nobody does."""
    return user_of_token(db, token) if len(token) <= _LONGEST_TOKEN and token.isascii() else None


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
