"""`bench leaderboard`: run a board and keep it."""

from __future__ import annotations

import click

from bioreview_bench.cli.lazy import LazyGroup

_HERE = "bioreview_bench.leaderboard."

_COMMANDS: dict[str, tuple[str, str]] = {}


@click.group(cls=LazyGroup, table=_COMMANDS, short_help="Run a board: serve, score, export, back up.")
def leaderboard() -> None:
    """Run a board that rescores what is submitted, and keep it for years."""
