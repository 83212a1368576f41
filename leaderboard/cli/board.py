"""`bench leaderboard init`, `settings`, `upgrade`, `rescore` and `disqualify`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli import options

from .options import board, db_option

MAX_REASON = 300


@click.command()
@options.data_option
@click.option("--split", "splits", multiple=True, metavar="SPLIT", help="May be repeated. Default: test.")
@click.option(
    "--contract",
    "contracts",
    multiple=True,
    metavar="NAME|FILE",
    help=f"May be repeated; all are scored. Default: {options.DEFAULT_CONTRACT}.",
)
@click.option("--ranking", metavar="NAME", help="The contract that ranks. Default: a calibrated one, else the first.")
@click.option("--title", metavar="TEXT", help="What the board is called.")
@db_option
def init(data: str, splits: tuple[str, ...], contracts: tuple[str, ...], db: str, **named: str | None) -> None:
    """Make a board: its database, and what it is about. Ids of the articles are kept in it, references are not.

    \b
    Examples:
      bench leaderboard init --data demo
      bench leaderboard init --data v3=/data/v3 --contract v3 --contract reader --db /srv/board.sqlite
    """
    from .. import boards
    from ..store.database import Database

    given = {key: value for key, value in named.items() if value is not None}
    with closing(Database(db)) as opened:
        settings = boards.set_up(opened, data, splits or ("test",), contracts, **given)
    click.echo(f"Made the board {opened}: {settings.data}, {', '.join(settings.splits)}, ranked by {settings.ranking}.")
    click.echo("Next: bench leaderboard user add NAME --team TEAM, then bench leaderboard serve")


@click.command()
@click.option("--title", metavar="TEXT", help="What the board is called.")
@click.option("--data", metavar="DATA", help="Read the splits again from here. Then rescore.")
@click.option(
    "--add-contract", multiple=True, metavar="NAME|FILE", help="Score under this contract, too. Then rescore."
)
@click.option("--remove-contract", multiple=True, metavar="NAME", help="Its results are kept, not shown.")
@click.option("--ranking", metavar="NAME", help="The contract that ranks.")
@click.option("--draws", type=click.IntRange(0, 100_000), help="Bootstrap draws. Then rescore.")
@click.option("--allow-unverified/--refuse-unverified", default=None, help="Unverified encoders and data.")
@click.option("--per-day", type=click.IntRange(min=1), help="Submissions of a team and day (UTC), rejected ones apart.")
@click.option("--uploads-per-day", type=click.IntRange(min=1), help="Files of a team and day, refused ones too.")
@click.option("--requests-per-minute", type=click.IntRange(min=1), help="Of a user, or of an address without one.")
@click.option("--upload-bytes", type=click.IntRange(min=1), help="The largest upload.")
@click.option("--concerns", type=click.IntRange(min=1), help="In one submission.")
@click.option("--concerns-per-article", type=click.IntRange(min=1), help="In one submission.")
@click.option("--contact", metavar="TEXT", help="Whom to write to, for a token too: an address or a sentence.")
@click.option("--hub-dataset", metavar="OWNER/NAME", help="The dataset repository that is the benchmark on the Hub.")
@click.option("--human", metavar="FILE", help="JSON with the rows of human reviewers in the tables.")
@db_option
def settings(
    db: str, add_contract: tuple[str, ...], remove_contract: tuple[str, ...], human: str | None, **given: Any
) -> None:
    """Show the board's settings as JSON, after changing those that are given.

    A worker takes changes over by itself. Limits apply to what is submitted from now on.

    \b
    Examples:
      bench leaderboard settings
      bench leaderboard settings --per-day 2 --title "Reviewers of the lab"
      bench leaderboard settings --add-contract calibrated.toml --ranking calibrated
      bench leaderboard rescore --missing
      bench leaderboard settings --contact board@example.org --human human.json
    """
    from .. import boards
    from ..settings import Limits
    from ..store.settings import get_settings

    wanted = {key: value for key, value in given.items() if value is not None}
    if human is not None:
        wanted["human"] = _human_rows(Path(human))
    limits = {key: wanted.pop(key) for key in list(wanted) if key in Limits.model_fields}
    with board(db) as opened:
        if wanted or limits or add_contract or remove_contract:
            boards.alter(opened, wanted, limits, add_contract, remove_contract)
            click.echo("Changed.", err=True)
        shown = get_settings(opened)
    options.show_json(shown.model_dump(mode="json"))


def _human_rows(file: Path) -> list[Any]:
    """The rows of a file `{"human": [...]}`; each is checked with the settings."""
    from bioreview_bench.errors import InputError
    from bioreview_bench.files.reading import read_json

    remedy = 'write {"human": [{"split": "test", "contract": "v3", "f1": 0.31}]}; docs/leaderboard.md has all fields'
    rows = read_json(file, InputError, remedy).get("human")
    if not isinstance(rows, list):
        raise InputError(f'{file} has no list "human".', remedy=remedy)
    return rows


@click.command()
@db_option
def upgrade(db: str) -> None:
    """Bring a board that an older release made to this release's schema. Back it up before.

    \b
    Example:
      bench leaderboard backup before.sqlite && bench leaderboard upgrade
    """
    from bioreview_bench.errors import InputError

    from ..boards import has_settings, outdated
    from ..intake.check import keep_wording
    from ..store.database import Database

    with closing(Database(db)) as opened:
        if not opened.is_board():
            raise InputError(f"There is no board in {opened}.", remedy="bench leaderboard init makes one")
        opened.create_or_upgrade()
        n = keep_wording(opened) if has_settings(opened) else 0
        if n:
            click.echo(f"Prepared {n:,} submissions for finding near copies.", err=True)
        n_outdated = len(outdated(opened)) if has_settings(opened) else 0
    click.echo(f"{opened} has this release's schema.")
    if n_outdated:
        click.echo(f"{n_outdated:,} of its scores lack what this release shows beside them, such as intervals.")
        click.echo("Next: bench leaderboard rescore --missing")


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="Everything that is scored or failed.")
@click.option("--failed", is_flag=True, help="What failed.")
@click.option("--missing", is_flag=True, help="What has no result under a contract and data of today.")
@click.option("--dry-run", is_flag=True, help="Only list them.")
@db_option
def rescore(ids: tuple[str, ...], everything: bool, failed: bool, missing: bool, dry_run: bool, db: str) -> None:
    """Put submissions back into the queue: after a contract, data or this package changed, or what made them fail.

    The worker scores them from the stored predictions. Until then their old results stay on the board.

    \b
    Examples:
      bench leaderboard rescore --missing
      bench leaderboard rescore s_0123456789abcdef
      bench leaderboard rescore --all --dry-run
    """
    from bioreview_bench.errors import InputError

    from .. import boards
    from ..store.submissions import requeue, submissions_with

    if sum([bool(ids), everything, failed, missing]) != 1:
        raise InputError("Which submissions?", remedy="name ids, or one of --all, --failed, --missing")
    with board(db) as opened:
        if ids:
            chosen = list(ids)
        elif missing:
            chosen = boards.outdated(opened)
        else:
            chosen = submissions_with(opened, ("failed",) if failed else ("scored", "failed"))
        for submission_id in chosen:
            if not dry_run:
                requeue(opened, submission_id, "the maintainers had it scored again")
            click.echo(submission_id)
    click.echo(f"{len(chosen):,} submissions{' would be' if dry_run else ''} queued.", err=True)


@click.command()
@click.argument("submission", metavar="ID")
@click.option("--reason", metavar="TEXT", help="Shown on the board: disqualified, because ...")
@click.option("--lift", is_flag=True, help="It was wrong: the submission ranks as it did before.")
@db_option
def disqualify(submission: str, reason: str | None, lift: bool, db: str) -> None:
    """Take the submission ID out of the ranking. It stays listed, with the reason; its team gets no other place.

    \b
    Examples:
      bench leaderboard disqualify s_0123456789abcdef --reason "It copies the references."
      bench leaderboard disqualify s_0123456789abcdef --lift
    """
    from bioreview_bench.errors import InputError

    from ..names import unfit_text
    from ..store.submissions import disqualify as disqualify_submission

    if lift == (reason is not None):
        raise InputError("Disqualified, because?", remedy='--reason "TEXT", or --lift')
    odd = None if reason is None else unfit_text(reason, MAX_REASON)
    if odd is not None:
        raise InputError(f"The reason {odd}.", remedy=f"use one line of at most {MAX_REASON} visible characters")
    with board(db) as opened:
        disqualify_submission(opened, submission, reason)
    click.echo(f"{submission} is {'in the ranking again' if lift else 'disqualified'}.")
