"""`vllm serve` by a stand-in executable that takes the same arguments and serves the same HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.baselines.local.vllm_reviewer import VllmReviewer
from bioreview_bench.baselines.local.vllm_server import VllmServer
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.llm.calls.asking import Asking
from bioreview_bench.llm.review import GiveUp, TryAgain
from bioreview_bench.llm.text.fitting import Chars3
from bioreview_bench.llm.text.prompt import Prompt

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")

# What it does is set by STAND_IN: ok, dies, silent (never healthy), stubborn (ignores TERM), fragile (dies when asked).
STAND_IN = r"""
import json, os, signal, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

mode, notes = os.environ["STAND_IN"], os.environ["STAND_IN_NOTES"]
arguments = sys.argv[1:]
option = dict(zip(arguments, arguments[1:]))
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open(notes + ".begun", "w") as stream:
    json.dump({"arguments": arguments, "pids": [os.getpid(), worker.pid], "environment": dict(os.environ)}, stream)
os.replace(notes + ".begun", notes)
for number in range(30):
    print("loading", number, flush=True)
if mode == "dies":
    print("ValueError: no such architecture", file=sys.stderr, flush=True)
    worker.kill()
    sys.exit(1)
if mode in ("silent", "stubborn"):
    time.sleep(600)
names = [option["--served-model-name"]]
if "--lora-modules" in option:
    names.append(option["--lora-modules"].partition("=")[0])

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.answer({} if self.path == "/health" else {"data": [{"id": name} for name in names]})
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if mode == "fragile":
            print("CUDA error: device lost", flush=True)
            worker.kill()
            os._exit(9)
        with open(notes + ".requests", "a") as stream:
            stream.write(json.dumps({"body": body, "headers": dict(self.headers)}) + "\n")
        text = json.dumps({"concerns": ["The study has no control group."]})
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        self.answer({"id": "c", "object": "chat.completion", "created": 1, "model": body["model"],
                     "choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}})
    def answer(self, content):
        raw = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
    def log_message(self, *a):
        pass

ThreadingHTTPServer((option["--host"], int(option["--port"])), Handler).serve_forever()
"""


def until(holds: Callable[[], bool], seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


class StandIn:
    """The executable, and what it was started with."""

    def __init__(self, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.notes, self._monkeypatch = notes, monkeypatch

    def does(self, mode: str) -> None:
        self._monkeypatch.setenv("STAND_IN", mode)

    @property
    def started(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.notes.read_text())
        return found

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in Path(f"{self.notes}.requests").read_text().splitlines()]

    def all_gone(self) -> bool:
        """A worker is no child of ours: the signal is sent when `stop` returns, and death follows in its own time."""
        return until(lambda: not any(alive(pid) for pid in self.started["pids"]))


def alive(pid: int) -> bool:
    """True for a process that runs; a zombie, whose parent has died, does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        if Path("/proc/self").exists():
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
    return state not in "ZX"


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    program = tmp_path / "vllm-stand-in"
    program.write_text(f"#!{sys.executable} -S\n{STAND_IN}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BIOREVIEW_VLLM", str(program))
    monkeypatch.setenv("STAND_IN_NOTES", str(tmp_path / "notes.json"))
    made = StandIn(tmp_path / "notes.json", monkeypatch)
    made.does("ok")
    return made


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers are looked at once the stand-in has said all its lines: that may take it longer than their time-out."""
    look = VllmServer._healthy

    def healthy(self: VllmServer) -> bool:
        return until(lambda: "loading 29" in self._tail) and look(self)

    monkeypatch.setattr(VllmServer, "_healthy", healthy)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny-model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def server(**options: Any) -> VllmServer:
    return VllmServer(["MODEL", "--served-model-name", "m"], "m", **options)


def reviewer(model: Path, **options: Any) -> VllmReviewer:
    return VllmReviewer(str(model), Asking(Prompt.load("strings-v1"), Chars3()), **options)


PAPER = Manuscript("elife:1", "Title", "Mice sleep.", {}, (), "eLife")


def test_a_model_is_served_asked_and_ended_with_its_workers(
    stand_in: StandIn, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-not-for-the-server-123456")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-the-server-123456")
    asked = reviewer(model, tensor_parallel=2, parameters={"serve.max_model_len": 32768, "serve.enforce_eager": True})

    async def go() -> Any:
        try:
            return await asked.review(PAPER)
        finally:
            await asked.close()

    review = asyncio.run(go())
    assert [concern["text"] for concern in review.concerns] == ["The study has no control group."]
    assert (review.status, review.usage.input_tokens, review.notes) == ("ok", 7, None)
    arguments = stand_in.started["arguments"]
    assert arguments[:4] == ["serve", str(model), "--served-model-name", "tiny-model"]
    for pair in (["--tensor-parallel-size", "2"], ["--host", "127.0.0.1"], ["--generation-config", "vllm"],
                 ["--max-model-len", "32768"]):  # fmt: skip
        place = arguments.index(pair[0])
        assert arguments[place : place + 2] == pair
    assert "--enforce-eager" in arguments
    assert "--enable-lora" not in arguments
    environment = stand_in.started["environment"]
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert "sk-not-for-the-server-123456" not in json.dumps(stand_in.started)
    [request] = stand_in.requests
    assert "sk-not-for-the-server-123456" not in json.dumps(request)
    sent = {
        name: request["body"][name] for name in ("temperature", "top_p", "repetition_penalty", "max_tokens", "seed")
    }
    assert sent == {"temperature": 0.1, "top_p": 0.9, "repetition_penalty": 1.05, "max_tokens": 4096, "seed": 42}
    assert request["body"]["chat_template_kwargs"] == {"enable_thinking": False}
    assert request["body"]["response_format"]["type"] == "json_schema"
    assert stand_in.all_gone()


def test_a_description_holds_no_port_and_a_second_run_describes_itself_alike(stand_in: StandIn, model: Path) -> None:
    first, second = reviewer(model), reviewer(model)
    first.connect()
    try:
        assert first.describe() == second.describe()
        assert "127.0.0.1" not in json.dumps(first.describe())
    finally:
        asyncio.run(first.close())


def test_an_adapter_is_served_beside_the_model_at_a_rank_that_vllm_takes(
    stand_in: StandIn, model: Path, tmp_path: Path
) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"r": 24}')
    asked = reviewer(model, adapters=[str(adapter)])

    async def go() -> Any:
        try:
            return await asked.review(PAPER)
        finally:
            await asked.close()

    assert asyncio.run(go()).status == "ok"
    arguments = stand_in.started["arguments"]
    assert arguments[arguments.index("--lora-modules") + 1] == f"tiny-model+adapter={adapter}"
    assert arguments[arguments.index("--max-lora-rank") + 1] == "32"
    assert stand_in.requests[0]["body"]["model"] == "tiny-model+adapter"
    with pytest.raises(InputError, match="one adapter"):
        reviewer(model, adapters=[str(adapter), str(adapter)])


@pytest.mark.parametrize(
    ("config", "rank"),
    [
        ({"r": 8, "rank_pattern": {"q_proj": 64}}, "64"),
        ({"r": 8, "rank_pattern": {"q_proj": 4, "layers.1.v_proj": 300}}, "320"),
        ({"r": 32, "rank_pattern": {"q_proj": 2}}, "32"),
        ({"r": 8, "rank_pattern": None}, "8"),
        ({"r": 1, "rank_pattern": {}}, "8"),
    ],
)
def test_the_server_is_started_with_the_largest_rank_of_any_module(
    model: Path, tmp_path: Path, config: dict[str, Any], rank: str
) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    arguments = reviewer(model, adapters=[str(tmp_path)])._server._arguments
    assert arguments[arguments.index("--max-lora-rank") + 1] == rank


@pytest.mark.parametrize("pattern", [{"q_proj": 513}, {"q_proj": "64"}, {"q_proj": 0}, {"q_proj": True}, ["q_proj"]])
def test_a_rank_that_vllm_does_not_take_is_refused(model: Path, tmp_path: Path, pattern: Any) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 8, "rank_pattern": pattern}))
    with pytest.raises(InputError, match="takes no adapter of rank"):
        reviewer(model, adapters=[str(tmp_path)])


def test_an_early_death_shows_its_last_twenty_lines(stand_in: StandIn) -> None:
    stand_in.does("dies")
    with pytest.raises(EncoderError, match="ended with code 1") as caught:
        server().start()
    shown = str(caught.value)
    assert "ValueError: no such architecture" in shown
    assert "loading 11\n" in shown
    assert "loading 10\n" not in shown
    assert stand_in.all_gone()


def test_a_server_that_is_never_ready_is_ended_at_the_time_out(stand_in: StandIn, loaded: None) -> None:
    stand_in.does("silent")
    with pytest.raises(EncoderError, match=r"not ready within 1 s.*\n[\s\S]*loading 29"):
        server(timeout=1).start()
    assert stand_in.all_gone()


def test_a_server_that_ignores_term_is_killed(stand_in: StandIn, loaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from bioreview_bench.baselines.local import vllm_server

    monkeypatch.setattr(vllm_server, "_GRACE", 0.3)
    stand_in.does("stubborn")
    with pytest.raises(EncoderError, match="not ready"):
        server(timeout=1).start()
    assert stand_in.all_gone()


def test_a_taken_port_is_an_error_before_anything_starts(stand_in: StandIn) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="cannot be used"):
            server(port=taken.getsockname()[1]).start()
    assert not stand_in.notes.exists()


def test_another_server_on_the_port_is_not_taken_for_ours(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    look = VllmServer._healthy
    monkeypatch.setattr(VllmServer, "_healthy", lambda self: until(lambda: look(self)))
    ours = VllmServer(["MODEL", "--served-model-name", "theirs"], "ours", timeout=1)
    with pytest.raises(EncoderError, match="not ready"):
        ours.start()
    assert stand_in.all_gone()


def test_a_server_that_dies_in_a_run_stops_it_with_its_last_lines(stand_in: StandIn, model: Path) -> None:
    stand_in.does("fragile")
    asked = reviewer(model)

    async def go() -> None:
        try:
            for _ in range(50):
                # As the engine does: the connection may break a moment before the process is gone.
                with contextlib.suppress(TryAgain):
                    await asked.review(PAPER)
                await asyncio.sleep(0.05)
        finally:
            await asked.close()

    with pytest.raises(GiveUp, match="CUDA error: device lost"):
        asyncio.run(go())
    assert stand_in.all_gone()


def test_without_vllm_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOREVIEW_VLLM", "no-such-executable")
    with pytest.raises(EncoderError, match=r"not installed[\s\S]*BIOREVIEW_VLLM"):
        server().start()


_RUN = """
from bioreview_bench.baselines.local.vllm_server import VllmServer
server = VllmServer(["MODEL", "--served-model-name", "m"], "m", timeout=600)
try:
    server.start()
    print("ready", flush=True)
    import time
    time.sleep(600)
finally:
    server.stop()
"""


@pytest.mark.parametrize("mode", ["ok", "silent"])
def test_ctrl_c_ends_the_process_group_also_while_it_starts(stand_in: StandIn, mode: str) -> None:
    stand_in.does(mode)
    running = subprocess.Popen([sys.executable, "-c", _RUN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    if mode == "ok":
        assert running.stdout.readline() == "ready\n"
    else:
        assert until(stand_in.notes.exists)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=120)
    assert stand_in.all_gone()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
def test_a_kill_of_the_run_ends_the_server(stand_in: StandIn) -> None:
    running = subprocess.Popen([sys.executable, "-c", _RUN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    running.kill()
    running.communicate(timeout=120)
    server_pid, worker_pid = stand_in.started["pids"]
    try:
        assert until(lambda: not alive(server_pid))
    finally:
        if alive(worker_pid):  # vLLM ends its workers itself; the stand-in does not
            os.kill(worker_pid, signal.SIGKILL)
