"""`bench leaderboard serve` and `worker`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options

from .options import board, db_option

if TYPE_CHECKING:
    import socket

    from ..serving.serve import Address
    from ..store.database import Database


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 is every one.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes one that is free."
)
@db_option
@click.option("--data", metavar="DATA", help="What a new board is about, as for bench evaluate; needed to make one.")
@click.option(
    "--split", "splits", multiple=True, metavar="SPLIT", help="Of a new board; may be repeated. Default: test."
)
@click.option(
    "--contract",
    "contracts",
    multiple=True,
    metavar="NAME|FILE",
    help=f"Of a new board; may be repeated. Default: {options.DEFAULT_CONTRACT}.",
)
@click.option("--ranking", metavar="NAME", help="The contract that ranks. Default: a calibrated one, else the first.")
@click.option("--title", metavar="TEXT", help="Of a new board.")
@click.option(
    "--public-url",
    metavar="URL",
    help="The address that people use, when there is a proxy in front of the board; with https, browsers must use it.",
)
@click.option(
    "--proxy", metavar="ADDRESS", help="The proxy's address; what it says of clients (X-Forwarded-For) is believed."
)
@click.option("--worker/--no-worker", default=True, show_default=True, help="Score with a worker of its own.")
def serve(db: str, host: str, port: int, public_url: str | None, proxy: str | None, worker: bool, **about: Any) -> None:
    """Serve a board: its pages, its API, and one worker that scores what is submitted.

    A board that does not exist is created for --data. The server shuts down cleanly on Ctrl-C or SIGTERM: requests are
    finished, and the worker finishes or gives back what it scores. Its log goes to stderr, one JSON object a line.

    \b
    Examples:
      bench leaderboard serve --data demo
      bench leaderboard serve --data v3=/data/v3 --contract v3 --contract reader --db /srv/board.sqlite
      bench leaderboard serve --public-url https://board.example.org --proxy 127.0.0.1
      bench leaderboard user add ann --team "Ann's lab"

    \b
    Exit codes: 0 ended as asked, 2 bad usage (a port in use), 3 encoder unavailable, 4 data missing, 6 cannot write.
    """
    import sys

    from ..http import logs
    from ..serving.serve import Address, check_public, listen
    from ..serving.serve import serve as run
    from ..store.database import Database

    address = Address(host, port, check_public(public_url), proxy)
    listener = listen(address)
    database = Database(db)
    try:
        _prepare(database, **about)
        logs.configure(sys.stderr)
        ready = partial(_announce, database, address, listener)
        run(database, address, listener, where=db, worker=worker, on_ready=ready)
    finally:
        listener.close()
        database.close()
    click.echo("The board has ended.")


def _prepare(database: Database, data: str | None, splits: Any, contracts: Any, **named: str | None) -> None:
    """Make the board unless it is there; what a new one would be about must then not contradict it."""
    from bioreview_bench.errors import InputError

    from .. import boards
    from ..store.settings import get_settings

    if not boards.is_set_up(database):
        if data is None:
            raise InputError(f"There is no board in {database}.", remedy="--data DATA makes one; --db names another")
        given = {key: value for key, value in named.items() if value}
        try:
            boards.set_up(database, data, splits or ("test",), contracts, **given)
            click.echo(f"Made the board {database}.")
        except boards.BoardExists:  # another server made it meanwhile
            pass
        else:
            return
    database.require_current()
    database.log_ahead()
    kept = get_settings(database)
    asked: dict[str, tuple[Any, Any]] = {
        "--data": (data and boards.absolute(data), kept.data),
        "--split": (splits, kept.splits),
        "--contract": (tuple(one.name for one in boards.load_contracts(contracts)), kept.contracts),
        "--ranking": (named["ranking"], kept.ranking),
        "--title": (named["title"], kept.title),
    }
    wrong = sorted(name for name, (wanted, has) in asked.items() if wanted and wanted != has)
    if wrong:
        raise InputError(
            f"The board {database} already exists, and differs in {', '.join(wrong)}.",
            remedy="leave these out; bench leaderboard settings shows and changes what it is about",
        )


def _announce(database: Database, address: Address, listener: socket.socket) -> None:
    import sys

    from ..serving.serve import url_of

    url = address.public or url_of(listener)
    click.echo(f"The board is at {url}/ (its database: {database}).")
    click.echo(f"Submitters:      bench leaderboard user add NAME --team TEAM --db {database}")
    click.echo(f"Its interface:   {url}/api/docs")
    if not address.secure and address.host not in ("127.0.0.1", "localhost", "::1"):
        click.echo(
            "Warning: other machines reach it without encryption, and tokens can be read on the way. Put a proxy with "
            "HTTPS before it and name it with --public-url and --proxy.",
            err=True,
        )
    click.echo("Ctrl-C ends it.")
    sys.stdout.flush()


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
    from bioreview_bench.cli.options import Messages

    from ..worker import run as work

    with board(db) as opened, Messages(quiet=False) as messages:
        if once:
            n = work.score_due(opened, data, messages.say, messages.encoding)
            click.echo(f"Scored {n:,} {'submission' if n == 1 else 'submissions'}.")
        else:
            work.run_worker(opened, data, messages.say, messages.encoding)
