"""`bench leaderboard user`: who may submit."""

from __future__ import annotations

import sys

import click

from bioreview_bench.cli import options

from .options import board, db_option


@click.group()
def user() -> None:
    """Add users, list them, confirm their organisations, give them new tokens, revoke them.

    \b
    Examples:
      bench leaderboard user add ann --team "Ann's lab"
      bench leaderboard user add baselines --team "bioreview-bench" --ranks-all
      bench leaderboard user list
      bench leaderboard user renew ann
      bench leaderboard user confirm ann "University of Example"
      bench leaderboard user revoke ann
    """


@user.command()
@click.argument("name")
@click.option("--team", metavar="TEXT", help="Whose submissions they are on the board. Default: NAME.")
@click.option("--maintainer", is_flag=True, help="May see and withdraw everybody's submissions.")
@click.option("--ranks-all", is_flag=True, help="Every system of the team ranks, not one: for baselines.")
@click.option(
    "--organisation",
    "organisations",
    multiple=True,
    metavar="TEXT",
    help="Confirmed as the team's; may be repeated. Cards that name another are flagged.",
)
@db_option
def add(
    name: str, team: str | None, maintainer: bool, ranks_all: bool, organisations: tuple[str, ...], db: str
) -> None:
    """Add the user NAME and print the token, alone on stdout. It is shown only once; the board keeps only its hash.

    \b
    Example, into a file that only you can read:
      (umask 077; bench leaderboard user add ann --team "Ann's lab" > ann.token)
    """
    from ..store.users import add_user

    with board(db) as opened:
        token = add_user(
            opened, name, team or name, maintainer=maintainer, ranks_all=ranks_all, organisations=organisations
        )
    click.echo(f"Added {name}. The token is shown only once:", err=True)
    click.echo(token)


@user.command("list")
@options.format_option("text", "json")
@db_option
def list_(form: str, db: str) -> None:
    """Show all users.

    \b
    Examples:
      bench leaderboard user list
    """
    from ..store.users import list_users

    with board(db) as opened:
        users = list_users(opened)
    if form == "json":
        fields = [
            {
                "name": one.name,
                "team": one.team,
                "maintainer": one.is_maintainer,
                "ranks_all": one.ranks_all,
                "submissions": one.n_submissions,
                "created_at": one.created_at.isoformat(timespec="seconds"),
                "revoked_at": one.revoked_at and one.revoked_at.isoformat(timespec="seconds"),
            }
            for one in users
        ]
        options.show_json(fields)
        return
    if not users:
        click.echo("No users yet. Next: bench leaderboard user add NAME --team TEAM")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("name", "team", "submissions", "since", "", box=None, pad_edge=False)
    for one in users:
        notes = [
            *(["maintainer"] if one.is_maintainer else []),
            *(["every system ranks"] if one.ranks_all else []),
            *([f"revoked {one.revoked_at:%Y-%m-%d}"] if one.revoked_at else []),
        ]
        table.add_row(
            one.name, Text(one.team), f"{one.n_submissions:,}", f"{one.created_at:%Y-%m-%d}", ", ".join(notes)
        )
    Console(file=sys.stdout).print(table)


@user.command()
@click.argument("name")
@click.argument("organisation")
@db_option
def confirm(name: str, organisation: str, db: str) -> None:
    """Confirm that an organisation is that of a team.

    ORGANISATION is what cards call it; the rows of NAME's team lose the flag.

    \b
    Examples:
      bench leaderboard user confirm ann "University of Example"
    """
    from ..store.users import confirm_organisation

    with board(db) as opened:
        confirm_organisation(opened, name, organisation)
    click.echo(f"{organisation} is confirmed for the team of {name}.")


@user.command()
@click.argument("name")
@db_option
def renew(name: str, db: str) -> None:
    """Give NAME a new token and print it, alone on stdout.

    The old token stops working.

    \b
    Examples:
      bench leaderboard user renew ann
    """
    from ..store.users import renew_token

    with board(db) as opened:
        token = renew_token(opened, name)
    click.echo("The old token no longer works. The new one is shown only once:", err=True)
    click.echo(token)


@user.command()
@click.argument("name")
@db_option
def revoke(name: str, db: str) -> None:
    """End the token of NAME for good. What they submitted stays on the board.

    \b
    Examples:
      bench leaderboard user revoke ann
    """
    from ..store.users import revoke_user

    with board(db) as opened:
        revoke_user(opened, name)
    click.echo(f"{name} may no longer submit.")
