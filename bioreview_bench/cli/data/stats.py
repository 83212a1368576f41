"""`bench data stats`: what a data set consists of, and what humans score on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import inputs, options
from bioreview_bench.errors import printable

if TYPE_CHECKING:
    from bioreview_bench.curation.statistics import SplitStatistics
    from bioreview_bench.report.blocks import Table
    from bioreview_bench.results.records import ResultRecord


@click.command()
@click.argument("data")
@options.path_option("--html", metavar="FILE", text="Write a page with charts.")
@click.option("--contract", metavar="NAME|FILE", help="Also score human against human, under this contract.")
@options.format_option("text", "markdown", "json")
def stats(data: str, html: Path | None, contract: str | None, form: str) -> None:
    """Count what DATA consists of (a data folder, a file of articles, demo, v3 or v4).

    Articles and references by split and field, how long lists and concerns are, and with --contract what one
    reviewer's concerns score against those of the article's other reviewers.

    \b
    Examples:
      bench data stats my/folder
      bench data stats demo --html demo.html
      bench data stats my/folder --contract reader --format json
    """
    from bioreview_bench.cli.data.audit import groups_of
    from bioreview_bench.curation.statistics import statistics
    from bioreview_bench.files.atomic import check_writable, write_files

    inputs.require_suffix(html, (".html", ".htm"), "--html", "a page for the browser")
    if html is not None:
        check_writable(html)
    found = {name: statistics(articles) for name, articles in groups_of(data).items()}
    humans = {} if contract is None else _humans(data, contract)
    if html is not None:
        from bioreview_bench.report.html.statistics import compose

        write_files({html: compose(printable(Path(data).name), _facts(found), _charts(found)).encode("utf-8")})
        click.echo(f"Wrote {html}.", err=True)
    if form == "json":
        plain = {name: one.humans and one.humans.model_dump(mode="json") for name, one in humans.items()}
        options.show_json({"splits": {name: asdict(part) for name, part in found.items()}, "humans": plain})
        return
    options.show([_facts(found), *_fields(found), *([_human_table(humans)] if humans else [])], form)


def _humans(data: str, name: str) -> dict[str, ResultRecord]:
    """By split, a result in which nothing but the human reviewers was scored."""
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.data.load import stored_by_split
    from bioreview_bench.scoring.run import score

    contract = Contract.load(name)
    inputs.require_encoder(contract, None)
    # Whole articles: a contract may read their texts.
    stored = stored_by_split(data)
    scored = {split: [article for article in members if article.reviewed] for split, members in stored.items()}
    return {
        split: score(members, {}, contract, controls="basic").record for split, members in scored.items() if members
    }


def _facts(found: Mapping[str, SplitStatistics]) -> Table:
    from bioreview_bench.report.blocks import Table

    def row(name: str, value: Any) -> list[str]:
        return [name, *(value(part) for part in found.values())]

    rows = [
        row("articles", lambda part: f"{part.articles:,}"),
        row("with references", lambda part: f"{part.with_references:,}"),
        row("with several reviewers", lambda part: f"{part.several_reviewers:,}"),
        row("with authors' response", lambda part: f"{part.answered:,}"),
        row("references", lambda part: f"{part.references:,}"),
        row("that need a figure", lambda part: f"{part.figure_references:,}"),
        row("references an article", lambda part: _spread(part.references_per_article)),
        row("words a concern", lambda part: _spread(part.words_per_concern)),
    ]
    return Table("Counts (medians with 5th and 95th percentile)", ["", *found], rows)


def _spread(spread: Any) -> str:
    return f"{spread.median} ({spread.low}-{spread.high})"


def _fields(found: Mapping[str, SplitStatistics]) -> list[Table]:
    from bioreview_bench.report.blocks import Table

    return [
        Table(
            f"{kind} by {field}",
            [field, *found],
            [[printable(value, 60), *(f"{count:,}" for count in counts)] for value, counts in rows],
        )
        for kind, field, rows in _tables(found)
    ]


def _tables(found: Mapping[str, SplitStatistics]) -> list[tuple[str, str, list[tuple[str, list[int]]]]]:
    """(Articles or References, field, value with its count in each split)."""
    first = next(iter(found.values()))
    tables = []
    for kind, attribute in (("Articles", "of_articles"), ("References", "of_references")):
        for field in getattr(first, attribute):
            by_split = [getattr(part, attribute)[field] for part in found.values()]
            values = sorted({value for counts in by_split for value in counts})
            tables.append((kind, field, [(value, [counts.get(value, 0) for counts in by_split]) for value in values]))
    return tables


def _charts(found: Mapping[str, SplitStatistics]) -> list[tuple[str, list[str], list[tuple[str, list[int]]]]]:
    """(title, splits, rows): every table, and how long lists and concerns are."""
    from bioreview_bench.curation.statistics import LENGTHS, WORDS, bin_names

    charts = [(f"{kind} by {field}", list(found), rows) for kind, field, rows in _tables(found)]
    for title, attribute, ends in (("References an article", "lengths", LENGTHS), ("Words a concern", "words", WORDS)):
        counts = [getattr(part, attribute) for part in found.values()]
        charts.append(
            (title, list(found), list(zip(bin_names(ends), map(list, zip(*counts, strict=True)), strict=True)))
        )
    return charts


def _human_table(records: Mapping[str, ResultRecord]) -> Table:
    from bioreview_bench.report.blocks import DASH, Table, figure, interval

    rows = []
    for split, record in records.items():
        part = record.humans
        if part is None:
            rows.append([split, "0", "0", *[DASH] * 5])
            continue
        against = part.reviewer
        figures = [figure(value) for value in (against.recall, against.precision, against.f1)]
        figures += [interval(record, "humans.reviewer.f1"), figure(against.match_rate)]
        rows.append([split, f"{part.n_articles:,}", f"{part.n_reviewers:,}", *figures])
    header = ["split", "articles", "reviewers", "recall", "prec.", "F1", "95% CI", "match rate"]
    return Table("Human against human: each reviewer against the article's others", header, rows)
