"""`bench leaderboard`: run a board and keep it."""

from __future__ import annotations

import click

from bioreview_bench.cli.lazy import LazyGroup

from .options import require_leaderboard

_HERE = "bioreview_bench.leaderboard.cli."

_COMMANDS: dict[str, tuple[str, str]] = {
    "init": (_HERE + "board:init", "Make a board."),
    "serve": (_HERE + "serve:serve", "Serve a board: pages, API and a worker."),
    "sync": (_HERE + "sync:sync", "Take in submissions merged into a Hub repository."),
    "worker": (_HERE + "serve:worker", "Score what is submitted."),
    "user": (_HERE + "user:user", "Add, list, renew and revoke those who may submit."),
    "settings": (_HERE + "board:settings", "Show and change what a board is about and what it allows."),
    "rescore": (_HERE + "board:rescore", "Have submissions scored again."),
    "disqualify": (_HERE + "board:disqualify", "Take a submission out of the ranking, and say why."),
    "build": (_HERE + "archive:build", "Write the pages as a static site."),
    "eval-results": (_HERE + "publish:eval_results", "Write a system's scores for its repository on the Hub."),
    "export": (_HERE + "archive:export", "Write a board to one file, without tokens."),
    "import": (_HERE + "archive:import_", "Take an exported board in."),
    "backup": (_HERE + "archive:backup", "Copy a SQLite board while it runs."),
    "upgrade": (_HERE + "board:upgrade", "Bring a board of an older release up to date."),
}


@click.group(
    cls=LazyGroup, table=_COMMANDS, before=require_leaderboard, short_help="Run a board: serve, score, export, back up."
)
def leaderboard() -> None:
    """Run a board that rescores what is submitted, and keep it for years.

    \b
    Examples:
      bench leaderboard serve --data demo
      bench leaderboard init --data v3=FOLDER --contract v3 --contract reader
      bench leaderboard user add ann --team "Ann's lab"
      bench leaderboard backup board-2026-01-31.sqlite
    """
