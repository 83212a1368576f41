"""The board as a web application: its pages, its API, and the layers that every request goes through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from bioreview_bench.errors import BenchError
from bioreview_bench.results.provenance import package_version

from ..http.answers import Pages
from ..http.api import make_api
from ..http.auth import SessionMiddleware, Signer, session_secret
from ..http.health import make_health
from ..http.limits import RateLimitMiddleware
from ..http.logs import RequestLog
from ..http.problems import ErrorAnswers
from ..http.security import BodyGuard, HeadAsGet, Limiter, PackedApi, SecurityHeaders, TooMany
from ..http.uploads import Forms, Live

if TYPE_CHECKING:
    from ..store.database import Database

_PATIENCE = 5.0  # seconds for a lock; then it is 503
_SMALL = 64 * 1024  # bytes of a request that is no upload
_UPLOADS = ("/api/v1/submissions", "/submit")
_UNCOUNTED = ("/assets/",)
_DESCRIPTION = """\
Submissions to a board that scores predictions itself. Reading tables needs no token; everything else needs
`Authorization: Bearer TOKEN`. Errors are JSON objects with `error`, `remedy` and `problems`.
"""


def create_app(
    db: Database, *, secure: bool = False, hosts: tuple[str, ...] = (), public_url: str | None = None
) -> FastAPI:
    """The application of the board `db`.

    `secure`: it is reached by HTTPS only, so cookies and headers require it. `hosts`: names it answers to;
    empty means all. `public_url`: the address that people use, for feeds and previews, where it is known.
    """
    from ..web.pages.api import make_docs
    from ..web.router import make_router, trouble_page

    db = db.hurried(_PATIENCE)
    live = Live(db)
    answers = ErrorAnswers(trouble_page)
    limiter = Limiter(live.requests_per_minute)
    layers = [
        Middleware(SecurityHeaders, secure=secure),
        *([Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))] if hosts else []),
        Middleware(SessionMiddleware, signer=Signer(session_secret(db)), secure=secure),
        Middleware(RequestLog, answer=answers.asgi),
        Middleware(RateLimitMiddleware, limiter=limiter, db=db, free=_UNCOUNTED),
        Middleware(HeadAsGet),
        Middleware(PackedApi),
        Middleware(BodyGuard, default=_SMALL, larger=dict.fromkeys(_UPLOADS, live.upload_bytes)),
    ]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(live.follow())
        yield
        following.cancel()
        db.close()

    app = FastAPI(
        title=live.settings.title,
        version=package_version(),
        description=_DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # those pages load scripts from elsewhere; api_docs is our own
        redoc_url=None,
        middleware=layers,
        lifespan=lifespan,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
        exception_handlers={
            kind: answers.handle for kind in (BenchError, HTTPException, RequestValidationError, TooMany)
        },
    )
    app.state.public_url = public_url
    app.state.db, app.state.live, app.state.limiter = db, live, limiter
    app.state.forms, app.state.pages = Forms(db, live), Pages(db)
    app.include_router(make_api(db, live, app.state.forms, app.state.pages))
    app.include_router(make_health(db))
    app.include_router(make_docs(app))
    app.include_router(make_router(db))
    return app
