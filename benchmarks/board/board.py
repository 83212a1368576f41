"""How fast the page of a board is under load, on this machine.

    python benchmarks/board/board.py [--systems 60] [--rate 200] [--connections 16] [--seconds 10] [--views 90]

A board with SYSTEMS scored systems is served by `bench leaderboard serve` in processes of its own; a load process
asks for it over keep-alive connections. First each page once, alone; the slowest is printed. Then RATE a second,
evenly spaced: p50 and p95 of the time from when a request was due to its last byte, and the memory of the server. Then
as many as the connections allow: requests a second. The rate again while 20 submissions at a time are taken in and
scored, all the time, so that pages have to be made again; and while somebody asks for VIEWS different views a
minute. The aims on two idle cores at 200/s: p95 under 50 ms when nothing changes, under 200 ms otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from bioreview_bench.cli.inputs import predictions_path
from bioreview_bench.leaderboard import boards
from bioreview_bench.leaderboard.intake.check import validate_received
from bioreview_bench.leaderboard.intake.package import read_package
from bioreview_bench.leaderboard.settings import Limits
from bioreview_bench.leaderboard.store.common import WAITING
from bioreview_bench.leaderboard.store.database import Database
from bioreview_bench.leaderboard.store.submissions import receive, submissions_with
from bioreview_bench.leaderboard.store.users import add_user, find_user
from bioreview_bench.leaderboard.worker.run import score_due

LOTS = 100_000_000
_AT_ONCE = 20  # submissions
_PAGES = ("/", "/?sort=skill", "/?weights=open", "/?show=ranked")
_WORDS = ("the", "control", "group", "was", "not", "measured", "and", "its", "variance", "is", "missing", "here", "too")


def main() -> None:
    """Make the board, serve it, load it from another process, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=int, default=60)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--views", type=int, default=90)
    parser.add_argument("--load", metavar="PORT", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.load:
        asyncio.run(_load(asked.load, asked.rate, asked.connections, asked.seconds, asked.views))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "board.sqlite"
        began = time.monotonic()
        database = _make_board(path, asked.systems)
        print(f"{asked.systems} systems scored in {time.monotonic() - began:.1f} s; {os.cpu_count()} cores")
        with served_board(path) as served:
            measure("nothing changes", served, asked, asked.rate)
            measure("nothing changes", served, asked, 0.0)
            measure(f"{asked.views} different views a minute", served, asked, asked.rate, asked.views)
            with _changing(database, asked.systems) as scored:
                measure(f"{_AT_ONCE} submissions at a time are scored", served, asked, asked.rate)
            print(f"{scored[0]} submissions were scored meanwhile")
        database.close()


def _make_board(path: Path, systems: int) -> Database:
    database = Database(path)
    limits = Limits(per_day=LOTS, uploads_per_day=LOTS, requests_per_minute=LOTS)
    boards.set_up(database, "demo", ("test",), ("jaccard",), draws=200, limits=limits)
    for number in range(systems):
        name = f"user{number}"
        add_user(database, name, f"Team {number}")
        _submit(database, name, number)
    score_due(database, say=lambda text: None)
    return database


def _submit(database: Database, user: str, number: int) -> None:
    """A submission unlike the others."""
    rows = [json.loads(line) for line in predictions_path("demo:careful").read_text().splitlines()]
    for row in rows:
        texts = [concern["text"] if isinstance(concern, dict) else concern for concern in row["concerns"]]
        row["concerns"] = [*texts[number % 4 :], *(" ".join(_WORDS[place:][:9]) for place in range(number % 5))]
    card = {
        "system_name": f"System {number}",
        "system_version": "1",
        "organisation": f"Laboratory {number}",
        "contact": "x@example.org",
        "base_model": "none",
        "open_weights": ("yes", "no", "undisclosed")[number % 3],
        "date": "2025-01-31",
    }
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    package = read_package(io.BytesIO(content), json.dumps(card).encode(), None, Limits())
    submission, _ = receive(database, find_user(database, user).id, "test", package)
    assert validate_received(database, submission) == "queued"


@contextmanager
def served_board(path: Path) -> Iterator[tuple[int, int]]:
    """(process id, port) of the server."""
    command = [sys.executable, "-c", "from bioreview_bench.cli import main; main()", "leaderboard", "serve"]
    serving = subprocess.Popen(
        [*command, "--port", "0", "--db", str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert serving.stdout is not None
    try:
        said = serving.stdout.readline()
        found = re.search(r":(\d+)/", said)
        assert found, said
        yield serving.pid, int(found[1])
    finally:
        serving.terminate()
        serving.wait()


@contextmanager
def _changing(database: Database, systems: int) -> Iterator[list[int]]:
    """Submissions are sent whenever all before them are scored; yields a list of their number, complete at the end."""
    ending, sent = threading.Event(), [0]

    def change() -> None:
        while not ending.is_set():
            for _ in range(_AT_ONCE):
                sent[0] += 1
                _submit(database, f"user{sent[0] % systems}", 1_000_000 + sent[0])
            while submissions_with(database, WAITING):
                time.sleep(0.05)

    thread = threading.Thread(target=change)
    thread.start()
    yield sent
    ending.set()
    thread.join()


def measure(label: str, served: tuple[int, int], asked: argparse.Namespace, rate: float, views: int = 0) -> None:
    """Ask for pages for `asked.seconds` over `asked.connections`, and print how long they took."""
    pid, port = served
    command = [sys.executable, __file__, "--load", str(port), "--rate", str(rate), "--views", str(views)]
    command += ["--connections", str(asked.connections), "--seconds", str(asked.seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    how = f"{rate:g} requests/s asked" if rate else f"{asked.connections} connections, as fast as they can"
    print(
        f"{label}, {how}: {found['per_second']:.0f} requests/s, p50 {found['p50']:.1f} ms, "
        f"p95 {found['p95']:.1f} ms, first visit {found['first']:.0f} ms, {found['failed']} failed, "
        f"{found['bytes'] / 1024:.0f} KiB a page, server of {_megabytes(pid)} MB",
        flush=True,
    )


def _megabytes(pid: int) -> int:
    """Resident memory of a process (Linux; 0 elsewhere)."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmRSS:\s+(\d+)", status.read_text()) if status.is_file() else None
    return int(found[1]) // 1024 if found else 0


async def _load(port: int, rate: float, connections: int, seconds: float, views: int) -> None:
    """Ask for pages and print figures as JSON. `rate` 0: every connection asks again at once.

    Of `views` different ones a minute, which somebody else asks for beside that, no times are kept.
    """
    times: list[float] = []
    sizes: list[int] = []
    failed = 0
    first = 0.0
    for page in _PAGES:
        moment = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await _visit(reader, writer, page)
        writer.close()
        first = max(first, time.perf_counter() - moment)
    began = time.perf_counter() + 0.2
    due = iter(range(int(rate * seconds))) if rate else None

    async def ask() -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(began - time.perf_counter())
        while True:
            moment = time.perf_counter()
            if due is not None:
                number = next(due, None)
                if number is None:
                    break
                moment = began + number / rate
                await asyncio.sleep(max(0.0, moment - time.perf_counter()))
            elif moment > began + seconds:
                break
            found, length = await _visit(reader, writer, _PAGES[len(times) % len(_PAGES)])
            failed += not found
            times.append(time.perf_counter() - moment)
            sizes.append(length)
        writer.close()

    async def look_around() -> None:
        sorts = ("f1", "recall", "precision", "recall_major", "null_f1", "echo", "concerns", "coverage", "submitted")
        for sort, order, weights, show in product(sorts, ("up", "down"), ("any", "open"), ("every", "ranked")):
            await asyncio.sleep(60 / views)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await _visit(reader, writer, f"/?sort={sort}&order={order}&weights={weights}&show={show}")
            writer.close()

    somebody = asyncio.create_task(look_around()) if views else None
    await asyncio.gather(*(ask() for _ in range(connections)))
    passed = time.perf_counter() - began
    if somebody is not None:
        somebody.cancel()
    times.sort()
    figures = {
        "first": first * 1000,
        "per_second": len(times) / passed,
        "p50": times[len(times) // 2] * 1000,
        "p95": times[int(len(times) * 0.95)] * 1000,
        "failed": failed,
        "bytes": sum(sizes) / len(sizes),
    }
    print(json.dumps(figures))


async def _visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, page: str) -> tuple[bool, int]:
    """Ask for a page: whether it was found, and its bytes as sent."""
    writer.write(f"GET {page} HTTP/1.1\r\nHost: board\r\nAccept-Encoding: gzip\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    stated = re.search(rb"content-length: (\d+)", head)
    assert stated, head
    length = int(stated[1])
    await reader.readexactly(length)
    return head.startswith(b"HTTP/1.1 200"), length


if __name__ == "__main__":
    main()
