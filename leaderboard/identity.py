"""Which process holds a lease, and whether it is still alive.

A name says machine, PID namespace, process id and when the process began, so that neither a reused id nor another
container is taken for it. Where the system does not tell (no /proc), only the lease's end tells.
"""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path


def worker_name() -> str:
    """A name for one holder of leases in this process; at most 100 characters."""
    pid = os.getpid()
    return f"{_host()}/{pid}/{_began(pid) or '-'}/{secrets.token_hex(4)}"


def is_dead(name: str) -> bool:
    """True when the process of that name certainly runs no more; False when it does, or nobody here can know."""
    parts = name.split("/")
    if len(parts) != 5 or "/".join(parts[:2]) != _host() or parts[3] == "-":
        return False
    return _began(int(parts[2])) != parts[3]


def _host() -> str:
    try:
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        namespace = "-"
    boot = Path("/proc/sys/kernel/random/boot_id")
    booted = boot.read_text().strip()[:8] if boot.is_file() else "-"
    return f"{socket.gethostname()[:30].replace('/', '-')}/{namespace}.{booted}"


def _began(pid: int) -> str | None:
    """Clock ticks from boot to the start of a process; None when it does not run (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]
