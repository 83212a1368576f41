"""`bench data import`: other people's data sets as a data folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli import options
from bioreview_bench.data.vocabulary import SLUG, SOURCES, is_source
from bioreview_bench.errors import InputError, printable


def _list(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from bioreview_bench.curation.formats.registry import described

    formatter = context.make_formatter()
    formatter.write_dl(described())
    click.echo(formatter.getvalue(), nl=False)
    context.exit()


@click.command("import")
@click.argument("form", metavar="FORMAT")
@click.argument("path", type=click.Path(path_type=Path))
@options.path_option("-o", "--output", metavar="FOLDER", text="Data folder to make.")
@click.option("--split-reviews", is_flag=True, help="Find the concerns of whole reviews, by rules.")
@click.option("--source", "venue", metavar="SLUG", help="Name of the venue. Default: what the data say.")
@click.option(
    "--skip-bad",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Leave out wrong rows, when there are exactly N of them.",
)
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List the formats.")
@options.all_option
def import_(form: str, path: Path, output: Path | None, split_reviews: bool, venue: str | None, skip_bad: int) -> None:
    """Bring another data set of peer review into a data folder.

    FORMAT is one of --list; PATH is the data set as it was downloaded and unpacked. Where it has whole reviews, they
    become the letters of articles without concerns: these can be reviewed, and scored once --split-reviews or bench
    data extract has found the concerns. Licences are carried along. Nothing is written when a row is wrong.

    \b
    Examples:
      bench data import --list
      bench data import peerread PeerRead/data/acl_2017 -o acl
      bench data import openreview notes.json -o iclr --split-reviews
      bench data import folder my/papers -o mine --source my-journal
    """
    from bioreview_bench.curation.formats.convert import convert
    from bioreview_bench.curation.formats.registry import find_format
    from bioreview_bench.curation.formats.source import DataSource

    if output is None:
        raise InputError("Say where the articles go.", remedy="-o FOLDER")
    if venue is not None and not is_source(venue):
        raise InputError(
            f'"{printable(venue)}" is no slug of {SLUG}.',
            remedy="--source my-journal",
        )
    if venue in SOURCES:
        raise InputError(f"{venue} is a preset, whose ids have a form of their own.", remedy=f"--source my-{venue}")
    converter = find_format(form)
    done = convert(form, converter, DataSource(path, venue), output, split_reviews=split_reviews, skip=skip_bad)
    _say(done, output)


def _say(done: dict[str, Any], output: Path) -> None:
    """What was made, what was not taken along, and what to do next."""
    sources = ", ".join(f"{n:,} {source}" for source, n in done["by_source"].items())
    click.echo(f"{output}: {done['articles']:,} articles ({sources}), {done['concerns']:,} concerns.")
    if done["splits"]:
        click.echo("Splits: " + ", ".join(f"{n:,} {name}" for name, n in done["splits"].items()) + ".")
    if done["judged_texts"]:
        click.echo(f"Judged pairs: {done['judged_texts']:,} texts in {output / 'judged_pairs.jsonl'}.")
    left = [f"{n:,} {printable(what)}" for what, n in done["left_out"].items()]
    if done["skipped"]["rows"]:
        left.append(f"{done['skipped']['rows']:,} wrong rows")
    if left:
        click.echo("Left out: " + ", ".join(left) + ".")
    if done["concerns_shortened"]:
        click.echo(f"Shortened to 2,000 characters: {done['concerns_shortened']:,} concerns.")
    click.echo(f"Licence of the data set: {printable(done['licence'] or 'not stated', 300)}.")
    for note in done["notes"]:
        click.echo(f"Note: {note}")
    if done["articles_without_concerns"]:
        click.echo(
            f"{done['articles_without_concerns']:,} articles have no concerns yet and cannot be scored: "
            f"--split-reviews, or bench data extract {shlex.quote(str(output))} -o FILE.jsonl"
        )
    click.echo(f"Next: bench data lint {shlex.quote(str(output))}")
