"""Servers on loopback: a Hugging Face Hub, and models; and what the tests of API reviewers share.

huggingface_hub reads HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE when it is imported, so `bench` runs in a child process
where it is to know the Hub of the test and no other.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

Bench = Callable[..., "subprocess.CompletedProcess[str]"]
CONCERNS = '{"concerns": [{"text": "There is no control group."}]}'


@dataclass
class HubRepo:
    """One commit of a repository. Files named in `lfs` are stored by sha256, the others by git blob id."""

    commit: str
    files: dict[str, bytes]
    lfs: frozenset[str]
    refs: frozenset[str]


@dataclass
class FakeHub:
    """Answers the requests that huggingface_hub makes for repository information and for files."""

    endpoint: str
    repos: dict[str, HubRepo] = field(default_factory=dict)  # "models/OWNER/NAME" or "datasets/OWNER/NAME"
    gated: set[str] = field(default_factory=set)  # 401 without a token, 403 with one
    gone: set[str] = field(default_factory=set)  # names of files that are listed, and not there
    cut: dict[str, list[int]] = field(default_factory=dict)  # by file name, after how many bytes each answer breaks off
    corrupt: set[str] = field(default_factory=set)  # names of files whose bytes are served wrong, length kept
    portal: bool = False  # answer everything with a page, as a hotel's network does
    requests: list[str] = field(default_factory=list)  # "METHOD path"
    ranges: list[str] = field(default_factory=list)  # Range headers
    authorizations: set[str] = field(default_factory=set)

    def add(
        self,
        repo: str,
        files: dict[str, bytes],
        commit: str,
        *,
        kind: str = "models",
        lfs: tuple[str, ...] = (),
        refs: tuple[str, ...] = ("main",),
    ) -> None:
        """Publish a repository."""
        self.repos[f"{kind}/{repo}"] = HubRepo(commit, files, frozenset(lfs), frozenset(refs))

    def transferred(self) -> list[str]:
        """Paths of the files that were downloaded."""
        return [line.removeprefix("GET ") for line in self.requests if line.startswith("GET ") and "/resolve/" in line]

    def info(self, key: str, revision: str, token: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of /api/KIND/OWNER/NAME/revision/REVISION."""
        refusal = self._refusal(key, revision, token)
        if refusal is not None:
            return refusal
        repo = self.repos[key]
        siblings = []
        for name, content in repo.files.items():
            sibling = {"rfilename": name, "size": len(content), "blobId": git_blob(content)}
            if name in repo.lfs:
                sibling["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 134}
            siblings.append(sibling)
        answer = {"id": key.partition("/")[2], "sha": repo.commit, "siblings": siblings}
        return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()

    def resolve(self, key: str, revision: str, name: str, token: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of /OWNER/NAME/resolve/REVISION/FILE."""
        refusal = self._refusal(key, revision, token)
        if refusal is not None:
            return refusal
        repo = self.repos[key]
        if name not in repo.files or name in self.gone:
            return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": repo.commit}, b""
        content = repo.files[name]
        headers = {"X-Repo-Commit": repo.commit, "ETag": f'"{git_blob(content)}"'}
        if name in repo.lfs:
            headers |= {"X-Linked-Etag": f'"{sha256(content)}"', "X-Linked-Size": str(len(content))}
        served = bytes([content[0] ^ 1]) + content[1:] if name in self.corrupt else content
        return 200, headers, served

    def _refusal(self, key: str, revision: str, token: bool) -> tuple[int, dict[str, str], bytes] | None:
        if key in self.gated:
            return 403 if token else 401, {"X-Error-Code": "GatedRepo"}, b""
        if key not in self.repos:
            return 404, {"X-Error-Code": "RepoNotFound"}, b""
        repo = self.repos[key]
        if revision not in {repo.commit, *repo.refs}:
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        return None


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture
def hub_server(loopback: Callable[..., str]) -> FakeHub:
    """An empty Hub; tests publish repositories with `add`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            hub.requests.append(f"{self.command} {path}")
            hub.authorizations.add(self.headers.get("Authorization", ""))
            status, headers, body = self._answer([unquote(part) for part in path.strip("/").split("/")])
            wanted = self.headers.get("Range", "")
            if wanted and status == 200:
                hub.ranges.append(wanted)
                start = int(wanted.removeprefix("bytes=").partition("-")[0])
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
                status, body = 206, body[start:]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                breaks = hub.cut.get(path.rpartition("/")[2]) if "/resolve/" in path else None
                self.wfile.write(body[: breaks.pop(0)] if breaks else body)

        do_HEAD = do_GET

        def _answer(self, parts: list[str]) -> tuple[int, dict[str, str], bytes]:
            if hub.portal:
                return 200, {"Content-Type": "text/html"}, b"<html>Please log in to the network.</html>"
            token = bool(self.headers.get("Authorization"))
            match parts:
                case ["api", kind, owner, name, "revision", revision]:
                    return hub.info(f"{kind}/{owner}/{name}", revision, token)
                case ["datasets", owner, name, "resolve", revision, *file]:
                    return hub.resolve(f"datasets/{owner}/{name}", revision, "/".join(file), token)
                case [owner, name, "resolve", revision, *file]:
                    return hub.resolve(f"models/{owner}/{name}", revision, "/".join(file), token)
            return 404, {}, b""

    hub = FakeHub(loopback(Handler))
    return hub


@pytest.fixture
def hub_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Hub cache of the test, for child processes and for this one."""
    import huggingface_hub.constants

    home = tmp_path / "hf"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(home / "hub"))
    return home


@pytest.fixture
def bench_process(cache: Path, hub_server: FakeHub, hub_home: Path) -> Bench:
    """Run `bench` in a child process with the Hub on loopback: bench_process("encoder", "list", HF_TOKEN="x")."""
    own = {
        name: value for name, value in os.environ.items() if not name.startswith("HF_") and "proxy" not in name.lower()
    }

    def run(
        *arguments: str, limit: Callable[[], None] | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        defaults = {"HF_ENDPOINT": hub_server.endpoint, "HF_HOME": str(hub_home), "HF_HUB_OFFLINE": "0"}
        return subprocess.run(
            [sys.executable, "-c", "from bioreview_bench.cli import main; main()", *arguments],
            env={**own, **defaults, "BIOREVIEW_CACHE": str(cache), **environment},
            capture_output=True,
            text=True,
            timeout=120,
            preexec_fn=limit,
        )

    return run


@dataclass
class Reply:
    """What a model server sends. `reset_after` bytes the connection is reset; `drip` is seconds between bytes."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    reset_after: int | None = None
    drip: float = 0.0


@dataclass
class FakeModels:
    """A model server on loopback: notes every request, and answers with what `answer` makes of it.

    With a `limit` no client ever gets further than a test wants, however fast it is.
    """

    url: str
    answer: Callable[[dict[str, Any]], Reply] = field(default=lambda request: Reply(status=500))
    requests: list[dict[str, Any]] = field(default_factory=list)  # path, headers (lower case), raw (bytes), body
    limit: float = float("inf")  # requests beyond this many wait for their answer until it is raised

    def stop_after(self, n: int) -> None:
        """Answer `n` more requests, and no other."""
        self.limit = len(self.requests) + n

    def wait_until_stopped(self) -> None:
        """Return when a request waits that has no answer."""
        deadline = time.monotonic() + 120
        while len(self.requests) <= self.limit:
            assert time.monotonic() < deadline, "nothing is asked"
            time.sleep(0.001)

    def say(self, *replies: Reply) -> None:
        """Answer with these in turn, and with the last one for ever."""
        left = list(replies)
        self.answer = lambda request: left.pop(0) if len(left) > 1 else left[0]


@pytest.fixture
def reply() -> type[Reply]:
    return Reply


@pytest.fixture
def model_server(loopback: Callable[..., str]) -> Iterator[FakeModels]:
    """A model server that fails until a test tells it what to answer."""
    import socket
    import struct
    import threading

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            raw = self.rfile.read(size)
            if len(raw) < size:
                raise ConnectionResetError("the client was killed while it sent")
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = {"path": self.path, "headers": headers, "raw": raw, "body": json.loads(raw)}
            with counting:
                models.requests.append(request)
                number = len(models.requests)
            while number > models.limit and not closing:
                time.sleep(0.005)
            answer = models.answer(request)
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": answer.content_type, **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self._send(answer, body)

        def _send(self, answer: Reply, body: bytes) -> None:
            if answer.reset_after is not None:
                self.wfile.write(body[: answer.reset_after])
                self.wfile.flush()
                time.sleep(0.02)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.shutdown(socket.SHUT_RD)
                self.close_connection = True
            elif answer.drip:
                for number in range(len(body)):
                    if closing:
                        return
                    self.wfile.write(body[number : number + 1])
                    time.sleep(answer.drip)
            else:
                self.wfile.write(body)

    closing: list[bool] = []
    counting = threading.Lock()
    models = FakeModels(loopback(Handler))
    yield models
    closing.append(True)


@pytest.fixture
def completion() -> Callable[..., dict[str, Any]]:
    """An answer of OpenAI's chat completions: completion(content, finish_reason, field_of_the_message=...)."""

    def build(content: Any = CONCERNS, finish: str = "stop", **message: Any) -> dict[str, Any]:
        said = {"role": "assistant", "content": content, "refusal": None, **message}
        usage = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200}
        choice = {"index": 0, "finish_reason": finish, "message": said}
        answer = {"id": "c1", "object": "chat.completion", "created": 1, "model": "small-2026-01-31"}
        return {**answer, "choices": [choice], "usage": usage}

    return build


@pytest.fixture
def asking() -> Callable[..., Any]:
    """How reviewers ask: objects-v1, three characters a token."""
    from bioreview_bench.llm.calls.asking import Asking
    from bioreview_bench.llm.text.fitting import Chars3
    from bioreview_bench.llm.text.prompt import Prompt

    return lambda **settings: Asking(Prompt.load("objects-v1"), Chars3(), **settings)


@pytest.fixture
def papers() -> Callable[[int], list[Any]]:
    """Short manuscripts: elife:0 with "Title 0", ..."""
    from bioreview_bench.data.manuscript import Manuscript

    def build(n: int) -> list[Any]:
        text = {"Results": "We saw it."}
        return [Manuscript(f"elife:{number}", f"Title {number}", "Abstract.", text, (), "eLife") for number in range(n)]

    return build


@pytest.fixture
def ask(papers: Callable[[int], list[Any]]) -> Callable[..., Any]:
    """The review that a reviewer gives of one paper; it is closed afterwards."""

    def run(reviewer: Any, paper: Any = None) -> Any:
        async def once() -> Any:
            try:
                return await reviewer.review(paper or papers(1)[0])
            finally:
                await reviewer.close()

        return asyncio.run(once())

    return run


@pytest.fixture
def engine(papers: Callable[[int], list[Any]], tmp_path: Path) -> Callable[..., Any]:
    """Run a reviewer over n papers into tmp_path/run; (summary, store)."""
    from bioreview_bench.llm.calls.engine import run as run_engine
    from bioreview_bench.llm.calls.pacing import Backoff
    from bioreview_bench.llm.run.store import RunStore

    def run(reviewer: Any, n: int, **settings: Any) -> Any:
        given = {"name": reviewer.name, "reviewer": reviewer.describe(), "split": "demo/test", "fingerprint": "f"}
        with RunStore.open(tmp_path / "run", **given) as store:
            fast = {"backoff": Backoff(0.001, 0.01), **settings}
            return asyncio.run(run_engine(reviewer, papers(n), store, **fast)), store

    return run


@pytest.fixture
def openai_key(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key in OPENAI_API_KEY."""
    secret = "sk-proj-S3CRETs3cretS3CRETs3cret0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    return secret


@pytest.fixture
def openai_reviewer(model_server: Any, asking: Any, openai_key: str) -> Callable[..., Any]:
    """Make a reviewer that asks the loopback server."""
    from bioreview_bench.llm.providers.openai import OpenAIReviewer

    def build(budget: int = 15_000, structured: bool = True, **settings: Any) -> Any:
        how = asking(budget=budget, structured=structured)
        return OpenAIReviewer("small", how, **{"base_url": f"{model_server.url}/v1", **settings})

    return build


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """One dollar for a million tokens read, ten for a million written."""
    path = tmp_path / "prices.toml"
    path.write_text('[models."small"]\ninput = 1.0\noutput = 10.0\ndate = 2026-01-31\n')
    return path


_CHILD = """
import sys
import openai, httpx2
from bioreview_bench.cli.main import run
print("ready", flush=True)
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture
def child(model_server: FakeModels, cache: Path) -> Callable[..., subprocess.Popen[str]]:
    """`bench ARGUMENTS` in a child process, begun when this returns; every answer of the model takes 10 ms."""
    good = model_server.answer

    def slowly(request: dict[str, Any]) -> Reply:
        time.sleep(0.01)
        return good(request)

    model_server.answer = slowly

    def begin(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "BIOREVIEW_CACHE": str(cache), "OPENAI_API_KEY": "none"},
        )
        assert process.stdout is not None
        process.stdout.readline()
        return process

    return begin
