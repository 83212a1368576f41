"""`bench leaderboard worker`."""

from __future__ import annotations

import click

from .options import board, db_option


@click.command()
@db_option
@click.option("--data", metavar="DATA", help="Where the board's data are on this machine. Default: where they were.")
@click.option("--once", is_flag=True, help="Score what is due and end, instead of waiting for more.")
def worker(db: str, data: str | None, once: bool) -> None:
    """Score what is submitted to a board, until Ctrl-C or SIGTERM; then finish the one at hand, or give it back.

    bench leaderboard serve starts one. Several may run, on several machines if the board is in PostgreSQL: each
    submission is scored by one of them, and a killed one's are taken over. What happens is printed on stderr.

    \b
    Examples:
      bench leaderboard worker --db /srv/board.sqlite
      bench leaderboard worker --db postgresql://board@db.example.org/board --data v3=/data/v3
      bench leaderboard worker --once

    \b
    Exit codes: 0 ended as asked, 2 no board, 3 encoder unavailable, 4 data missing or others than the board's,
    5 the database does not answer, 6 cannot write.
    """
    from ..worker import run as work

    with board(db) as opened:
        if once:
            n = work.score_due(opened, data, _say, _encoding)
            click.echo(f"Scored {n:,} {'submission' if n == 1 else 'submissions'}.")
        else:
            work.run_worker(opened, data, _say)


def _say(text: str) -> None:
    click.echo(text, err=True)


def _encoding(done: int, total: int) -> None:
    if done in (0, total):
        click.echo(f"Encoding {total:,} texts ..." if done == 0 else "Encoding finished.", err=True)
