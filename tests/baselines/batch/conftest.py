"""OpenAI's Batch API on loopback, and `bench` in processes that tests may kill."""

from __future__ import annotations

import email
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

ANSWER = '["The study has no control group.", "The sample is too small for this claim."]'
SECRET = "sk-proj-S3CRETs3cretS3CRETs3cret0123456789"


@dataclass
class Hold:
    """A request that the server keeps waiting: `reached` is set when it is there, `let_go` does what was asked."""

    reached: Event = field(default_factory=Event)
    release: Event = field(default_factory=Event)
    worked: Event = field(default_factory=Event)

    def let_go(self) -> None:
        """Returns once the server has done its work, whether or not anybody waits for the answer."""
        self.release.set()
        assert self.worked.wait(60)


@dataclass
class BatchServer:
    """Files and batches of OpenAI's API. A batch is over when it was looked at `looks` times, with status `end`.

    `answer(request)` gives a line of output (an object, or raw bytes) or None for no line; `fails(request)` one for
    the error file. `replies` holds (status, body) by "METHOD path", to be given in place of the true answer, once
    each; `lost` the same for answers that are cut off after the work is done. `holds` keep a request waiting "before"
    or "after" the work.
    """

    url: str = ""
    looks: int = 2
    end: str = "completed"
    errors: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], Any] = lambda request: output_line(request)
    fails: Callable[[dict[str, Any]], Any] = lambda request: None
    files: dict[str, bytes] = field(default_factory=dict)
    batches: list[dict[str, Any]] = field(default_factory=list)
    looked: Counter[str] = field(default_factory=Counter)
    requests: list[dict[str, Any]] = field(default_factory=list)  # line ("METHOD path"), headers (lower case), raw
    replies: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    holds: dict[tuple[str, str], Hold] = field(default_factory=dict)

    def submitted(self) -> Counter[str]:
        """How often every article stands in a batch that was, or will be, run."""
        ran = [batch for batch in self.batches if batch["status"] != "failed"]
        return Counter(row["custom_id"] for batch in ran for row in self.rows(batch["input_file_id"]))

    def rows(self, file_id: str) -> list[dict[str, Any]]:
        """The lines of a file."""
        return [json.loads(line) for line in self.files[file_id].splitlines()]

    def work(self, line: str, query: dict[str, list[str]], headers: Any, raw: bytes) -> tuple[int, Any]:
        """Status and body (an object, or bytes) for a request; `line` is "METHOD path"."""
        match line.removeprefix(f"{line.split()[0]} /v1/").split("/"), line.split()[0]:
            case ["files"], "POST":
                form = email.message_from_bytes(b"Content-Type: " + headers["content-type"].encode() + b"\n\n" + raw)
                [content] = [part for part in form.walk() if part.get_filename()]
                name = f"file-{len(self.files)}"
                self.files[name] = content.get_payload(decode=True)
                return 200, {"id": name, "object": "file", "purpose": "batch", "filename": content.get_filename()}
            case ["batches"], "POST":
                asked = json.loads(raw)
                if asked["input_file_id"] not in self.files:
                    return 400, {"error": {"message": "no such input file", "type": "invalid_request_error"}}
                batch = {"id": f"batch_{len(self.batches)}", "object": "batch", "created_at": int(time.time())}
                self.batches.append({**asked, **batch, "status": "validating"})
                return 200, self.batches[-1]
            case ["batches"], "GET":
                newest = self.batches[::-1]
                after = next((i + 1 for i, b in enumerate(newest) if [b["id"]] == query.get("after")), 0)
                page = newest[after : after + 2]
                more = after + 2 < len(newest)
                return 200, {"object": "list", "data": page, "last_id": page and page[-1]["id"], "has_more": more}
            case ["batches", name], "GET":
                found = [batch for batch in self.batches if batch["id"] == name]
                return (200, self.look(found[0])) if found else (404, {"error": {"message": f"No batch {name}"}})
            case ["files", name, "content"], "GET":
                known = name in self.files
                return (200, self.files[name]) if known else (404, {"error": {"message": f"No such file {name}"}})
        return 404, {"error": {"message": f"no route {line}"}}

    def look(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch, a step further."""
        self.looked[batch["id"]] += 1
        if batch["status"] == "validating":
            batch["status"] = "in_progress"
        if self.looked[batch["id"]] >= self.looks and batch["status"] == "in_progress":
            batch["status"] = self.end
            batch["errors"] = {"object": "list", "data": self.errors}
            rows = [] if self.end == "failed" else self.rows(batch["input_file_id"])
            for key, make in (("output_file_id", self.answer), ("error_file_id", self.fails)):
                lines = [line for row in rows if (line := make(row)) is not None]
                if lines:
                    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
                    batch[key] = f"file-{len(self.files)}"
                    self.files[batch[key]] = b"\n".join(raw) + b"\n"
        total = len(self.rows(batch["input_file_id"]))
        done = total if batch["status"] == "completed" else 0
        return {**batch, "request_counts": {"total": total, "completed": done, "failed": 0}}


@pytest.fixture
def batch_server(loopback: Callable[..., str]) -> BatchServer:
    """OpenAI's Batch API on loopback."""
    state = BatchServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            line = f"{self.command} {parts.path}"
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.requests.append({"line": line, "headers": headers, "raw": raw})
            before = self._wait("before", line)
            told = state.replies.get(line)
            status, body = told.pop(0) if told else state.work(line, parse_qs(parts.query), headers, raw)
            if before is not None:
                before.worked.set()
            after = self._wait("after", line)
            if after is not None:
                after.worked.set()
            if state.lost[line] > 0:
                state.lost[line] -= 1
                self.close_connection = True
                return
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/octet-stream" if body is content else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def _wait(self, when: str, line: str) -> Hold | None:
            hold = state.holds.pop((when, line), None)
            if hold is not None:
                hold.reached.set()
                assert hold.release.wait(120)
            return hold

    state.url = f"{loopback(Handler)}/v1"
    return state


def output_line(request: dict[str, Any], text: str = ANSWER, status: int = 200, body: Any = None) -> dict[str, Any]:
    """The line of a batch's output for a request."""
    if body is None:
        message = {"role": "assistant", "content": text, "refusal": None}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        choices = [{"index": 0, "finish_reason": "stop", "message": message}]
        body = {"id": "c", "object": "chat.completion", "model": request["body"]["model"], "choices": choices}
        body["usage"] = usage
    response = {"status_code": status, "request_id": "r", "body": body}
    return {"id": "batch_req_1", "custom_id": request["custom_id"], "response": response, "error": None}


@pytest.fixture
def batch_line() -> Callable[..., dict[str, Any]]:
    return output_line


# Imports the command once, and forks a process for every line that it reads: a start takes no time.
_FORKING = """
import importlib, json, os, sys
main = importlib.import_module("bioreview_bench.cli.main")
import openai
importlib.import_module("bioreview_bench.baselines.running")
importlib.import_module("bioreview_bench.baselines.cli.baseline")
for line in sys.stdin:
    asked = json.loads(line)
    if "wait" in asked:
        print(os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1]), flush=True)
        continue
    pid = os.fork()
    if pid == 0:
        stream = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(stream, 1), os.dup2(stream, 2)
        os.environ.update(asked["environment"])
        exec(asked["first"])
        code = main.run(asked["arguments"])
        sys.stdout.flush()
        os._exit(code)
    print(pid, flush=True)
"""


class Forks:
    """`bench` in processes of its own: `start(arguments, first)` gives a process id, `end(pid)` its exit code.

    `first` is Python that runs in the new process before the command. `log` collects what all of them print.
    """

    def __init__(self, server: subprocess.Popen[str], log: Path, environment: dict[str, str]) -> None:
        self._server, self.log, self._environment = server, log, environment

    def start(self, arguments: Sequence[object], first: str = "") -> int:
        asked = {"arguments": [str(one) for one in arguments], "environment": self._environment}
        return self._ask({**asked, "first": first, "log": str(self.log)})

    def end(self, pid: int) -> int:
        return self._ask({"wait": pid})

    def _ask(self, what: dict[str, Any]) -> int:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(what) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


@pytest.fixture(scope="session")
def fork_server() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", _FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "NO_COLOR": "1"},
    ) as server:  # fmt: skip
        yield server


