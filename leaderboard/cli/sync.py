"""`bench leaderboard sync`: take in what was merged into a dataset repository on the Hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bioreview_bench.cli import options

from .options import board, db_option

if TYPE_CHECKING:
    from ..store.database import Database
    from ..submit.hub_target import MergedFolder


@click.command()
@click.argument("repository", metavar="hf://datasets/OWNER/NAME")
@db_option
@click.option("--revision", default="main", show_default=True, help="Branch or commit of the repository.")
@click.option(
    "--user",
    metavar="NAME",
    help="Take all of them in for this user. Default: a user for each organisation that a card names, made when new.",
)
@options.format_option("text", "json")
@options.quiet_option
def sync(repository: str, db: str, revision: str, user: str | None, form: str, quiet: bool) -> None:
    """Take the submissions in that were merged into a dataset repository; a running worker scores them.

    Merging a pull request is what admits a submission, so merge only what comes from the team that it names. What was
    taken in before is left alone; what cannot be taken in is listed, and the next sync tries it again.

    \b
    Examples:
      bench leaderboard sync hf://datasets/OWNER/NAME --db /srv/board.sqlite
      bench leaderboard sync hf://datasets/OWNER/NAME --user ann

    \b
    Exit codes: 0 done, 2 some were refused or bad usage, 5 the Hub does not answer.
    """
    from bioreview_bench.errors import BenchError, InputError, Problem, printable

    from ..store.settings import get_settings
    from ..store.users import find_user
    from ..submit.hub_target import merged, parse_address

    messages = options.Messages(quiet)
    repo = parse_address(repository)
    taken: dict[str, str] = {}
    refused: dict[str, BenchError] = {}
    known = 0
    with board(db) as database:
        if user is not None:
            find_user(database, user)
        for found in merged(repo, revision, get_settings(database).limits):
            if isinstance(found, tuple):
                refused[found[0]] = found[1]
                continue
            try:
                submission, created = _take(database, found, user)
            except InputError as error:
                refused[found.name] = error
                continue
            known += not created
            if created:
                taken[found.name] = submission
                messages.say(f"{found.name} is taken in as {submission}.")
    if form == "json":
        rows = {name: str(error.message) for name, error in refused.items()}
        options.show_json({"taken": taken, "known": known, "refused": rows})
    else:
        click.echo(f"{len(taken)} taken in, {known} known already, {len(refused)} refused.")
    if refused:
        problems = [Problem(f"{name}: {printable(error.message, 300)}") for name, error in refused.items()]
        raise InputError(f"{len(refused)} submissions of {repo} were refused.", problems=problems)


def _take(database: Database, found: MergedFolder, user: str | None) -> tuple[str, bool]:
    """(the submission, whether it is new). Raises InputError when it is rejected, too."""
    from bioreview_bench.errors import InputError, Problem

    from ..intake.check import validate_received
    from ..store.status import status as submission_status
    from ..store.submissions import receive
    from ..store.users import find_user
    from ..submit.hub_target import user_for

    owner = find_user(database, user) if user is not None else user_for(database, found.package.card)
    submission, created = receive(database, owner.id, found.split, found.package, marked=found.marked)
    if created:
        validate_received(database, submission)
    status = submission_status(database, submission)
    if created and status.state == "rejected":
        listed = [Problem(one.message, one.line) for one in status.problems]
        first = f": {listed[0]}" if listed else ""
        raise InputError(f"{submission} is rejected, {status.n_problems:,} problems{first}", problems=listed)
    return submission, created
