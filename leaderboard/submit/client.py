"""A client of a running board. A token travels in one header, to one host, over HTTPS (or to this machine).

The submitter's token comes from the environment or a file that only its owner can read, never from the command line.
Redirects are never followed. Requests are repeated only where that cannot do anything twice: reading, and submitting,
which a board takes in once however often it is sent.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from bioreview_bench.errors import AbsentError, InputError, Problem, RemoteError, printable
from bioreview_bench.files.network import environment_errors, follows_environment, is_this_machine
from bioreview_bench.files.paths import cannot_read
from bioreview_bench.results.provenance import package_version

from ..store.shown import BoardInfo, SplitIds, Submitted
from ..store.status import SubmissionStatus
from .submission import Sending, follow

if TYPE_CHECKING:
    from bioreview_bench.cli.options import Messages

VARIABLE = "BIOREVIEW_TOKEN"
_LONGEST_TOKEN = 200
_ATTEMPTS = 5
_AGAIN = (429, 502, 503, 504)
_LONGEST_WAIT = 60.0  # seconds
_LARGEST = 16 * 1024 * 1024  # bytes of an answer
_POLLS = (0.5, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0, 5.0)  # seconds between looks at a status; the last for ever
FINAL = ("scored", "rejected", "failed", "withdrawn")

Model = TypeVar("Model", bound=BaseModel)


class BoardClient:
    """`url` is the board's address. `token` is not needed to read. A context manager.

    Raises InputError for an address to which a token must not be sent; every method raises RemoteError when the board
    cannot be reached or refuses, InputError when it finds fault with what was sent.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        plain_http: bool = False,
        on_retry: Callable[[str], None] = lambda message: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = check_address(url, plain_http=plain_http)
        self._on_retry, self._sleep = on_retry, sleep
        headers = {"User-Agent": f"bioreview-bench/{package_version()}", "Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        with environment_errors():
            self._client = httpx.Client(
                headers=headers,
                follow_redirects=False,
                timeout=httpx.Timeout(30.0, read=300.0, write=120.0),
                trust_env=follows_environment(self.url),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def board(self) -> BoardInfo:
        """What the board is about and what it allows."""
        return self._asked("GET", "board", BoardInfo)

    def split(self, name: str) -> SplitIds:
        """What a submission to a split is checked against."""
        return self._asked("GET", f"splits/{quote(name, safe='')}/ids", SplitIds)

    def submit(self, sending: Sending) -> Submitted:
        """Send a submission; sending it again changes nothing."""
        named = {"predictions": sending.predictions, "card": sending.card, "run": sending.run}
        fields = {"split": sending.split, "marked": str(sending.marked).lower(), "trial": str(sending.trial).lower()}

        def send() -> httpx.Response:
            with _opened({name: path for name, path in named.items() if path is not None}) as files:
                return self._stream("POST", "submissions", data=fields, files=files)

        return self._checked(send, Submitted)

    def status(self, submission: str) -> SubmissionStatus:
        """Show the state of a submission."""
        return self._asked("GET", f"submissions/{quote(submission, safe='')}", SubmissionStatus)

    def withdraw(self, submission: str) -> SubmissionStatus:
        """Take a submission back."""
        return self._asked("POST", f"submissions/{quote(submission, safe='')}/withdraw", SubmissionStatus)

    def mark(self, submission: str) -> SubmissionStatus:
        """Name a submission, not yet scored, as the one to rank."""
        return self._asked("POST", f"submissions/{quote(submission, safe='')}/mark", SubmissionStatus)

    def states(self, submission: str) -> Iterator[SubmissionStatus]:
        """Look again and again until nothing more will happen; every new state."""
        seen, looks = None, 0
        while True:
            status = self.status(submission)
            if status.state != seen:
                seen, looks = status.state, 0
                yield status
            if status.state in FINAL:
                return
            self._sleep(_POLLS[min(looks, len(_POLLS) - 1)])
            looks += 1

    def _asked(self, method: str, path: str, model: type[Model]) -> Model:
        return self._checked(lambda: self._stream(method, path), model)

    def _stream(self, method: str, path: str, **content: Any) -> httpx.Response:
        """One request, whose answer is read up to a bound."""
        with self._client.stream(method, f"{self.url}/api/v1/{path}", **content) as response:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _LARGEST:
                    raise RemoteError(f"{self.url} answers with more than {_LARGEST:,} bytes.", remedy=_CHECK)
        return httpx.Response(response.status_code, headers=_kept(response.headers), content=bytes(body))

    def _checked(self, send: Callable[[], httpx.Response], model: type[Model]) -> Model:
        response = self._repeated(send)
        if not response.is_success:
            raise self._refused(response)
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            raise RemoteError(f"What answers at {self.url} is not a board of this version.", remedy=_CHECK) from error

    def _repeated(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        for attempt in range(1, _ATTEMPTS + 1):
            wait = min(2.0 ** (attempt - 1), _LONGEST_WAIT)
            try:
                response = send()
            except (httpx.TransportError, httpx.InvalidURL) as error:
                reason = printable(str(error) or type(error).__name__, 200)
                failure = RemoteError(f"{self.url} does not answer: {reason}.", remedy=_CHECK)
                if attempt == _ATTEMPTS or isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL)):
                    raise failure from error
                self._on_retry(f"{self.url} does not answer ({reason}); trying again in {wait:g} s")
            else:
                asked = _retry_after(response)
                wait = wait if asked is None else asked
                if response.status_code not in _AGAIN or attempt == _ATTEMPTS or wait > _LONGEST_WAIT:
                    return response
                self._on_retry(f"{self.url} answers {response.status_code}; trying again in {wait:g} s")
            self._sleep(wait)
        raise AssertionError  # the last attempt returned or raised

    def _refused(self, response: httpx.Response) -> RemoteError | InputError:
        """The error for an answer that is none."""
        if response.is_redirect:
            where = printable(response.headers.get("location", "elsewhere"), 200)
            return RemoteError(f"{self.url} redirects to {where}; nothing is sent there.", remedy="--to that address")
        try:
            said = response.json()
            message = printable(said["error"], 500)
            remedy = None if said.get("remedy") is None else printable(said["remedy"], 300)
            problems = [Problem(printable(row["message"], 300), row.get("line")) for row in said.get("problems", ())]
        except (ValueError, KeyError, TypeError, AttributeError):
            return RemoteError(f"{self.url} answers {response.status_code}, and is not a board.", remedy=_CHECK)
        if response.status_code == 401:
            return RemoteError(f"{self.url}: {message}", remedy="ask the board's maintainers for a token")
        if response.status_code in (413, 422):
            return InputError(f"{self.url}: {message}", remedy=remedy, problems=problems)
        return RemoteError(f"{self.url}: {message}", remedy=remedy or _CHECK)


_CHECK = "check the address and that the board runs, then run the same command again"


def check_address(url: str, *, plain_http: bool) -> str:
    """`url` without a slash at its end. Raises InputError for one that is no address, or names a user or a query."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise InputError(f"{printable(url)} is not the address of a board.", remedy="--to https://HOST")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise InputError(
            "The address of a board must not contain a user, password or query.", remedy="--to https://HOST"
        )
    if parts.scheme == "http" and not (plain_http or is_this_machine(host)):
        raise InputError(
            f"A token sent to http://{printable(host)} could be read on the way.",
            remedy="use https://, or add --plain-http inside a network that you trust",
        )
    return url.rstrip("/")


@contextmanager
def _opened(named: Mapping[str, Path]) -> Iterator[dict[str, Any]]:
    """The files of a form, opened for one attempt."""
    streams: dict[str, Any] = {}
    try:
        for name, path in named.items():
            try:
                streams[name] = (path.name, path.open("rb"), "application/octet-stream")
            except OSError as error:
                raise cannot_read(path, error) from error
        yield streams
    finally:
        for _, stream, _ in streams.values():
            stream.close()


def _kept(headers: httpx.Headers) -> dict[str, str]:
    """Headers that still hold for a body that was read and decoded."""
    return {name: value for name, value in headers.items() if name in ("location", "retry-after", "content-type")}


def _retry_after(response: httpx.Response) -> float | None:
    given = response.headers.get("retry-after", "")
    return float(given) if given.isdigit() and len(given) < 10 else None


def send(
    url: str, sending: Sending, token_file: Path | None, messages: Messages, *, wait: bool, plain_http: bool
) -> SubmissionStatus | None:
    """To a running board; None when it was only checked.

    Raises InputError (checks, rejection), RemoteError (the board refuses or is away).
    """
    token = None if sending.dry_run else read_token(token_file)
    with BoardClient(url, token, plain_http=plain_http, on_retry=messages.say) as client:
        board = client.board()
        named = [split.name for split in board.splits]
        if sending.split not in named:
            raise InputError(
                f"{client.url} has no split {printable(sending.split)}.",
                remedy=f"--split {' or '.join(map(printable, named))}",
            )
        sending.checked(client.split(sending.split), board.limits)
        if sending.dry_run:
            return None
        taken = client.submit(sending)
        messages.say(f"{taken.id} {'is taken in' if taken.created else 'was taken in before; nothing was added'}.")
        ask = f"bench submit status {taken.id} --to {client.url}"
        if not wait:
            messages.say(f"Next: {ask}")
            return client.status(taken.id)
        try:
            return follow(client, taken.id, messages)
        except KeyboardInterrupt:
            messages.say(f"The board goes on scoring. Next: {ask}")
            raise


def read_token(file: Path | None) -> str:
    """The token of `file`, else of the environment. Raises InputError."""
    if file is not None:
        token, where = _from_file(file), str(file)
    else:
        token, where = os.environ.get(VARIABLE, ""), VARIABLE
        if not token:
            raise AbsentError(
                f"There is no token: {VARIABLE} is not set.",
                remedy="--token-file FILE (mode 600), or set the variable without leaving it in the shell's history",
            )
    token = token.strip()
    if not token or len(token) > _LONGEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(f"The content of {where} is not a token.", remedy="copy it again from where it was shown")
    return token


def _from_file(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise InputError(f"{file} is not a regular file.", remedy="--token-file FILE")
            if os.name == "posix" and mode & 0o077:
                raise InputError(f"Others can read {file} (mode {mode & 0o777:o}).", remedy=f"chmod 600 {file}")
            return stream.read(_LONGEST_TOKEN + 100).decode("ascii", "replace")
    except OSError as error:
        raise cannot_read(file, error) from error
