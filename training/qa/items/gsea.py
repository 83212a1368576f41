"""Pathway-direction items from a table of gene set enrichment: CSV with pathway, tissue, mission, NES, padj.

A direction is asked for where at least two missions find the pathway at padj < 0.05 in a tissue and all of those
agree; where such missions disagree, the answer is that it depends. Nothing is asked of the rest.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import combinations
from pathlib import Path

from bioreview_bench.errors import InputError, printable

from .facts import Values, compared
from .given import checked, read_whole
from .item import Item, bundled, items_of

COLUMNS = ("pathway", "tissue", "mission", "NES", "padj")
SIGNIFICANT = 0.05
MISSIONS = 2
UP, DOWN = "up", "down"
_PREFIX = re.compile(r"^(?:hallmark|kegg|reactome|wikipathways|wp|go(?:bp|mf|cc)?|biocarta|mitocarta)_", re.IGNORECASE)
_LARGEST = 1_000_000  # rows


@dataclass(frozen=True)
class Finding:
    """Significant scores of a pathway in a tissue, by mission."""

    pathway: str
    tissue: str
    scores: Mapping[str, float]

    @property
    def direction(self) -> str | None:
        """`up` or `down` where all missions agree, else None."""
        signs = {value > 0 for value in self.scores.values()}
        return None if len(signs) > 1 else UP if signs == {True} else DOWN


def read_findings(path: Path) -> list[Finding]:
    """Findings of at least two missions, by pathway and tissue.

    The table is CSV, or TSV. Raises InputError for one that cannot be read (a column missing, two rows of one pathway,
    tissue and mission, or, with every line, a value that is no number, padj outside 0..1, or a blank name), and for one
    that gives no question.
    """
    scores: dict[tuple[str, str], dict[str, float]] = {}
    seen: set[tuple[str, str, str]] = set()
    for pathway, tissue, mission, nes, padj in checked(path, _rows(path), _values):
        key = (pathway, tissue, mission)
        if key in seen:
            raise InputError(f"{path} has a second row of {', '.join(map(printable, key))}.", remedy="fix the table")
        seen.add(key)
        if padj < SIGNIFICANT and nes != 0:
            scores.setdefault((pathway, tissue), {})[mission] = nes
    found = [
        Finding(pathway, tissue, dict(sorted(by_mission.items())))
        for (pathway, tissue), by_mission in sorted(scores.items())
        if len(by_mission) >= MISSIONS
    ]
    if not found:
        raise InputError(
            f"{path} gives no question: no pathway has padj < {SIGNIFICANT} in {MISSIONS} missions of one tissue "
            f"({len(seen):,} rows, {len(scores):,} pathways of a tissue with padj < {SIGNIFICANT} in any).",
            remedy="put the rows of all missions into one table, with the mission in its column",
        )
    return found


def gsea_items(findings: Sequence[Finding]) -> list[Item]:
    """One direction, or one "it depends", for each finding; one comparison for each pathway and pair of tissues."""
    by_pathway: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.direction:
            by_pathway.setdefault(finding.pathway, []).append(finding)
    pairs = [pair for group in by_pathway.values() for pair in combinations(group, 2)]
    rows = {"findings": [_row(finding) for finding in findings], "pairs": [_pair(one, other) for one, other in pairs]}
    return items_of(bundled("enrichment.toml")["section"], rows)


def readable(pathway: str) -> str:
    """`HALLMARK_OXIDATIVE_PHOSPHORYLATION` as words, lower case."""
    return " ".join(_PREFIX.sub("", pathway.strip()).replace("_", " ").split()).casefold()


def _row(finding: Finding) -> Values:
    n = len(finding.scores)
    return {
        "pathway": finding.pathway,
        "name": readable(finding.pathway).title(),
        "tissue": finding.tissue,
        "tissues": [finding.tissue],
        "direction": finding.direction,
        "scores": list(finding.scores.values()),
        "told": ", ".join(f"{mission} NES {score:+.2f}" for mission, score in finding.scores.items()),
        "sure": 70 + 5 * min(4, n),
        "expected_confidence": "high" if n > MISSIONS else "medium",
        "agreeing": [{}] if finding.direction else [],
        "differing": [] if finding.direction else [{}],
    }


def _pair(one: Finding, other: Finding) -> Values:
    first, second = _row(one), _row(other)
    return {
        **compared(one.tissue, other.tissue, first["direction"], second["direction"]),
        "pathway": one.pathway,
        "name": first["name"],
        "scores": first["scores"] + second["scores"],
        "told_one": first["told"],
        "told_other": second["told"],
    }


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str | None]]]:
    text = read_whole(path)
    head = text.partition("\n")[0]
    reader = csv.DictReader(StringIO(text), delimiter="\t" if "\t" in head and "," not in head else ",")
    try:
        columns = list(reader.fieldnames or ())
        missing = [name for name in COLUMNS if name not in columns]
        if missing:
            raise InputError(
                f"{path} lacks the columns {', '.join(missing)} (it has: {printable(', '.join(columns), 200)}).",
                remedy=f"name the columns {', '.join(COLUMNS)}; fgsea has no tissue and no mission, so add these",
            )
        for number, row in enumerate(reader):
            if number >= _LARGEST:
                raise InputError(f"{path} has more than {_LARGEST:,} rows.", remedy="keep the gene sets that matter")
            yield f"line {reader.line_num}", row
    except csv.Error as error:
        raise InputError(f"Cannot read {path}: {error}.", remedy="check that it is a CSV file") from error


def _values(row: Mapping[str, str | None]) -> tuple[str, str, str, float, float]:
    """Values of a row. Raises ValueError with the reason."""
    names = [" ".join((row[column] or "").split()) for column in COLUMNS[:3]]
    for column, name in zip(COLUMNS, names, strict=False):
        if not name or len(name) > 200:
            raise ValueError(f"{column} is blank or longer than 200 characters")
    numbers = []
    for column in COLUMNS[3:]:
        try:
            number = float(row[column] or "")
        except ValueError:
            raise ValueError(f'{column} is "{printable(row[column], 40)}", not a number') from None
        if not math.isfinite(number):
            raise ValueError(f"{column} is not finite")
        numbers.append(number)
    if not 0 <= numbers[1] <= 1:
        raise ValueError(f"padj is {numbers[1]}, not from 0 to 1")
    return names[0], names[1].casefold(), names[2], numbers[0], numbers[1]
