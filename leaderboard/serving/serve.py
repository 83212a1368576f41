"""Running a board: one web server in this process, one worker beside it, and an end in good order."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bioreview_bench.errors import BenchError, InputError, printable

from .supervisor import Supervisor, worker_command, worker_environment

if TYPE_CHECKING:
    from ..store.database import Database

_HEADERS = 32 * 1024  # bytes of a request's head
_CONNECTIONS = 1000
_GRACE = 30  # seconds for requests under way when the server ends


@dataclass(frozen=True)
class Address:
    """Where the board is reached. `public`: the address that people use, when a proxy stands before it."""

    host: str
    port: int
    public: str | None = None
    proxy: str | None = None  # the proxy's address, whose X-Forwarded-* headers are believed

    @property
    def secure(self) -> bool:
        """True when people reach it by HTTPS."""
        return (self.public or "").startswith("https://")

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names that requests may be for; empty for any."""
        name = urlsplit(self.public or "").hostname
        return (name, "localhost", "127.0.0.1") if name else ()


def listen(address: Address) -> socket.socket:
    """A socket on which nothing is accepted yet. Raises InputError when the port is taken or the host is not ours."""
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise InputError(f'There is no host "{printable(address.host)}".', remedy="--host 127.0.0.1") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(target)
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"Cannot listen on {printable(address.host)}, port {address.port}: {reason}.",
            remedy="--port N (0 takes a free one), or end what uses it",
        ) from error
    listener.set_inheritable(False)
    return listener


def check_public(url: str | None) -> str | None:
    """A public address without a slash at its end. Raises InputError."""
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise InputError(
            f"{printable(url)} is not the address of a board.", remedy="--public-url https://board.example.org"
        )
    return url.rstrip("/")


def url_of(listener: socket.socket) -> str:
    """The address of a listening socket, for this machine."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    db: Database,
    address: Address,
    listener: socket.socket,
    *,
    where: str,
    worker: bool,
    on_ready: Callable[[], None],
) -> None:
    """Serve until told to end (SIGTERM, SIGINT), then finish requests and end the worker.

    `where` is the database's path or URL, for the worker. Raises BenchError with the worker's exit code when it cannot
    begin at all.
    """
    import uvicorn

    from .app import create_app
    from .protocol import ImpatientProtocol

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                on_ready()

    app = create_app(db, secure=address.secure, hosts=address.hosts, public_url=address.public)
    config = uvicorn.Config(
        app,
        log_config=None,  # logs.configure did it
        access_log=False,
        server_header=False,
        http=ImpatientProtocol,
        proxy_headers=address.proxy is not None,
        forwarded_allow_ips=address.proxy,
        h11_max_incomplete_event_size=_HEADERS,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE,
        ws="none",
    )
    server = Server(config)
    hopeless: list[_WorkerCannot] = []

    def give_up(code: int, said: str) -> None:
        hopeless.append(_WorkerCannot(code, said))
        server.should_exit = True

    supervisor = Supervisor(worker_command(), worker_environment(os.environ, where), give_up) if worker else None
    with _signals_end(server):
        if supervisor is not None:
            supervisor.start()
        try:
            server.run([listener])
        finally:
            if supervisor is not None:
                supervisor.stop()
    if hopeless:
        raise hopeless[0]


class _WorkerCannot(BenchError):
    """The first worker ended at once."""

    def __init__(self, code: int, said: str) -> None:
        indented = "".join(f"\n    {line}" for line in said.splitlines())
        super().__init__(
            f"The worker cannot begin, so nothing would be scored. It said:{indented}",
            remedy="fix that, or add --no-worker to serve without scoring",
        )
        self.exit_code = code


@contextlib.contextmanager
def _signals_end(server: Any) -> Iterator[None]:
    """While this lasts, a signal only asks the server to end: uvicorn raises again what it caught, and would be killed
    by it before the worker is told."""

    def ask(number: int, frame: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
