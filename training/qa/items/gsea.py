"""Pathway-direction items from a table of gene set enrichment: CSV with pathway, tissue, mission, NES, padj.

A direction is asked for where at least two missions find the pathway at padj < 0.05 in a tissue and all of those
agree; where such missions disagree, the answer is that it depends. Nothing is asked of the rest.

Up or down: what a statement says of a pathway, and what a pathway is called.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from bioreview_bench.errors import InputError, Problem, printable

from ..prompt import with_confidence
from ..statements import Statements, fold
from .facts import score
from .item import Item, worded

UP, DOWN = "up", "down"
OPPOSITE = {UP: DOWN, DOWN: UP}
_WORDS = {
    UP: r"upregulat\w*|up-regulat\w*|activat\w*|increas\w*|elevat\w*|enhanc\w*|induc\w*|higher|stimulat\w*|positive nes"
    r"|positively enriched|upwards?",
    DOWN: r"downregulat\w*|down-regulat\w*|suppress\w*|decreas\w*|reduc\w*|inhibit\w*|repress\w*|lower|negative nes"
    r"|negatively enriched|downwards?|diminish\w*",
}
_FOUND = {name: re.compile(rf"\b(?:{words})\b") for name, words in _WORDS.items()}
_PREFIX = re.compile(r"^(?:hallmark|kegg|reactome|wikipathways|wp|go(?:bp|mf|cc)?|biocarta|mitocarta)_", re.IGNORECASE)
_ALIASES = {
    "oxidative phosphorylation": ("oxphos", "ox phos"),
    "tnfa signaling via nfkb": ("nf-kb", "nfkb", "nf-κb"),
    "interferon gamma response": ("ifn-gamma", "ifn-γ", "interferon gamma"),
    "interferon alpha response": ("ifn-alpha", "ifn-α", "interferon alpha"),
    "epithelial mesenchymal transition": ("emt", "epithelial-mesenchymal"),
    "unfolded protein response": ("upr",),
    "reactive oxygen species pathway": ("ros", "reactive oxygen species"),
    "mtorc1 signaling": ("mtorc1",),
}


def readable(pathway: str) -> str:
    """`HALLMARK_OXIDATIVE_PHOSPHORYLATION` as words, lower case."""
    return " ".join(_PREFIX.sub("", pathway.strip()).replace("_", " ").split()).casefold()


def names(pathway: str) -> tuple[str, ...]:
    """The words that name a pathway."""
    plain = readable(pathway)
    return (plain, *_ALIASES.get(plain, ()))


def directions_in(statements: Statements) -> set[str]:
    """The directions that the statements assert."""
    found = set()
    for name, words in _FOUND.items():
        spoken = {match.group() for sentence in statements.sentences for match in words.finditer(fold(sentence))}
        if any(statements.asserted(word) for word in spoken):
            found.add(name)
    return found


def direction_of(statements: Statements, about: Sequence[str]) -> str | None:
    """The one direction asserted where one of `about` is named, or anywhere when none is; None for none or both."""
    named = statements.naming(about)
    found = directions_in(named if named.sentences else statements)
    return found.pop() if len(found) == 1 else None


COLUMNS = ("pathway", "tissue", "mission", "NES", "padj")
SIGNIFICANT = 0.05
MISSIONS = 2
_LARGEST = 1_000_000  # rows
_SHOWN = 20  # problems
_VERBS = {UP: "upregulated", DOWN: "downregulated"}


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

    Raises InputError, with every problem and its line, for a table that cannot be read: a column missing, a value that
    is no number, padj outside 0..1, a blank name, or two rows of one pathway, tissue and mission.
    """
    found: dict[tuple[str, str], dict[str, float]] = {}
    seen: set[tuple[str, str, str]] = set()
    problems: list[Problem] = []
    for line, row in _rows(path):
        try:
            pathway, tissue, mission, nes, padj = _checked(row)
            key = (pathway, tissue, mission)
            if key in seen:
                raise ValueError(f"a second row of {', '.join(map(printable, key))}")
            seen.add(key)
        except ValueError as error:
            problems.append(Problem(str(error), line))
            continue
        if padj < SIGNIFICANT and nes != 0:
            found.setdefault((pathway, tissue), {})[mission] = nes
    if problems:
        raise InputError(
            f"{path} is no table of enrichment:", problems=problems[:_SHOWN], remedy="mend the lines named"
        )
    return [
        Finding(pathway, tissue, dict(sorted(scores.items())))
        for (pathway, tissue), scores in sorted(found.items())
        if len(scores) >= MISSIONS
    ]


