"""A comparison as blocks, and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from bioreview_bench.errors import printable
from bioreview_bench.report.blocks import Block, Facts, Notes, Table, figure, interval
from bioreview_bench.report.conclusions import compared, p_value, too_few
from bioreview_bench.report.meaning import Note, echo_among, notes, validity_note, validity_of
from bioreview_bench.stats.comparison import LEVEL, Comparison


def blocks(comparison: Comparison) -> list[Block]:
    """Table of systems, tied groups, pairwise tests, figures by category."""
    record = comparison.results[0].record
    return [
        Facts([("Contract", printable(record.contract["name"])), ("Signature", printable(record.signature, 400))]),
        Notes("What this means", list(_meaning(comparison))),
        _systems(comparison),
        Notes("Tied groups", [_group(rank, group) for rank, group in enumerate(comparison.groups, start=1)]),
        _tests(comparison),
        _categories(comparison),
        Notes("Conclusion", [compared(comparison)]),
    ]


def _meaning(comparison: Comparison) -> Iterator[Note]:
    """Saturation or the echo rule, how far the contract can be trusted, and whether there are too few articles."""
    records = [result.record for result in comparison.results]
    saturated = [record for record in records if record.controls.saturated]
    if saturated:
        yield from (note for note in notes(saturated[0]) if note.level == "alarm")
    else:
        systems = [(record.controls.match_rate, record.overall.n_matched) for record in records]
        said = echo_among(records[0].controls.echo_match_rate, systems)
        if said is not None:
            yield Note("alarm", said)
    yield validity_note(records[0])
    families = comparison.results[0].counts.family
    few = too_few(
        len(families), len(set(families)), len(comparison.names), min(test.p_adjusted for test in comparison.tests)
    )
    if few is not None:
        yield Note("warning", few)


def as_dict(comparison: Comparison) -> dict[str, Any]:
    """For machines."""
    return {
        "signature": comparison.results[0].signature,
        "validity": validity_of(comparison.results[0].record).model_dump(),
        "systems": [
            {
                "name": name,
                "system": result.record.system.model_dump(),
                "overall": result.record.overall.model_dump(),
                "controls": result.record.controls.model_dump(),
                "interval_f1": result.record.intervals.get("overall.f1"),
            }
            for name, result in zip(comparison.names, comparison.results, strict=True)
        ],
        "groups": comparison.groups,
        "tests": [asdict(test) for test in comparison.tests],
        "level": LEVEL,
    }


def _systems(comparison: Comparison) -> Table:
    band = {name: rank for rank, group in enumerate(comparison.groups, start=1) for name in group}
    rows = []
    for name, result in zip(comparison.names, comparison.results, strict=True):
        record = result.record
        overall, controls, n_articles = record.overall, record.controls, record.coverage.n_articles
        figures = [controls.skill, controls.null_f1, overall.precision, overall.recall]
        written = figure(overall.n_pred / n_articles if n_articles else None, 1)
        named = [printable(name, 30), str(band[name]), figure(overall.f1), interval(record, "overall.f1")]
        rows.append([*named, *map(figure, figures), written, printable(record.system.postprocessing, 24)])
    header = ["system", "band", "F1", "95% CI of F1", "skill", "null F1", "prec.", "recall"]
    header += ["per article", "post-processing"]
    return Table(f"{len(rows)} systems on {comparison.results[0].record.data.label}", header, rows)


def _group(rank: int, group: list[str]) -> Note:
    names = ", ".join(printable(name) for name in group)
    if len(group) == 1:
        return Note("info", f"{rank}: {names}")
    return Note("info", f"{rank}: {names} (not significantly below the first of them at {LEVEL:g})")


def _tests(comparison: Comparison) -> Table:
    rows = [
        [
            f"{printable(test.a, 24)} - {printable(test.b, 24)}",
            f"{test.delta_f1:+.4f}",
            str(test.n_informative),
            p_value(test.p_value),
            p_value(test.p_adjusted),
            "exact" if test.exact else "random",
        ]
        for test in comparison.tests
    ]
    adjusted = "; p adjusted for all pairs by step-down max-T" if len(rows) > 1 else ""
    return Table(
        f"Label-swap tests of F1 (families of articles are swapped{adjusted})",
        ["pair", "difference", "families that differ", "p", "p adjusted", "test"],
        rows,
    )


def _categories(comparison: Comparison) -> Table:
    categories = list(dict.fromkeys(name for result in comparison.results for name in result.record.per_category))
    best = comparison.results[0].record.per_category
    rows = []
    for category in categories:
        row = [category]
        for place, result in enumerate(comparison.results):
            found = result.record.per_category.get(category)
            f1 = found.f1 if found else None
            reference = best[category].f1 if category in best else None
            shown = figure(f1)
            if place and f1 is not None and reference is not None:
                shown += f" ({f1 - reference:+.3f})"
            row.append(shown)
        rows.append(row)
    return Table(
        "F1 by category (difference to the first)",
        ["category", *(printable(name, 24) for name in comparison.names)],
        rows,
    )
