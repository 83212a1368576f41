"""`bench leaderboard export`, `import`, `backup` and `build`: a board written to files, and read back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from .options import board, db_option

_file = click.argument("file", metavar="FILE", type=click.Path(path_type=Path))


@click.command()
@_file
@db_option
def export(file: Path, db: str) -> None:
    """Write the board to FILE, a .zip: settings, users without tokens, submissions, predictions, results.

    For moving a board (also from SQLite to PostgreSQL), merging it into another, or keeping it. It holds outcomes of
    single articles of held-out splits: keep it among maintainers. An unchanged board gives the same bytes.

    \b
    Examples:
      bench leaderboard export board.zip
      bench leaderboard export board.zip --db postgresql://board@db.example.org/board
    """
    from ..archive.export import export_board

    with board(db) as opened:
        n = export_board(opened, file)
    click.echo(f"Wrote {n:,} submissions to {file}.")


@click.command("import")
@_file
@db_option
def import_(file: Path, db: str) -> None:
    """Take in the board that FILE holds: into a new one, or into one of the same splits and contracts.

    Nothing is overwritten, and doing it twice changes nothing. Users come without tokens: user renew gives them one.

    \b
    Examples:
      bench leaderboard import board.zip --db new.sqlite
      bench leaderboard import board.zip --db postgresql://board@db.example.org/board
    """
    from ..archive.import_ import import_board
    from ..store.database import Database
    from ..worker.tables import rebuild_tables

    with closing(Database(db)) as opened:
        taken = import_board(opened, file)
        rebuild_tables(opened)
    click.echo(
        f"{taken.n_submissions:,} submissions, {taken.n_results:,} results and {taken.n_users:,} users were new; "
        f"{taken.n_known:,} submissions were already there."
    )


@click.command()
@_file
@db_option
def backup(file: Path, db: str) -> None:
    """Copy a SQLite board to FILE while it is in use, and check the copy. To restore: end the server, put it in place.

    A FILE that exists is never overwritten. A board in PostgreSQL is backed up by pg_dump.

    \b
    Examples:
      bench leaderboard backup "board-$(date +%F).sqlite" --db /srv/board.sqlite
    """
    from ..archive.export import backup_board

    with board(db) as opened:
        size = backup_board(opened, file)
    click.echo(f"Wrote {file} ({size / 1e6:,.1f} MB); it is complete.")


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--public-url", metavar="URL", help="Where people will find it, for its feed, badges and previews.")
@db_option
def build(out: Path, public_url: str | None, db: str) -> None:
    """Write the board's pages to the folder OUT as a static site.

    The same pages as the server's, without forms: tables in every part of the articles, systems, comparisons of the
    first 24 ranked systems, JSON and CSV. OUT is replaced as a whole; when nothing changed, not a byte does. Open
    OUT/index.html, or copy OUT to any web server.

    \b
    Examples:
      bench leaderboard build public
      bench leaderboard build /srv/www/board --db /srv/board.sqlite --public-url https://board.example.org
    """
    from ..serving.serve import check_public
    from ..web.static_site import build as build_site

    with board(db) as opened:
        built = build_site(opened, out, check_public(public_url) or "")
    state = "written" if built.changed else "up to date, nothing was touched"
    click.echo(f"{out}: {built.n_files:,} files for {built.n_systems:,} systems; {state}.")
