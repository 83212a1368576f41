"""`bench audit`: leaks between splits and releases, repeated references, differing labels, dates."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import SHOWN, printable

if TYPE_CHECKING:
    from bioreview_bench.curation.audit import AuditReport
    from bioreview_bench.data.article import Article
    from bioreview_bench.report.blocks import Block
    from bioreview_bench.report.meaning import Note


@click.command()
@click.argument("data")
@click.option("--against", multiple=True, metavar="DATA", help="Other data that should share no manuscript with these.")
@click.option("--cutoff", metavar="DATE", help="Last day of a model's training data: which articles came after it.")
@click.option("--strict", is_flag=True, help="Exit 2 when a manuscript is in two splits, or in other data.")
@click.option("--all", "everything", is_flag=True, help="List everything found, not only ten of a kind.")
@options.format_option("text", "markdown", "json")
def audit(data: str, against: tuple[str, ...], cutoff: str | None, strict: bool, everything: bool, form: str) -> int:
    """Audit DATA (a data folder, a file of articles, demo, v3 or v4): what would make a score mean less.

    Manuscripts in two splits (versions, the same or nearly the same title or abstract), references said twice within
    an article, label distributions of the splits, dates of publication. `bench data lint` checks single rows.

    \b
    Examples:
      bench audit my/folder --strict
      bench audit v4 --against v3
      bench audit my/folder --cutoff 2025-06-30 --format json
    """
    from bioreview_bench.cli.data.dates import day
    from bioreview_bench.curation.audit import audit as run_audit

    last = None if cutoff is None else day(cutoff, "--cutoff")
    own = groups_of(data)
    groups = dict(own)
    for other in against:
        groups |= {f"{printable(other)}: {name}": members for name, members in groups_of(other).items()}
    report = run_audit(groups, list(own), last)
    if form == "json":
        options.show_json({**asdict(report), "leaks": report.leaks})
    else:
        options.show(_blocks(report, last, None if everything else SHOWN), form)
        if report.leaks and form == "text":
            click.echo(f"Next: bench data split {shlex.quote(data)} -o FOLDER --ratio .7,.15,.15")
    return 2 if strict and report.leaks else 0


def groups_of(data: str) -> dict[str, list[Article]]:
    """The articles of each split without their texts; those of a folder that no split names as "rest"."""
    from bioreview_bench.data.load import stored_by_split

    return {name: [one.without_texts() for one in stored] for name, stored in stored_by_split(data).items()}


def _blocks(report: AuditReport, cutoff: str | None, most: int | None) -> list[Block]:
    return [_manuscripts(report, most), _repetitions(report, most), *_shares(report), _dates(report, cutoff)]


def _manuscripts(report: AuditReport, most: int | None) -> Block:
    from bioreview_bench.report.blocks import Notes

    n = len(report.shared)
    sizes = ", ".join(f"{name} {size:,}" for name, size in report.n_articles.items())
    said = f"{n:,} links between manuscripts in two groups" if n else "No manuscript is in two groups"
    listed = [
        f"{one.first_group} {printable(one.first_id)} and {one.second_group} {printable(one.second_id)}: {one.why}."
        for one in report.shared
    ]
    return Notes("Manuscripts", _notes(f"{said} ({sizes}).", listed, most))


def _repetitions(report: AuditReport, most: int | None) -> Block:
    from bioreview_bench.report.blocks import Notes

    common = f"{report.common_concerns:,} texts of concerns stand in several articles."
    said = f"{len(report.repeated):,} pairs of concerns of one article say the same. {common}"
    listed = [
        f"{printable(one.article_id)}: {printable(one.first)} and {printable(one.second)} ({one.similarity:.2f})."
        for one in report.repeated
    ]
    return Notes("References said twice", _notes(said, listed, most))


def _shares(report: AuditReport) -> list[Block]:
    from bioreview_bench.report.blocks import Table

    found: list[Block] = []
    for label in next(iter(report.shares.values()), {}):
        by_group = [shares[label] for shares in report.shares.values()]
        values = sorted({value for shares in by_group for value in shares})
        rows = [[printable(value), *(f"{shares.get(value, 0):.3f}" for shares in by_group)] for value in values]
        rows.append(["distance from all", *(f"{each[label]:.3f}" for each in report.distances.values())])
        found.append(Table(f"Shares by {label}", [label, *report.shares], rows))
    return found


def _dates(report: AuditReport, cutoff: str | None) -> Block:
    from bioreview_bench.report.blocks import DASH, Table

    rows = []
    for name, dates in report.dates.items():
        after = [] if dates.after_cutoff is None else [f"{dates.after_cutoff:,}"]
        known = [printable(date or DASH, 20) for date in (dates.first, dates.last)]
        rows.append([name, *known, f"{dates.n_without:,}", *after])
    header = ["split", "first", "last", "no date", *([f"after {cutoff}"] if cutoff else [])]
    return Table("Dates of publication", header, rows)


def _notes(said: str, listed: Sequence[str], most: int | None) -> list[Note]:
    from bioreview_bench.report.meaning import Note

    shown = [Note("info", text) for text in listed[:most]]
    left = len(listed) - len(shown)
    more = [Note("info", f"... and {left:,} more (--all lists them).")] if left else []
    return [Note("warning" if listed else "info", said), *shown, *more]
