"""How close the call engine comes to the ideal time, and whether its memory stays flat.

    python benchmarks/speed/engine.py [--articles 1000] [--latency 0.05] [--concurrency 32] [--words 4000]

A server in a process of its own speaks chat completions and answers after LATENCY seconds; the real openai client
asks it through the engine, and every row is written and synced. Ideal is latency x articles / concurrency. Prints
the time over the ideal (the aim is at most 2), and the memory in use at the end over that after a fifth of the
articles.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.llm.calls.asking import Asking
from bioreview_bench.llm.calls.engine import Progress, run
from bioreview_bench.llm.providers.openai import OpenAIReviewer
from bioreview_bench.llm.run.store import RunStore
from bioreview_bench.llm.text.prompt import Prompt

_SERVER = """
import asyncio, json, sys

concerns = [{"text": f"Concern {n}: " + "the control is missing. " * 8} for n in range(12)]
body = json.dumps({
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": json.dumps({"concerns": concerns})}}],
    "usage": {"prompt_tokens": 9000, "completion_tokens": 600, "total_tokens": 9600},
}).encode()
answer = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body

async def serve(reader, writer):
    try:
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            length = int(head.lower().split(b"content-length:")[1].split(b"\\r\\n")[0])
            await reader.readexactly(length)
            await asyncio.sleep(float(sys.argv[1]))
            writer.write(answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 22, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


class Thirds:
    """Three characters a token."""

    name = "chars3"

    def count(self, text: str) -> int:
        """Tokens, as an estimate."""
        return -(-len(text) // 3)


def papers(n: int, n_words: int) -> Iterator[Manuscript]:
    """Papers made one by one, as they are asked for."""
    words = " ".join(f"word{position % 997}" for position in range(n_words))
    for number in range(n):
        text = f"{number} {words}"
        yield Manuscript(f"elife:{number}", f"Title {number}", text[:1500], {"Results": text}, (), "eLife")


def resident() -> float:
    """Memory of this process now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(folder: Path, port: int, given: argparse.Namespace) -> dict[str, float]:
    """One run against the server at `port`."""
    reviewer = OpenAIReviewer(
        "m", Asking(Prompt.load("objects-v1"), Thirds()), base_url=f"http://127.0.0.1:{port}/v1", key_env=None
    )
    memory: list[float] = []

    def note(progress: Progress) -> None:
        if progress.done % max(1, given.articles // 5) == 0:
            memory.append(resident())

    with RunStore.open(folder, name="b", reviewer=reviewer.describe(), split="b", fingerprint="b") as store:
        reviewer.connect()
        started, cpu = time.perf_counter(), time.process_time()
        work = run(
            reviewer, papers(given.articles, given.words), store, concurrency=given.concurrency, on_progress=note
        )
        asyncio.run(work)
        seconds, busy = time.perf_counter() - started, time.process_time() - cpu
        assert store.totals.by_status == {"ok": given.articles}
    ideal = given.latency * given.articles / given.concurrency
    return {
        "ideal_s": ideal,
        "seconds": seconds,
        "seconds_over_ideal": seconds / ideal,
        "cpu_ms_an_article": 1000 * busy / given.articles,
        "memory_mb_after_a_fifth": memory[0],
        "memory_mb_at_the_end": memory[-1],
        "memory_end_over_fifth": memory[-1] / memory[0],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--words", type=int, default=4000)
    given = parser.parse_args()
    server = subprocess.Popen([sys.executable, "-c", _SERVER, str(given.latency)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder) / "run", int(server.stdout.readline()), given)
    finally:
        server.terminate()
        server.wait()
    print(json.dumps({key: round(value, 3) for key, value in found.items()}, indent=2))


if __name__ == "__main__":
    main()
