"""The verdict on a result: what a reader needs first, in at most twelve lines of 80 columns.

Its sentences are those of `meaning`; the tables behind them are in `blocks`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape

from bioreview_bench.data.load import OFFICIAL, READING
from bioreview_bench.data.vocabulary import UNANSWERED
from bioreview_bench.errors import printable
from bioreview_bench.report.blocks import Facts, by_category, figure, interval, plain
from bioreview_bench.report.meaning import SATURATED, Note, conclusion, is_official, trusted, validity_line, validity_of
from bioreview_bench.results.records import ResultRecord

_COLOURS = {"info": "", "warning": ";color:#b3261e", "alarm": ";color:#b3261e;font-weight:bold"}
_LINE = 70  # columns beside the labels
_NAME = 16  # letters of a contract's name, so that its sentence takes two lines


def verdict(record: ResultRecord, following: str = "") -> Facts:
    """System, F1, skill, controls, how far the contract can be trusted, one sentence, and what to type next."""
    said, more = conclusion(record)
    rows: list[tuple[str, str | Note]] = [
        ("System", system_line(record)),
        ("F1", _f1(record)),
        ("Skill", _skill(record)),
        ("Controls", _controls(record)),
        *_humans(record),
        ("Contract", _contract(record)),
        ("Verdict", said),
    ]
    if more:
        rows.append(("", Note("info", f"{more} more {'remark' if more == 1 else 'remarks'} in the full report.")))
    if following:
        rows.append(("Next", following))
    return Facts(rows)


def as_html(record: ResultRecord) -> str:
    """The verdict as HTML for a notebook, with the figures by category; everything from files is escaped."""
    rows = "".join(
        _row([name, plain(value)], _COLOURS[value.level] if isinstance(value, Note) else "")
        for name, value in verdict(record).rows
    )
    categories = by_category(record)
    table = "".join(_row(cells) for cells in (categories.header, *categories.rows))
    return (
        f'<div style="max-width:50em"><table>{rows}</table>'
        f"<details><summary>{escape(categories.title)}</summary><table>{table}</table></details></div>"
    )


def _row(cells: Sequence[str], colour: str = "") -> str:
    """A row of HTML whose first cell is its name; `colour` is that of the others."""
    style = "text-align:left;vertical-align:top;white-space:pre-wrap;padding:0 1em 0 0"
    others = "".join(f'<td style="{style}{colour}">{escape(cell)}</td>' for cell in cells[1:])
    return f'<tr><th style="{style}">{escape(cells[0])}</th>{others}</tr>'


def system_line(record: ResultRecord) -> Note:
    """Who wrote what was scored, on which articles, and how many were not answered."""
    system, coverage = record.system, record.coverage
    named = f"{system.name} {system.version}" if system.version else system.name
    if system.postprocessing != "none":
        named += f", post-processing {system.postprocessing}"
    lost = sum(getattr(coverage, outcome) for outcome in UNANSWERED)
    where = printable(f"{record.data.name}/{record.data.split}", 24)
    articles = f"{coverage.n_articles:,} {'article' if coverage.n_articles == 1 else 'articles'}"
    behind = f" on {where}, {articles}{f', {lost:,} not answered' if lost else ''}"
    return Note("warning" if lost else "info", f"{printable(named, _LINE - len(behind))}{behind}")


def as_text(record: ResultRecord, following: str = "") -> str:
    """The verdict as plain text of at most 80 columns."""
    from bioreview_bench.report.terminal import print_blocks

    stream = io.StringIO()
    print_blocks([verdict(record, following)], stream, 80)
    return stream.getvalue().rstrip("\n")


def _f1(record: ResultRecord) -> str:
    overall = record.overall
    beside = f"recall {figure(overall.recall)}, precision {figure(overall.precision)}"
    return f"{figure(overall.f1)}  {_bounds(record, 'overall.f1')}{beside}"


def _skill(record: ResultRecord) -> str:
    controls = record.controls
    if controls.skill is None:
        return SATURATED if controls.saturated else "undefined: no article has a donor (another article of its source)"
    return f"{controls.skill:.3f}  {_bounds(record, 'controls.skill')}0 is chance"


def _bounds(record: ResultRecord, path: str) -> str:
    found = interval(record, path)
    return f"95% CI {found}  " if found.startswith("[") else ""


def _controls(record: ResultRecord) -> Note:
    controls = record.controls
    others = {
        "copying the paper": controls.echo_match_rate,
        "stock comments": controls.generic_match_rate,
        "other articles": controls.null_match_rate,
        "near misses": controls.near_miss_match_rate,
    }
    listed = [f"{figure(rate)} for {who}" for who, rate in others.items() if rate is not None]
    beside = f" against {', '.join(listed)}" if listed else "; no control was scored"
    return Note("info", f"match rate {figure(controls.match_rate)}{beside}")


def _humans(record: ResultRecord) -> list[tuple[str, str | Note]]:
    """Two lines with their 95% CIs, or none: under a saturated contract they would say nothing."""
    found = record.humans
    if found is None or record.controls.saturated:
        return []
    figures = []
    for name, side in (("reviewer", found.reviewer), ("system", found.system)):
        bounds = _bounds(record, f"humans.{name}.f1").strip().removeprefix("95% CI ")
        figures.append(f"{figure(side.f1)} {bounds}".strip())
    on = "1 article" if found.n_articles == 1 else f"{found.n_articles:,} articles"
    said = f"F1 {figures[0]} of a reviewer, {figures[1]} of this system, both against the other reviewers of {on}"
    return [("Humans", Note("info", said))]


def _contract(record: ResultRecord) -> Note:
    claim = validity_of(record)
    line = validity_line(claim)
    if is_official(record) and claim.measured_on is None:
        both = f"--contract {OFFICIAL},{READING}"
        line = f"Never checked against judged pairs. Those that read: {READING}, a judge ({both})."
    said = f"{printable(record.contract['name'], _NAME)}. {line}"
    return Note("info" if trusted(claim) else "warning", said)
