"""What the timing scripts share: rows of a table, commands in child processes with their peak memory, the machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

# Runs `bench` and prints its peak memory in kB; ru_maxrss of a child would count its parent's.
_CHILD = """
import re, sys
from bioreview_bench.cli.main import run
code = run(sys.argv[1:])
print("peak", re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read()).group(1), file=sys.stderr)
sys.exit(code)
"""


@dataclass(frozen=True)
class Row:
    """One line: what was measured, the value as shown, and the limit or ratio that it is judged by."""

    what: str
    value: str
    beside: str = ""


@dataclass(frozen=True)
class Ran:
    """Wall seconds, peak memory in MB, stdout."""

    seconds: float
    peak: float
    output: str


def bench(*arguments: str) -> Ran:
    """Run a `bench` command in a process of its own, start-up included."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _CHILD, *arguments], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"bench {' '.join(arguments)} left with {done.returncode}:\n{done.stderr}")
    return Ran(seconds, int(done.stderr.rsplit("peak", 1)[1]) / 1024, done.stdout)


def timed(work: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peak_mb() -> float:
    """Peak memory of this process."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def machine() -> list[Row]:
    """Processor, cores, load and versions: no figure means anything without them."""
    names = [line.partition(":")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "torch", "transformers"))
    return [
        Row("processor", f"{names[0].strip() if names else platform.processor()}, {os.cpu_count()} cores"),
        Row("memory", f"{memory:.0f} GiB"),
        Row("load average when this began", " ".join(f"{load:.2f}" for load in os.getloadavg()), "idle below 0.2"),
        Row("versions", f"Python {platform.python_version()}, {libraries}"),
    ]


def show(title: str, rows: Sequence[Row]) -> None:
    """Print rows under a title."""
    print(f"\n## {title}\n\n| what | value | beside |\n| --- | --- | --- |")
    for row in rows:
        print(f"| {row.what} | {row.value} | {row.beside} |")
    sys.stdout.flush()
