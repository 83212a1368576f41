"""`bench data collect`: newly published articles with their reviews."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import SHOWN


@click.command()
@click.option("--source", type=click.Choice(["elife"]), default="elife", show_default=True, help="The publisher.")
@click.option("--since", required=True, metavar="DATE", help="Published on or after this day (YYYY-MM-DD).")
@options.path_option("-o", "--output", metavar="FOLDER", text="Where XML and record go. Default: collected-SOURCE.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after N new articles.")
@click.option("--pause", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Seconds between requests.")
@click.option("--contact", default="", metavar="MAIL", help="Sent to the publisher with every request.")
@click.option("--api", metavar="URL", help="Another address of the publisher's API (a mirror).")
@click.option("--xml", metavar="URL", help="Another address of the XML files.")
@options.quiet_option
def collect(
    source: str,
    since: str,
    output: Path | None,
    limit: int | None,
    pause: float,
    contact: str,
    api: str | None,
    xml: str | None,
    quiet: bool,
) -> int:
    """Get articles with their reviews from a publisher's open interface: only those that are not there yet.

    One request at a time; the same command goes on after an interruption. collected.jsonl records address, checksum and
    licence of every file, and whether the texts may be passed on (CC0, CC BY, CC BY-SA).

    \b
    Examples:
      bench data collect --since 2025-07-01 --contact me@lab.org -o elife-2025
      bench data parse elife-2025/xml -o parsed.jsonl
    """
    from bioreview_bench.cli.data.dates import day
    from bioreview_bench.curation.collect import elife
    from bioreview_bench.curation.collect.polite import PoliteClient
    from bioreview_bench.curation.collect.run import XML_FOLDER
    from bioreview_bench.curation.collect.run import collect as collect_articles

    folder = output or Path(f"collected-{source}")
    client = PoliteClient(pause, " ".join(contact.split()))
    articles = elife.listed(client, day(since, "--since"), api or elife.API, xml or elife.XML)
    with options.Messages(quiet) as messages:
        done = collect_articles(articles, folder, client, limit, messages.say)
    for failure in done.failed[:SHOWN]:
        click.echo(f"Not got: {failure}", err=True)
    if len(done.failed) > SHOWN:
        click.echo(f"... and {len(done.failed) - SHOWN:,} more.", err=True)
    click.echo(f"{folder}: {done.got:,} new articles, {done.known:,} were there, {len(done.failed):,} not got.")
    click.echo(f"Next: bench data parse {shlex.quote(str(folder / XML_FOLDER))} -o parsed.jsonl")
    return 5 if done.failed else 0
