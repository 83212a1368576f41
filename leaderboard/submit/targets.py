"""Where a submission goes: a running board, a board's database on this machine, or a repository on the Hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bioreview_bench.errors import InputError, printable

from .hub_target import SCHEME, parse_address

DEFAULT_BOARD = "board.sqlite"


@dataclass(frozen=True)
class RunningBoard:
    """A board that answers at `url`."""

    url: str


@dataclass(frozen=True)
class OnHub:
    """The dataset repository OWNER/NAME."""

    repo: str


@dataclass(frozen=True)
class Local:
    """A database that this machine reaches: the path of a SQLite file, or a PostgreSQL URL."""

    where: str


Target = RunningBoard | OnHub | Local


def parse_target(to: str | None) -> Target:
    """What `--to` names; without it `board.sqlite` in this folder. Raises InputError."""
    if to is None:
        return Local(DEFAULT_BOARD)
    if to.startswith(("http://", "https://")):
        return RunningBoard(to)
    if to.startswith("hf:"):
        return OnHub(parse_address(to))
    if "://" in to and not to.startswith(("postgresql", "postgres", "sqlite")):
        raise InputError(
            f"{printable(to)} is no target.", remedy=f"--to https://HOST, a board's file, or {SCHEME}OWNER/NAME"
        )
    if "://" not in to and Path(to).is_dir():
        raise InputError(f"{to} is a folder.", remedy=f"--to {Path(to) / DEFAULT_BOARD}")
    return Local(to)