@pytest.fixture
def forks(fork_server: subprocess.Popen[str], tmp_path: Path, secret: str, cache: Path) -> Forks:
    """Processes for tests that kill them."""
    return Forks(fork_server, tmp_path / "log.txt", {"FAKE_KEY": secret, "BIOREVIEW_CACHE": str(cache)})


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key that the server is asked with."""
    monkeypatch.setenv("FAKE_KEY", SECRET)
    return SECRET


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let runs in this process wait for milliseconds; quickly(requests=4) divides them by small limits."""
    from bioreview_bench.llm.batch import run as batch_run
    from bioreview_bench.llm.calls.pacing import Backoff

    waits = batch_run.Waits(0.001, 0.002, 0.0, Backoff(0.001, 0.002))
    limits = batch_run.BatchLimits

    def hurry(**given: int) -> None:
        monkeypatch.setattr(batch_run, "Waits", lambda: waits)
        monkeypatch.setattr(batch_run, "BatchLimits", lambda: limits(**given))

    return hurry


@pytest.fixture
def asked(batch_server: BatchServer, secret: str, tmp_path: Path) -> list[object]:
    """The command that reviews the six articles of demo/val in batches, into tmp_path/run."""
    return ["baseline", "openai:small", "--base-url", batch_server.url, "--key-variable", "FAKE_KEY",
        "--data", "demo", "--split", "val",
            "--prompt", "strings-v1", "--out", tmp_path / "run", "--batch"]  # fmt: skip


@pytest.fixture
def api(bench: Any, asked: list[object], quickly: Callable[..., None]) -> Callable[..., Any]:
    """Run that command in this process, with more options."""
    quickly()
    return lambda *more: bench(*asked, *more)


@pytest.fixture
def rows(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """The rows of the run in tmp_path/run, or of another there; no article has two."""

    def read(run: str = "run") -> list[dict[str, Any]]:
        path = tmp_path / run / "predictions.jsonl"
        found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        assert len({row["article_id"] for row in found}) == len(found)
        return found

    return read


@pytest.fixture
def parts(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """What the ledger of that run holds."""

    def read() -> list[dict[str, Any]]:
        path = tmp_path / "run" / "batches.json"
        return json.loads(path.read_text())["parts"] if path.exists() else []

    return read


@pytest.fixture
def hold() -> type[Hold]:
    return Hold
