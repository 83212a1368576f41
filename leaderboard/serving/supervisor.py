"""Keeps one worker process alive beside a server.

A worker that ends is started again, after a pause that grows while it keeps ending. If the very first one cannot start
(no encoder, no data), that is said: then the board was never able to score. What a worker says goes into the log.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from bioreview_bench.errors import printable

from ..http.logs import logger

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds
_SOUND = 300.0  # seconds after which a worker counts as having been well
_NICE = 10  # scoring waits rather than a reader
_GRACE = 25.0  # seconds for a worker to finish or give back what it scores
_TAIL, _LINE = 12, 500  # lines that are kept, characters of one
_CONFIGURATION = (2, 3, 4)  # exit codes that another attempt does not change


class Supervisor:
    """`command` starts a worker. `on_hopeless` is told when the first one cannot work at all: exit code, last lines."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        on_hopeless: Callable[[int, str], None],
        *,
        first_pause: float = _FIRST_PAUSE,
        grace: float = _GRACE,
    ) -> None:
        self._command, self._environment, self._on_hopeless = list(command), dict(environment), on_hopeless
        self._first_pause, self._grace = first_pause, grace
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._tail: deque[str] = deque(maxlen=_TAIL)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name="supervisor", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id of the worker that runs now."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def start(self) -> None:
        """Start the first worker; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the worker: it may finish or give back what it scores, and is killed when that takes too long."""
        self._ending.set()
        with self._lock:
            process = self._process
        if process is not None and process.poll() is None:
            _signal(process, signal.SIGTERM)
            try:
                process.wait(self._grace)
            except subprocess.TimeoutExpired:
                logger().warning("the worker did not end in time and is killed")
                _signal(process, signal.SIGKILL)
                process.wait()
        self._thread.join()

    def _keep(self) -> None:
        pause, first = self._first_pause, True
        while not self._ending.is_set():
            began = time.monotonic()
            code = self._run()
            if self._ending.is_set():
                return
            lasted = time.monotonic() - began
            if first and code in _CONFIGURATION:
                self._on_hopeless(code, "\n".join(self._tail))
                return
            first = False
            pause = self._first_pause if lasted > _SOUND else pause
            logger().error(
                "the worker ended", extra={"fields": {"code": code, "after_s": round(lasted, 1), "pause_s": pause}}
            )
            self._ending.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _run(self) -> int:
        """Start a worker and wait until it ends; its exit code."""
        with self._lock:
            if self._ending.is_set():
                return 0
            # A session of its own: Ctrl-C reaches the server only, which then ends the worker in good order.
            process = self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=self._environment,
                start_new_session=True,
                preexec_fn=_as_a_worker if os.name == "posix" else None,
            )
        logger().info("a worker begins", extra={"fields": {"pid": process.pid}})
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                said = printable(line.decode(errors="replace").rstrip(), _LINE)
                self._tail.append(said)
                logger().info("worker", extra={"fields": {"pid": process.pid, "says": said}})
        return process.wait()


def worker_command() -> list[str]:
    """`bench leaderboard worker` by this very Python; the board is named in the environment, not for all to see."""
    return [sys.executable, "-c", "from bioreview_bench.cli import main; main()", "leaderboard", "worker"]


def worker_environment(given: Mapping[str, str], db: str) -> dict[str, str]:
    """The server's environment with the board's address, and without any submitter's token."""
    return {name: value for name, value in given.items() if name != "BIOREVIEW_TOKEN"} | {"BIOREVIEW_DB": db}


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _as_a_worker() -> None:
    """In the child: let pages go first, and be told to end when the server is killed without a chance to say so."""
    os.nice(_NICE)
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as group:  # else niceness ends at the session
        group.write(str(_NICE))
    if _LIBC is not None:
        _LIBC.prctl(1, int(signal.SIGTERM), 0, 0, 0)  # PR_SET_PDEATHSIG
