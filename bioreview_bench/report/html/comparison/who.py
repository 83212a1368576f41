"""How many references each system found, and found alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bioreview_bench.report.html.comparison.systems import ComparedSystem
from bioreview_bench.report.html.tables import Cell, PageTable
from bioreview_bench.report.html.words import figure, name


@dataclass(frozen=True)
class Finders:
    """Of `n` references, how many were found by all systems and by none; `found` and `alone` by system."""

    n: int
    by_all: int
    by_none: int
    found: list[int]
    alone: list[int]


def finders(systems: Sequence[ComparedSystem]) -> Finders:
    """Counts over all articles."""
    patterns: list[list[bool]] = []
    for row in systems[0].record.articles:
        sides = [system.pairs.of(row["id"]).references for system in systems]
        patterns += [[side["index"] is not None for side in reference] for reference in zip(*sides, strict=True)]
    return Finders(
        n=len(patterns),
        by_all=sum(all(pattern) for pattern in patterns),
        by_none=sum(not any(pattern) for pattern in patterns),
        found=[sum(pattern[place] for pattern in patterns) for place in range(len(systems))],
        alone=[sum(pattern[place] and sum(pattern) == 1 for pattern in patterns) for place in range(len(systems))],
    )


def finders_table(systems: Sequence[ComparedSystem], found: Finders) -> PageTable:
    """A row for each system."""
    rows = []
    for system, n_found, n_alone in zip(systems, found.found, found.alone, strict=True):
        cells = [n_found, n_alone, system.record.overall.n_pred - n_found]
        share = Cell(figure(n_found / found.n if found.n else None))
        rows.append((name(system.name), [Cell(f"{cells[0]:,}"), share, *(Cell(f"{cell:,}") for cell in cells[1:])]))
    some = found.n - found.by_all - found.by_none
    everyone, part = ("both", "one") if len(systems) == 2 else ("all", "some")
    said = (
        f"{found.n:,} references: found by {everyone} {found.by_all:,}, by {part} {some:,}, by none {found.by_none:,}. "
        "Unmatched are predictions that found no reference."
    )
    return PageTable("References found", ["system", "found", "recall", "by it alone", "unmatched"], rows, said)
