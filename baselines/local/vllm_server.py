"""A `vllm serve` of our own: started on a free port of this machine, waited for, and ended with all its children.

vLLM is not imported: it pins its own torch and may live in an environment of its own. BIOREVIEW_VLLM names another
executable.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from bioreview_bench.errors import EncoderError, InputError, printable

EXECUTABLE = "BIOREVIEW_VLLM"
_TAIL = 20  # lines of output to show when the server dies
_POLL, _GRACE = 0.2, 10.0  # seconds
# The server needs none of the keys that happen to lie in the environment, and its workers would inherit them.
_SECRET = re.compile(r"(API_?KEY|_TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
_OWN_ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}


def executable() -> str | None:
    """Path of the vLLM executable, None when there is none."""
    return shutil.which(os.environ.get(EXECUTABLE) or "vllm")


class VllmServer:
    """`served` is the name under which requests ask for the model; `arguments` follow `vllm serve`.

    `start` and `stop` may be called once each; `stop` also before `start`, and twice.
    """

    def __init__(
        self, arguments: Sequence[str], served: str, *, port: int | None = None, timeout: float = 1800.0
    ) -> None:
        self._arguments, self._served, self._timeout = list(arguments), served, timeout
        self._port = port
        self._process: subprocess.Popen[str] | None = None
        self._tail: deque[str] = deque(maxlen=_TAIL)
        self._reader: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Base URL of its OpenAI-compatible interface, once started."""
        return f"http://127.0.0.1:{self._port}/v1"

    def start(self) -> None:
        """Start, and wait until it answers.

        Raises InputError when the port asked for is taken; EncoderError when vLLM is not installed, dies early (with
        its last lines) or is not ready in time. Whatever happens, nothing is left running but a server that is ready.
        """
        found = executable()
        if found is None:
            raise EncoderError(
                f"vLLM is not installed: there is no executable {os.environ.get(EXECUTABLE) or 'vllm'}.",
                remedy=f"install vllm (an environment of its own is best) and set {EXECUTABLE}=PATH/TO/vllm",
            )
        self._port = _free_port(self._port)
        command = [found, "serve", *self._arguments, "--host", "127.0.0.1", "--port", str(self._port)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=_environment(os.environ),
                start_new_session=True,  # a process group of its own, so that its workers end with it
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise EncoderError(f"Cannot run {found}: {error}.", remedy=f"check {EXECUTABLE}") from error
        try:
            self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
            self._reader.start()
            self._wait()
        except BaseException:
            self.stop()
            raise

    def died(self) -> str | None:
        """What to say when the server is gone, None while it runs."""
        if self._process is None or self._process.poll() is None:
            return None
        if self._reader is not None:
            self._reader.join(timeout=2.0)
        lines = "\n".join(f"    {printable(line, 300)}" for line in self._tail) or "    (it said nothing)"
        return f"vLLM ended with code {self._process.returncode}. Its last lines:\n{lines}"

    def stop(self) -> None:
        """End its whole process group: TERM, and KILL for what is left after ten seconds."""
        process, self._process = self._process, None
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE
        try:
            # Not reaped before the last signal: until then its number, which names the group, is not given away.
            while _running(process) and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:  # a second Ctrl-C, too
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
        if self._reader is not None:
            self._reader.join(timeout=2.0)
        if process.stdout is not None and (self._reader is None or not self._reader.is_alive()):
            process.stdout.close()

    def _wait(self) -> None:
        deadline = time.monotonic() + self._timeout
        while True:
            died = self.died()
            if died is not None:
                raise EncoderError(
                    died, remedy="see what it says; options of vLLM are given as --param serve.NAME=VALUE"
                )
            if self._healthy() and self._serves():
                return
            if time.monotonic() > deadline:
                lines = "\n".join(f"    {printable(line, 300)}" for line in self._tail)
                raise EncoderError(
                    f"vLLM was not ready within {self._timeout:g} s. Its last lines:\n{lines}",
                    remedy="--param startup_timeout=SECONDS",
                )
            time.sleep(_POLL)

    def _healthy(self) -> bool:
        return _get(f"http://127.0.0.1:{self._port}/health") is not None

    def _serves(self) -> bool:
        """True when it is our server that answers, and not one that took the port meanwhile."""
        body = _get(f"{self.url}/models")
        try:
            listed: Any = json.loads(body or b"")["data"]
            return any(model["id"] == self._served for model in listed)
        except (ValueError, KeyError, TypeError):
            return False

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with contextlib.suppress(ValueError):  # closed while it was read
            for line in process.stdout:
                if line.strip():
                    self._tail.append(line.rstrip())


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if not _SECRET.search(name)} | _OWN_ENVIRONMENT


def _free_port(wanted: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just given back is free
        try:
            probe.bind(("127.0.0.1", wanted or 0))
        except (OSError, OverflowError) as error:
            raise InputError(
                f"Port {wanted} cannot be used: {error}.", remedy="--param port=N, or leave it out to take a free one"
            ) from error
        return int(probe.getsockname()[1])


def _get(url: str) -> bytes | None:
    # No proxy stands between this machine and itself, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return bytes(answer.read(1 << 20))
    except (OSError, ValueError):
        return None


def _running(process: subprocess.Popen[str]) -> bool:
    if process.returncode is not None:
        return False
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: a group of zombies
        os.killpg(group, number)


_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    """In the child: be told to end when this process is killed without a chance to say so."""
    if _LIBC is not None:
        _LIBC.prctl(1, int(signal.SIGTERM), 0, 0, 0)  # PR_SET_PDEATHSIG
