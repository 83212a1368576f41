"""Structured logs: one JSON object a line. No tokens, no cookies, no query strings, no texts of anybody.

An exception is logged as its type and the places it went through. Its message is left out: those of a database hold the
values that were being written.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bioreview_bench.errors import BenchError, printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    Answer = Callable[[Scope, Receive, Send, Exception], Awaitable[None]]

NAME = "bioreview_bench.leaderboard"
REQUEST_ID = "bioreview.request"  # in the scope of a request
_FRAMES = 12
_ACCESS = "uvicorn.access"


def logger() -> logging.Logger:
    """The board's logger; `logger().info("event", extra={"fields": {...}})`."""
    return logging.getLogger(NAME)


def configure(stream: IO[str], level: int = logging.INFO) -> None:
    """Write the board's log, and warnings of the web server, to `stream` as JSON lines."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    # The server's own access log has query strings in it.
    for name, threshold, handlers in (
        (NAME, level, [handler]),
        ("uvicorn", logging.WARNING, [handler]),
        (_ACCESS, 0, []),
    ):
        log = logging.getLogger(name)
        log.handlers, log.propagate = list(handlers), False
        log.setLevel(threshold)


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        row: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": printable(record.getMessage(), 300),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            row["exception"] = described(record.exc_info[1])
        return json.dumps(row, ensure_ascii=True, default=str)


def described(error: BaseException) -> dict[str, Any]:
    """Type and places of an exception, and the message of one that was written for users."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    found: dict[str, Any] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "where": [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if isinstance(error, BenchError):
        found["message"] = printable(error.message, 300)
    return found


class RequestLog:
    """The outermost layer: one line for each request, and an answer for what nobody below answered (`answer`)."""

    def __init__(self, app: ASGIApp, answer: Answer) -> None:
        self.app, self.answer = app, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request_id, started = secrets.token_hex(8), time.perf_counter()
        scope[REQUEST_ID] = request_id
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception as error:
            if status:
                logger().error("request broke off", extra={"fields": {"id": request_id}}, exc_info=error)
                raise
            await self.answer(scope, receive, send_with_id, error)
        finally:
            fields = {
                "id": request_id,
                "method": printable(scope["method"], 10),
                "path": printable(scope["path"], 200),
                "status": status,
                "ms": round((time.perf_counter() - started) * 1000, 1),
                "client": (scope.get("client") or ("",))[0],
            }
            logger().info("request", extra={"fields": fields})
