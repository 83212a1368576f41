"""The page to label in, served to two raters from this machine.

A rater is known by a token in a header that only the page's script sets: there is no cookie, so another site cannot
act for a rater. Host and Origin are checked, so that no name of another site's can point here (DNS rebinding).
"""

from __future__ import annotations

import contextlib
import hmac
import json
import socket
import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from bioreview_bench.curation.annotation.answers import MAX_ANSWER_BYTES
from bioreview_bench.curation.annotation.page import POLICY, files
from bioreview_bench.curation.annotation.session import RaterSession, StaleItemError
from bioreview_bench.errors import BenchError, InputError
from bioreview_bench.files.jsonl import parse_object

LOOPBACK = "127.0.0.1"
_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - refused
_TIMEOUT = 30  # seconds that a slow request may take to arrive
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class AnnotationServer(ThreadingHTTPServer):
    """Sessions by token. `failure` is why it stopped, when it had to. Raises InputError for a port that is taken."""

    daemon_threads = True

    def __init__(self, host: str, port: int, sessions: Mapping[str, RaterSession]) -> None:
        self.sessions = dict(sessions)
        self.files = files()
        self.failure: BenchError | None = None
        self.hosts = {host.lower(), *(("localhost", LOOPBACK, "::1") if is_loopback(host) else ())}
        if host in _EVERYWHERE:
            raise InputError(
                f"{host} is no address that a browser asks for.", remedy="--host ADDRESS names this machine's own"
            )
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise InputError(
                f"Cannot serve on {host}:{port}: {error.strerror or error}.", remedy="--port 0 takes one that is free"
            ) from error

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hung up is no error."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def session(self, header: str) -> RaterSession | None:
        """The session whose token is in an Authorization header; all tokens are compared, in constant time."""
        given = header.removeprefix("Bearer ").encode()
        found = None
        for token, session in self.sessions.items():
            if hmac.compare_digest(token.encode(), given):
                found = session
        return found

    def stop_for(self, failure: BenchError) -> None:
        """End `serve_forever` with a failure."""
        self.failure = failure
        Thread(target=self.shutdown, daemon=True).start()


def is_loopback(host: str) -> bool:
    """True for addresses that only this machine reaches."""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return False


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: AnnotationServer
    timeout = _TIMEOUT
    server_version, sys_version = "bench", ""

    def do_GET(self) -> None:
        """The page, its style and script; the state of a rater."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """An answer, a draft, taking back, the end."""
        self._answer(self._post)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a request says nothing that the log of answers does not."""

    def _answer(self, respond: Any) -> None:
        failure: BenchError | None = None
        try:
            self._check_host()
            status, kind, content = respond()
        except _Refused as error:
            status, kind, content = error.status, "json", {"error": str(error)}
        except StaleItemError:
            status, kind, content = HTTPStatus.CONFLICT, "json", {"error": "This item was answered in another window."}
        except ValueError as error:
            if isinstance(error, BenchError):
                failure = error
            status, kind, content = HTTPStatus.BAD_REQUEST, "json", {"error": str(error)}
        except BenchError as error:
            failure = error
        if failure is not None:
            status, kind = HTTPStatus.INSUFFICIENT_STORAGE, "json"
            content = {"error": f"Not saved. {failure.message}", "stopped": True}
        self._send(status, kind, content)
        if failure is not None:
            self.server.stop_for(failure)

    def _get(self) -> tuple[HTTPStatus, str, Any]:
        path = urlsplit(self.path).path
        if path == "/api/state":
            return HTTPStatus.OK, "json", self._session().state()
        if path not in self.server.files:
            raise _Refused(HTTPStatus.NOT_FOUND, "There is nothing here.")
        kind, content = self.server.files[path]
        return HTTPStatus.OK, kind, content

    def _post(self) -> tuple[HTTPStatus, str, Any]:
        self._check_origin()
        session, body = self._session(), self._body()
        path = urlsplit(self.path).path
        item, answer, seconds = body.get("item"), body.get("answer"), body.get("seconds", 0)
        if path == "/api/answer":
            return HTTPStatus.OK, "json", session.answer(item, answer, seconds)
        if path == "/api/draft":
            session.draft(item, answer, seconds)
            return HTTPStatus.OK, "json", {"saved": True}
        if path == "/api/undo":
            return HTTPStatus.OK, "json", session.undo(item)
        if path == "/api/finish":
            return HTTPStatus.OK, "json", session.finish()
        raise _Refused(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def _check_host(self) -> None:
        try:
            name = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        except ValueError:
            name = None
        if name not in self.server.hosts:
            raise _Refused(HTTPStatus.MISDIRECTED_REQUEST, "This server has another name.")

    def _check_origin(self) -> None:
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{self.headers.get('Host', '')}":
            raise _Refused(HTTPStatus.FORBIDDEN, "Another site asked for this.")
        if self.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise _Refused(HTTPStatus.FORBIDDEN, "Another site asked for this.")

    def _session(self) -> RaterSession:
        session = self.server.session(self.headers.get("Authorization", ""))
        if session is None:
            raise _Refused(HTTPStatus.UNAUTHORIZED, "Nobody has this token.")
        return session

    def _body(self) -> dict[str, Any]:
        if self.headers.get_content_type() != "application/json":
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send JSON.")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 12):
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "Say how long the request is.")
        if int(length) > MAX_ANSWER_BYTES:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The answer is too long.")
        try:
            return parse_object(self.rfile.read(int(length)).decode())
        except TimeoutError:
            raise _Refused(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive.") from None

    def _send(self, status: HTTPStatus, kind: str, content: Any) -> None:
        types = {"json": "application/json", "html": "text/html", "css": "text/css", "js": "text/javascript"}
        raw = json.dumps(content).encode() if kind == "json" else content
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": f"{types[kind]}; charset=utf-8"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        with contextlib.suppress(OSError):  # the browser has gone; what it sent is saved
            self.wfile.write(raw)
