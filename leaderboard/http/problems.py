"""From an error to an answer: one form for programs, a page for people, and nothing for strangers' eyes."""

from __future__ import annotations

import errno
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.routing import Match

from bioreview_bench.errors import BenchError, InputError, printable

from ..store.common import NotAllowed, NotFound, QuotaReached, WrongState
from .logs import REQUEST_ID, logger
from .security import TooMany

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    Page = Callable[[Request, "Trouble"], Response]

API = "/api/"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_LISTED = 200  # problems in one answer
_STATUS = {NotFound: 404, NotAllowed: 403, WrongState: 409, QuotaReached: 429}  # of other InputErrors: 422


class Line(BaseModel):
    """One thing wrong with a file; `line` counts from 1, null where it is about no line."""

    line: int | None
    message: str


class Trouble(BaseModel):
    """Why a request was refused, and what to do next."""

    model_config = ConfigDict(frozen=True)

    status: int
    error: str
    remedy: str | None = None
    problems: tuple[Line, ...] = ()
    n_problems: int = 0


def trouble_of(error: Exception) -> tuple[Trouble, dict[str, str]]:
    """(what to tell the client, headers). Only errors that the client can fix keep their own words."""
    match error:
        case TooMany():
            trouble = Trouble(status=429, error=f"Too many requests: {error}.", remedy="wait, then go on")
            return trouble, {"Retry-After": str(error.wait)}
        case InputError():
            return _fixable(error), {"Retry-After": str(error.retry_after)} if isinstance(error, QuotaReached) else {}
        case RequestValidationError():
            lines = tuple(
                Line(
                    line=None, message=f"{'.'.join(str(part) for part in found['loc'])}: {printable(found['msg'], 200)}"
                )
                for found in error.errors()[:_LISTED]
            )
            return Trouble(
                status=422, error="The request is not of the form asked for.", problems=lines, n_problems=len(lines)
            ), {}
        case HTTPException():
            text = str(error.detail) or HTTPStatus(error.status_code).phrase
            text = f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")
            return Trouble(status=error.status_code, error=text), dict(error.headers or {})
        case ClientDisconnect():
            return Trouble(status=400, error="The request broke off."), {}
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return Trouble(
                status=507, error="The board's disk is full.", remedy="tell its maintainers; try again later"
            ), {}
        case BenchError():
            return Trouble(
                status=503, error="The board cannot do this now.", remedy="tell its maintainers; try again later"
            ), {"Retry-After": "60"}
    return Trouble(
        status=500, error="Something went wrong on the board's side.", remedy="tell its maintainers the x-request-id"
    ), {}


class ErrorAnswers:
    """Answers errors: as JSON under /api/ and to programs, else with `page`."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def handle(self, request: Request, error: Exception) -> Response:
        """The answer."""
        trouble, headers = trouble_of(error)
        if trouble.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            fields = {"id": request.scope.get(REQUEST_ID)}
            logger().error("request failed", extra={"fields": fields}, exc_info=error)
        if trouble.status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = allowed(request)
        wants_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(API)
        if not wants_page:
            response: Response = JSONResponse(trouble.model_dump(), trouble.status, headers)
        else:
            response = self._page(request, trouble)
            response.status_code = trouble.status
            response.headers.update(headers)
        response.headers["Cache-Control"] = "no-store"
        return response

    async def asgi(self, scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
        """The same for layers that have no Request."""
        response = await self.handle(Request(scope, receive), error)
        await response(scope, receive, send)


def allowed(request: Request) -> str:
    """The methods of the request's path: routes of several methods each know their own only."""

    def takes(method: str) -> bool:
        asked = {**request.scope, "method": method}
        return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)

    return ", ".join(method for method in _METHODS if takes(method))


def _fixable(error: InputError) -> Trouble:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 422)
    lines = tuple(Line(line=one.line, message=one.message) for one in error.problems[:_LISTED])
    return Trouble(
        status=status, error=error.message, remedy=error.remedy, problems=lines, n_problems=len(error.problems)
    )
