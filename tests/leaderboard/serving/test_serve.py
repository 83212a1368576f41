"""`bench leaderboard serve` in processes of its own: beginning, ending, and a worker that dies."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.leaderboard.archive.export import backup_board
from bioreview_bench.leaderboard.ranking.build import load_table
from bioreview_bench.leaderboard.serving.supervisor import Supervisor, worker_environment
from bioreview_bench.leaderboard.store.status import status
from bioreview_bench.leaderboard.store.users import add_user

Make = Callable[..., Any]


def _until(condition: Callable[[], Any], timeout: float = 300) -> Any:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come true")


def test_a_board_is_made_served_scored_and_ended_in_good_order(
    start_bench: Make, tmp_path: Path, caller: Make, demo_predictions: Make, card_bytes: Make, open_database: Make
) -> None:
    serving = start_bench("leaderboard", "serve", "--port", "0", "--data", "demo", "--contract", "jaccard")
    url = serving.said(r"The board is at (http://127\.0\.0\.1:\d+)/")[1]
    board = open_database(tmp_path / "board.sqlite")
    ann = caller(url, add_user(board, "ann", "A"))
    sent = ann.submit(demo_predictions("careful"), card_bytes())
    assert sent.status_code == 201, sent.text
    _until(lambda: status(board, sent.json()["id"]).state == "scored")
    assert ann.get(sent.headers["location"]).json()["state"] == "scored"

    first = next(row["pid"] for row in serving.log() if row["event"] == "a worker begins")
    os.kill(first, signal.SIGKILL)
    _until(lambda: [row for row in serving.log() if row["event"] == "the worker ended" and row["code"] == -9])
    again = _until(lambda: [row["pid"] for row in serving.log() if row["event"] == "a worker begins"][1:])[0]
    table = "/api/v1/tables/test/jaccard.json"
    _until(lambda: load_table(board, "test", "jaccard").rows)  # by the first or, if it was killed too early, the next

    assert serving.end(signal.SIGTERM) == 0
    assert "The board has ended." in serving.out.read_text()
    assert not Path(f"/proc/{again}").exists()
    assert "Traceback" not in serving.err.read_text()
    assert ann.token not in serving.err.read_text() + serving.out.read_text()

    # A second time on the same board, without a worker, ended by Ctrl-C.
    serving = start_bench("leaderboard", "serve", "--port", "0", "--no-worker")
    url = serving.said(r"The board is at (http://127\.0\.0\.1:\d+)/")[1]
    assert caller(url).get(table).json()["rows"][0]["system"] == "Careful"
    assert not [row for row in serving.log() if row["event"] == "a worker begins"]
    assert serving.end(signal.SIGINT) == 0


def test_a_restored_backup_is_served_with_a_log_so_that_readers_wait_for_no_writer(
    board: Any, start_bench: Make, tmp_path: Path
) -> None:
    restored = tmp_path / "restored.sqlite"
    backup_board(board, restored)
    with closing(sqlite3.connect(restored)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    serving = start_bench("leaderboard", "serve", "--port", "0", "--no-worker", "--db", str(restored))
    serving.said(r"The board is at ")
    with closing(sqlite3.connect(restored)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert serving.end(signal.SIGTERM) == 0


def test_a_port_in_use_and_a_host_that_is_none_are_said(leaderboard: Make, new_board: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = leaderboard("serve", "--port", str(port), "--db", str(new_board))
    assert code == 2
    assert f"port {port}: Address already in use" in err
    code, _, err = leaderboard("serve", "--host", "no.such.host.invalid", "--db", str(new_board))
    assert (code, "There is no host" in err) == (2, True)


def test_a_board_that_is_not_there_or_is_another_is_not_served(
    leaderboard: Make, new_board: Path, tmp_path: Path
) -> None:
    serve = ("serve", "--port", "0", "--db")
    for arguments, said in (
        ((str(tmp_path / "none.sqlite"),), "--data DATA makes one"),
        ((str(new_board), "--contract", "demo"), "differs in --contract"),
        ((str(new_board), "--data", "v3=/nowhere", "--title", "x"), "differs in --data, --title"),
        (("postgresql://a:pass@h/x",), "a password can be read"),
        ((str(new_board), "--public-url", "board.example.org"), "is not the address of a board"),
        ((str(new_board), "--port", "99999"), "99999 is not in the range"),
    ):
        code, _, err = leaderboard(*serve, *arguments)
        assert code == 2
        assert said in err
        assert "pass@" not in err
    assert not (tmp_path / "none.sqlite").exists()


def test_a_worker_that_can_never_begin_ends_the_server_with_its_reason(
    start_bench: Make, make_board: Make, tmp_path: Path, shared: Path
) -> None:
    import shutil

    data = tmp_path / "data"
    shutil.copytree(shared / "data" / "elife_pilot", data)
    board = make_board(tmp_path / "pilot.sqlite", data=data)
    board.close()
    shutil.rmtree(data)
    serving = start_bench("leaderboard", "serve", "--port", "0", "--db", str(tmp_path / "pilot.sqlite"))
    assert serving.process.wait(120) == 4
    said = serving.err.read_text()
    assert "The worker cannot begin" in said
    assert "pilot.sqlite" in said.partition("It said:")[2] or "data" in said.partition("It said:")[2]
    assert "--no-worker" in said


def _worker(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def test_a_worker_that_keeps_ending_is_started_ever_more_slowly(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    script = f"import time; open({str(starts)!r}, 'a').write(f'{{time.monotonic()}}\\n'); raise SystemExit(1)"
    supervisor = Supervisor(_worker(script), os.environ, lambda code, said: None, first_pause=0.1)
    supervisor.start()
    times = _until(lambda: starts.exists() and len(lines := starts.read_text().split()) >= 4 and lines)
    supervisor.stop()
    moments = [float(one) for one in times]
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    assert pauses[0] >= 0.1
    assert pauses[1] >= 0.2
    assert pauses[2] >= 0.4


def test_only_the_first_worker_is_hopeless_and_only_for_reasons_that_stay(tmp_path: Path) -> None:
    told: list[tuple[int, str]] = []

    def tell(code: int, said: str) -> None:
        told.append((code, said))

    script = "import sys; print('no encoder \\x1b[2J', file=sys.stderr); raise SystemExit(3)"
    first = Supervisor(_worker(script), os.environ, tell, first_pause=0.05)
    first.start()
    _until(lambda: told)
    first.stop()
    assert told == [(3, "no encoder \\x1b[2J")]
    counter = tmp_path / "n"
    script = (
        f"import pathlib; p = pathlib.Path({str(counter)!r}); n = int(p.read_text()) if p.exists() else 0\n"
        "p.write_text(str(n + 1)); raise SystemExit(1 if n == 0 else 4)"
    )
    later = Supervisor(_worker(script), os.environ, tell, first_pause=0.05)
    later.start()
    _until(lambda: counter.exists() and int(counter.read_text() or 0) >= 3)
    later.stop()
    assert len(told) == 1


def test_a_worker_that_does_not_end_when_told_is_killed(tmp_path: Path) -> None:
    deaf = tmp_path / "deaf"
    script = (
        "import pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"pathlib.Path({str(deaf)!r}).touch(); time.sleep(600)"
    )
    supervisor = Supervisor(_worker(script), os.environ, lambda code, said: None, grace=0.2)
    supervisor.start()
    pid = _until(lambda: supervisor.pid)
    _until(deaf.exists)
    supervisor.stop()
    assert supervisor.pid is None
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a worker outlives a killed server, and ends by its lease"
)
def test_a_worker_ends_when_its_server_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, sys, time\n"
        "from bioreview_bench.leaderboard.serving.supervisor import Supervisor\n"
        "s = Supervisor([sys.executable, '-c', 'import time; time.sleep(600)'], os.environ, print)\n"
        "s.start()\n"
        "while s.pid is None: time.sleep(0.01)\n"
        "print(s.pid, flush=True); time.sleep(600)"
    )
    server = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    pid = int(server.stdout.readline())
    server.kill()
    server.wait()
    server.stdout.close()
    _until(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    """False for a process that has ended, whether or not somebody has asked how."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_the_worker_gets_the_board_by_its_environment_and_no_submitters_token() -> None:
    made = worker_environment({"PATH": "/bin", "BIOREVIEW_TOKEN": "brb_x"}, "postgresql://u:p@h/b")
    assert made == {"PATH": "/bin", "BIOREVIEW_DB": "postgresql://u:p@h/b"}
