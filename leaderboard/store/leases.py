"""Leases: a submission that is being scored or validated belongs to one worker for some time.

A worker that is killed leaves a lease behind; `release_stale` gives its submission to the next one. Only the holder of
the lease can record anything, so whatever a slow or forgotten worker still computes is dropped.

Which process holds a lease, and whether it is still alive.

A name says machine, PID namespace, process id and when the process began, so that neither a reused id nor another
container is taken for it. Where the system does not tell (no /proc), only the lease's end tells.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from .common import State, bump, find, move, now
from .database import Database
from .models import Submission, arrival

# Poison files must not stop the queue for ever; five, because an operator may kill a worker for other reasons.
MAX_ATTEMPTS: Final = 5
LEASE_SECONDS: Final = 60


@dataclass(frozen=True)
class Claim:
    """A submission to score, for the one who holds its lease."""

    id: str
    split: str
    team: str
    predictions_sha256: str
    card: dict[str, Any]
    attempt: int


def claim(db: Database, worker: str, seconds: float = LEASE_SECONDS) -> Claim | None:
    """Take the next queued submission: the least often tried, then the oldest. None when there is none."""
    with db.session() as session:
        query = select(Submission).where(Submission.state == "queued")
        query = query.order_by(Submission.attempts, arrival()).limit(1)
        row = session.scalar(query.with_for_update(skip_locked=True))
        if row is None:
            return None
        row.attempts += 1
        move(session, row, "scoring", None if row.attempts == 1 else f"attempt {row.attempts}")
        hold(row, worker, seconds)
        return Claim(row.id, row.split, row.team, row.predictions_sha256, row.card, row.attempts)


def extend(db: Database, submission_id: str, worker: str, seconds: float = LEASE_SECONDS) -> bool:
    """Hold on to a submission; False when it is no longer this worker's."""
    with db.session() as session:
        row = find(session, submission_id)
        if row.leased_by != worker:
            return False
        row.leased_until = now() + timedelta(seconds=seconds)
        return True


def give_back(db: Database, submission_id: str, worker: str, reason: str) -> bool:
    """Put a claimed submission back into the queue without counting the attempt; False when it was lost."""
    return _let_go(db, submission_id, worker, "queued", reason)


def fail(db: Database, submission_id: str, worker: str, reason: str) -> bool:
    """Record that a claimed submission cannot be scored, and why; False when it was lost."""
    return _let_go(db, submission_id, worker, "failed", reason)


def _let_go(db: Database, submission_id: str, worker: str, state: State, reason: str) -> bool:
    with db.session() as session:
        row = find(session, submission_id)
        if row.leased_by != worker or row.state != "scoring":
            return False
        if state == "queued":
            row.attempts = max(0, row.attempts - 1)
        move(session, row, state, reason)
        bump(session, split=row.split)
        return True


def release_stale(db: Database) -> list[str]:
    """Free what killed workers held; returns the ids.

    At once when the process is dead and ran on this machine, otherwise when its lease ended. What was being scored
    goes back to the queue, or is failed after MAX_ATTEMPTS; what was being validated is received again. A lease that
    was written before the clock was set back ends within LEASE_SECONDS from now, unless its holder extends it.
    """
    if not any(_is_stale(row) or _is_from_the_future(row) for row in _held(db)):
        return []
    with db.session() as session:
        query = select(Submission).where(Submission.leased_by.is_not(None)).order_by(Submission.id)
        held = list(session.scalars(query.with_for_update(skip_locked=True)))
        for row in filter(_is_from_the_future, held):
            row.leased_until = now() + timedelta(seconds=LEASE_SECONDS)
        freed = [row for row in held if _is_stale(row)]
        for row in freed:
            _free(session, row)
        for split in sorted({row.split for row in freed}):
            bump(session, split=split)
        return [row.id for row in freed]


def hold(row: Submission, worker: str, seconds: float) -> None:
    """Write a lease into a row."""
    row.leased_by, row.leased_until = worker, now() + timedelta(seconds=seconds)


def _held(db: Database) -> list[Submission]:
    with db.reading() as session:
        return list(session.scalars(select(Submission).where(Submission.leased_by.is_not(None))))


def _is_stale(row: Submission) -> bool:
    return row.leased_by is None or row.leased_until is None or row.leased_until < now() or is_dead(row.leased_by)


def _is_from_the_future(row: Submission) -> bool:
    """True for a lease that ends later than any could that was written now; clocks of machines differ by seconds."""
    return row.leased_until is not None and row.leased_until > now() + timedelta(seconds=2 * LEASE_SECONDS)


def _free(session: Session, row: Submission) -> None:
    if row.state == "validating":
        move(session, row, "received", "checking was interrupted; it starts again")
    elif row.state == "scoring" and row.attempts >= MAX_ATTEMPTS:
        move(session, row, "failed", f"the worker ended {row.attempts} times while scoring it")
    elif row.state == "scoring":
        move(session, row, "queued", "the worker ended while scoring it")


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
