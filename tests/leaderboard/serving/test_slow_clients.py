"""Clients that open connections and say nothing, a little, or never read: `bench leaderboard serve` lets them go."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="the leaderboard extra is not installed")

import uvicorn

from bioreview_bench.leaderboard.http.security import BodyGuard
from bioreview_bench.leaderboard.serving.protocol import ImpatientProtocol

_LARGE = 50_000_000  # bytes, more than any buffer between server and client takes


class _Quick(ImpatientProtocol):
    look_seconds = 0.3


async def _application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(1.5)
    body = b"x" * (_LARGE if scope["path"] == "/large" else 2)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server that looks at its connections three times a second."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(_application, http=_Quick, log_config=None, lifespan="off", timeout_keep_alive=60)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()
    listener.close()


def _ends(connection: socket.socket, drip: bytes = b"", timeout: float = 5.0) -> bool:
    """True when the server ends the connection, though a byte of `drip` comes every tenth of a second."""
    connection.settimeout(0.1)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            if drip:
                connection.sendall(drip)
            if not connection.recv(65536):
                return True
        except TimeoutError:
            pass
        except OSError:
            return True
    return False


def test_a_connection_that_says_nothing_or_never_ends_its_head_is_ended(port: int) -> None:
    for first, drip in ((b"", b""), (b"GET / HTTP/1.1\r\nX: ", b"y"), (b"GET / HT", b"")):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(first)
            assert _ends(connection, drip), first


def test_a_connection_that_drips_after_an_answer_is_ended(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        assert _ends(connection, b"G")


def test_an_answer_that_nobody_reads_is_given_up_and_one_that_is_read_slowly_is_not(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(2)
        received = 0
        try:
            while chunk := connection.recv(1 << 20):
                received += len(chunk)
        except ConnectionResetError:
            pass
        assert received < _LARGE
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        received, began = 0, time.monotonic()
        while received < _LARGE:
            received += len(connection.recv(1 << 20))
            time.sleep(0.02)
        assert time.monotonic() - began > 0.6  # it took longer than two looks


def test_a_request_that_takes_long_to_answer_is_not_ended(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_body_that_drips_is_refused_though_something_always_arrives() -> None:
    from fastapi import HTTPException

    async def read_all(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass

    async def drip() -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    guarded: Callable[..., Any] = BodyGuard(read_all, 100_000, {}, patience=0.3)
    scope = {"type": "http", "path": "/", "headers": []}
    began = time.monotonic()
    with pytest.raises(HTTPException, match="408"):
        asyncio.run(guarded(scope, drip, None))
    assert time.monotonic() - began < 2