def gsea_items(findings: Sequence[Finding]) -> list[Item]:
    """One direction, or one "it depends", for each finding; one comparison for each pathway and pair of tissues."""
    items: list[Item] = []
    for finding in findings:
        items += _direction(finding) if finding.direction else _depends(finding)
    by_pathway: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.direction:
            by_pathway.setdefault(finding.pathway, []).append(finding)
    for group in by_pathway.values():
        for one, other in combinations(group, 2):
            items += _comparison(one, other)
    return items


def _direction(finding: Finding) -> list[Item]:
    name, tissue, direction = _title(finding.pathway), finding.tissue, str(finding.direction)
    return worded(
        f"gsea/{finding.pathway}/{tissue}",
        [
            f"In mouse {tissue} during spaceflight, is the {name} pathway upregulated or downregulated?",
            f"What is the direction of the {name} pathway in {tissue} of mice in space?",
        ],
        with_confidence(
            f"The {name} pathway is {_VERBS[direction]} in {tissue} ({_told(finding)}).",
            70 + 5 * min(4, len(finding.scores)),
        ),
        "direction",
        {"pathway": finding.pathway, "direction": direction, "scores": list(finding.scores.values()),
         "expected_confidence": "high" if len(finding.scores) > MISSIONS else "medium"},
        ("V1", "V2", "V4"),
        [tissue],
    )  # fmt: skip


def _depends(finding: Finding) -> list[Item]:
    name, tissue = _title(finding.pathway), finding.tissue
    return worded(
        f"gsea/{finding.pathway}/{tissue}",
        [
            f"Is the {name} pathway consistently up- or downregulated in mouse {tissue} across missions?",
            f"Do missions agree on the direction of the {name} pathway in {tissue}?",
        ],
        with_confidence(f"No, the missions differ on the {name} pathway in {tissue} ({_told(finding)}).", 70),
        "uncertainty",
        {"pathway": finding.pathway, "consistent": "different", "tissues": [tissue],
         "scores": list(finding.scores.values()), "behaviour": "context_dependent", "expected": "differ"},
        ("V1", "V3", "V4"),
        [tissue],
    )  # fmt: skip


def _comparison(one: Finding, other: Finding) -> list[Item]:
    name = _title(one.pathway)
    directions = {finding.tissue: str(finding.direction) for finding in (one, other)}
    same = len(set(directions.values())) == 1
    told = " ".join(
        f"In {finding.tissue} the {name} pathway is {_VERBS[str(finding.direction)]} ({_told(finding)})."
        for finding in (one, other)
    )
    return worded(
        f"gsea/{one.pathway}/{one.tissue}/{other.tissue}",
        [
            f"Does spaceflight shift the {name} pathway in the same direction in {one.tissue} and {other.tissue}?",
            f"Compare the direction of the {name} pathway in {one.tissue} and {other.tissue} of mice in space.",
        ],
        with_confidence(f"{told} The directions are {'the same' if same else 'different'}.", 75),
        "comparison",
        {"pathway": one.pathway, "directions": directions, "consistent": "same" if same else "different",
         "scores": [*one.scores.values(), *other.scores.values()], "tissues": sorted(directions)},
        ("V1", "V2", "V3", "V4"),
        list(directions),
    )  # fmt: skip


def _told(finding: Finding) -> str:
    return ", ".join(f"{mission} NES {score(value)}" for mission, value in finding.scores.items())


def _title(pathway: str) -> str:
    return readable(pathway).title()


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise InputError(
                    f"{path} lacks the columns {', '.join(missing)}.", remedy=f"name the columns {', '.join(COLUMNS)}"
                )
            for number, row in enumerate(reader):
                if number >= _LARGEST:
                    raise InputError(
                        f"{path} has more than {_LARGEST:,} rows.", remedy="keep the gene sets that matter"
                    )
                yield reader.line_num, row
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}.", remedy="check the path") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8.", remedy="save it as UTF-8") from error
    except (OSError, csv.Error) as error:
        raise InputError(f"Cannot read {path}: {error}.", remedy="check that it is a CSV file") from error


def _checked(row: Mapping[str, str | None]) -> tuple[str, str, str, float, float]:
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
