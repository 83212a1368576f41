"""Putting the comparison together: from results and their pairs to what the template shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bioreview_bench.data.split import Split
from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES
from bioreview_bench.report import comparison as text_report
from bioreview_bench.report.blocks import Notes, Table
from bioreview_bench.report.conclusions import compared
from bioreview_bench.report.html import environment as assets
from bioreview_bench.report.html.comparison.payload import payload
from bioreview_bench.report.html.comparison.systems import ComparedSystem
from bioreview_bench.report.html.comparison.who import finders, finders_table
from bioreview_bench.report.html.evidence import Omission
from bioreview_bench.report.html.headline import bar
from bioreview_bench.report.html.page import parts
from bioreview_bench.report.html.tables import Cell, PageTable
from bioreview_bench.report.html.words import bounds, figure, interval, label, name, source_name
from bioreview_bench.report.meaning import Note
from bioreview_bench.results.records import ResultRecord
from bioreview_bench.stats.comparison import Comparison

_STYLES = (*assets.STYLES[:-1], "comparison/comparison.css", assets.STYLES[-1])  # print.css has the last word
_SCRIPTS = (
    *assets.SCRIPTS,
    "comparison/data.js",
    "comparison/entries.js",
    "comparison/detail.js",
    "comparison/main.js",
)
_SECTIONS = (("summary", "Scores"), ("who", "Who found what"), ("articles", "Articles"), ("tables", "Tables"))


@dataclass(frozen=True)
class SystemRow:
    """A system's headline figures as (figure, interval, bar)."""

    name: str
    figures: list[tuple[str, str, Markup]]


def compose(comparison: Comparison, systems: Sequence[ComparedSystem], split: Split | None) -> str:
    """The page. `split` gives titles and texts of the references, unless it is held out."""
    record = comparison.results[0].record
    shown = None if split is None or split.held_out or record.data.held_out else split
    data, cut = payload(systems, shown)
    script = assets.script(_SCRIPTS)
    found = text_report.blocks(comparison)
    conclusion = compared(comparison)
    found = [block for block in found if not (isinstance(block, Notes) and block.notes == [conclusion])]
    said = [note for block in found if isinstance(block, Notes) for note in block.notes]
    context = {
        "policy": assets.policy(script),
        "style": assets.style(_STYLES),
        "script": script,
        "sections": _SECTIONS,
        "title": "Comparison of " + ", ".join(name(system.name) for system in systems),
        "heading": _heading(systems),
        "byline": name(
            f"contract {record.contract['name']} · {record.data.name}, split {record.data.split}, "
            f"{record.coverage.n_articles:,} articles"
        ),
        "rows": [_row(system) for system in systems],
        "notes": [note for note in said if note.level != "info"],
        "conclusion": conclusion.text,
        "remarks": [(block.title, infos) for block in found if isinstance(block, Notes) and (infos := _infos(block))],
        "identity": [
            ("Contract", name(f"{record.contract['name']}, threshold {record.contract['threshold']:g}")),
            ("Data", name(record.data.label)),
            ("Encoder", name(record.encoder.id or "none")),
        ],
        "signature": parts(name(record.signature)),
        "who": finders_table(systems, finders(systems)),
        "omission": _omission(systems, record, shown),
        "cut": cut,
        "names": [name(system.name) for system in systems],
        "choices": _choices(systems),
        "tables": [_table(block) for block in found if isinstance(block, Table)],
        "data": Markup(data),  # noqa: S704 - escaped_json made it harmless
    }
    return assets.environment().get_template("comparison.html").render(context)


def _heading(systems: Sequence[ComparedSystem]) -> str:
    names = [name(system.name) for system in systems]
    return " and ".join(names) if len(names) == 2 else f"{len(names)} systems"


def _row(system: ComparedSystem) -> SystemRow:
    record = system.record
    figures = []
    for path, value in (
        ("overall.f1", record.overall.f1),
        ("overall.recall", record.overall.recall),
        ("overall.precision", record.overall.precision),
    ):
        own = bounds(record, path)
        figures.append((figure(value), interval(own), bar(value, "s1", own)))
    return SystemRow(name(system.name), figures)


def _omission(systems: Sequence[ComparedSystem], record: ResultRecord, shown: Split | None) -> Omission | None:
    """Which texts are not in the page, and what to type for them."""
    if record.data.held_out:
        return Omission("Texts are left out: the split is held out, and its texts stay out of reports.")
    without = [system.name for system in systems if not system.texts and system.record.overall.n_pred]
    if shown is not None and not without:
        return None
    data = "FOLDER" if record.data.name == "local" else record.data.name
    lacking = [*(["references"] if shown is None else []), *(name(system) for system in without)]
    return Omission(
        f"Texts are left out for: {', '.join(lacking)}.",
        "bench compare A.result.json B.result.json --html FILE --data "
        f"{data} --predictions A.jsonl --predictions B.jsonl",
    )


def _choices(systems: Sequence[ComparedSystem]) -> dict[str, list[tuple[str, str]]]:
    """Values and words of the filters: only labels of references that occur."""
    rows = [row for pairs in systems[0].pairs.articles.values() for row in pairs.references]
    return {
        "category": _places(CATEGORIES, {row["reference_category"] for row in rows}),
        "severity": _places(SEVERITIES, {row["reference_severity"] for row in rows}),
        "source": [(source, source_name(source)) for source in systems[0].record.per_source],
    }


def _places(labels: Sequence[str], occurring: set[str | None]) -> list[tuple[str, str]]:
    return [(str(place), label(named)) for place, named in enumerate(labels) if named in occurring]


def _infos(block: Notes) -> list[Note]:
    return [note for note in block.notes if note.level == "info"]


def _table(block: Table) -> PageTable:
    """A table of the text report."""
    rows = [(label(row[0]) if row[0] in CATEGORIES else row[0], [Cell(cell) for cell in row[1:]]) for row in block.rows]
    return PageTable(block.title, block.header, rows)
