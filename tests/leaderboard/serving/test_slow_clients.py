"""Clients that open connections and say nothing, a little, or never read: `bench leaderboard serve` lets them go."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, ClassVar

import pytest

pytest.importorskip("uvicorn", reason="the leaderboard extra is not installed")

import uvicorn

from bioreview_bench.leaderboard.http.security import BodyGuard
from bioreview_bench.leaderboard.serving.protocol import ImpatientProtocol

_LARGE = 50_000_000  # bytes, more than any buffer between server and client takes


class _Quick(ImpatientProtocol):
    look_seconds = 0.3
    made: ClassVar[list[_Quick]] = []
    ended: ClassVar[threading.Event] = threading.Event()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.made.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.ended.set()

    def unread(self) -> int:
        """Bytes of an answer that wait in the server."""
        return int(self.in_loop(self.transport.get_write_buffer_size))

    def in_loop(self, call: Callable[[], Any]) -> Any:
        """What `call` gives in the server's own thread."""
        result: Future[Any] = Future()
        self.loop.call_soon_threadsafe(lambda: result.set_result(call()))
        return result.result(60)


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
    _Quick.made.clear()
    _Quick.ended.clear()
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(_application, http=_Quick, log_config=None, lifespan="off", timeout_keep_alive=60)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()
    listener.close()


def _ends(connection: socket.socket, drip: bytes = b"", timeout: float = 60.0) -> bool:
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


def test_an_answer_that_nobody_reads_is_given_up(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        assert _Quick.ended.wait(60)
        received = 0
        try:
            while chunk := connection.recv(1 << 20):
                received += len(chunk)
        except ConnectionResetError:
            pass
        assert received < _LARGE


def test_an_answer_that_is_read_slowly_is_not_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Quick, "look_seconds", 3600.0)  # the test says when to look
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        received = len(connection.recv(1024))
        protocol = _Quick.made[0]
        for _ in range(5):
            before = protocol.unread()
            while protocol.unread() == before > 0:
                received += len(connection.recv(65536))
            protocol.in_loop(protocol._look)
        assert protocol.unread() > 0
        while received < _LARGE:
            chunk = connection.recv(1 << 20)
            assert chunk, "the server gave up"
            received += len(chunk)


def test_a_request_that_takes_long_to_answer_is_not_ended(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_body_that_drips_is_refused_though_something_always_arrives() -> None:
    from fastapi import HTTPException

    async def read_all(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass

    left = iter(range(200))  # ten seconds of it, at the least

    async def drip() -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": next(left) < 199}

    guarded: Callable[..., Any] = BodyGuard(read_all, 100_000, {}, patience=0.3)
    scope = {"type": "http", "path": "/", "headers": []}
    with pytest.raises(HTTPException, match="408"):
        asyncio.run(guarded(scope, drip, None))
