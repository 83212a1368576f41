"""Runs that are killed or interrupted, with the real openai client against a server on loopback.

One process imports everything and forks a run for every line that it reads, so that a start costs no time.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")

_FORKING = """
import asyncio, os, sys
import openai, httpx2
from bioreview_bench.llm.calls.asking import Asking
from bioreview_bench.llm.calls.engine import run
from bioreview_bench.llm.text.fitting import Chars3
from bioreview_bench.llm.providers.openai import OpenAIReviewer
from bioreview_bench.llm.text.prompt import Prompt
from bioreview_bench.llm.run.store import RunStore
from bioreview_bench.data.manuscript import Manuscript

url, folder = sys.argv[1:]

def papers(n):
    for number in range(n):
        yield Manuscript(f"elife:{number}", f"Title {number};", "Abstract.", {}, (), "eLife")

def review(n):
    reviewer = OpenAIReviewer("small", Asking(Prompt.load("strings-v1"), Chars3()), base_url=url)
    described = reviewer.describe()
    with RunStore.open(folder, name="b", reviewer=described, split="s", fingerprint="f") as store:
        asyncio.run(run(reviewer, papers(n), store, concurrency=8))

for line in sys.stdin:
    what, value = line.split()
    if what == "wait":
        print(os.waitstatus_to_exitcode(os.waitpid(int(value), 0)[1]), flush=True)
        continue
    pid = os.fork()
    if pid == 0:
        try:
            review(int(value))
        except KeyboardInterrupt:
            os._exit(130)
        os._exit(0)
    print(pid, flush=True)
"""


class Runs:
    """`start(n)` begins a run over n articles and gives its process id; `end(pid)` gives its exit code."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, n: int) -> int:
        return self._ask(f"run {n}")

    def end(self, pid: int) -> int:
        return self._ask(f"wait {pid}")

    def _ask(self, line: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@pytest.fixture
def runs(model_server: Any, tmp_path: Path, completion: Callable[..., Any], reply: Any) -> Iterator[Runs]:
    """Runs into tmp_path/run, whose every article is answered after 5 ms with five thousand characters."""
    text = json.dumps(["x" * 5000])

    def answer(request: dict[str, Any]) -> Any:
        time.sleep(0.005)
        return reply(completion(text))

    model_server.answer = answer
    with subprocess.Popen(
        [sys.executable, "-c", _FORKING, f"{model_server.url}/v1", str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPENAI_API_KEY": "none"},
    ) as process:
        yield Runs(process)


def asked(server: Any, since: int = 0) -> list[str]:
    """Articles that the server was asked about, from request `since` on."""
    texts = [request["body"]["messages"][-1]["content"] for request in server.requests[since:]]
    return ["elife:" + text.split("# Title ")[1].split(";")[0] for text in texts]


def wait_for(server: Any, n: int) -> None:
    deadline = time.monotonic() + 120
    while len(server.requests) < n:
        assert time.monotonic() < deadline, "the run asks for nothing"
        time.sleep(0.001)


def written(folder: Path) -> dict[str, bytes]:
    """Whole lines of the file by article id."""
    path = folder / "predictions.jsonl"
    whole = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    found = {json.loads(line)["article_id"]: line for line in whole}
    assert len(found) == len(whole)
    return found


def test_twenty_kills_at_random_moments_lose_no_row_and_bill_none_twice(
    runs: Runs, model_server: Any, tmp_path: Path
) -> None:
    folder, n = tmp_path / "run", 1000
    generator = random.Random(7)
    before: dict[str, bytes] = {}
    for _ in range(20):
        seen = len(model_server.requests)
        model_server.limit = seen + 45  # so that however fast it is something is left after twenty
        pid = runs.start(n)
        wait_for(model_server, seen + generator.randrange(25))
        time.sleep(generator.uniform(0.0, 0.02))
        os.kill(pid, signal.SIGKILL)
        assert runs.end(pid) == -signal.SIGKILL
        assert not set(asked(model_server, seen)) & before.keys(), "asked again although its row was written"
        now = written(folder)
        assert all(now.get(name) == line for name, line in before.items()), "a written row was lost"
        before = now
    assert 0 < len(before) < n, "the kills fell at no interesting moment"
    seen = len(model_server.requests)
    model_server.limit = float("inf")
    assert runs.end(runs.start(n)) == 0
    rows = written(folder)
    assert len(rows) == n
    assert {json.loads(line)["status"] for line in rows.values()} == {"ok"}
    assert not set(asked(model_server, seen)) & before.keys()
    times = Counter(asked(model_server))
    assert set(times) == set(rows)
    assert times.total() - n <= 20 * 8  # at most what was in flight at each kill


def test_ctrl_c_leaves_every_finished_row_and_the_state(
    runs: Runs, model_server: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model_server.limit = 60
    pid = runs.start(5000)
    wait_for(model_server, 61)
    os.kill(pid, signal.SIGINT)
    assert runs.end(pid) == 130
    assert "Task was destroyed" not in capfd.readouterr().err
    content = (tmp_path / "run" / "predictions.jsonl").read_bytes()
    assert content.endswith(b"\n")
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert manifest["state"] == "interrupted"
    assert manifest["totals"]["articles"] == len(content.splitlines()) > 8
    assert os.access(tmp_path / "run" / ".lock", os.R_OK)
