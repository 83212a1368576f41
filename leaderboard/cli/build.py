"""`bench leaderboard build`."""

from __future__ import annotations

from pathlib import Path

import click

from .options import board, db_option


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@db_option
def build(out: Path, db: str) -> None:
    """Write the board's pages to the folder OUT as a static site.

    The same pages as the server's, without forms: tables in every part of the articles, systems, comparisons of the
    first 24 ranked systems, JSON and CSV. OUT is replaced as a whole; when nothing changed, not a byte does. Open
    OUT/index.html, or copy OUT to any web server.

    \b
    Examples:
      bench leaderboard build public
      bench leaderboard build /srv/www/board --db /srv/board.sqlite
    """
    from ..web.static_site import build as build_site

    with board(db) as opened:
        built = build_site(opened, out)
    state = "written" if built.changed else "up to date, nothing was touched"
    click.echo(f"{out}: {built.n_files:,} files for {built.n_systems:,} systems; {state}.")
