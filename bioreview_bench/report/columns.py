"""The same predictions under several contracts, one column for each."""

from __future__ import annotations

from collections.abc import Sequence

from bioreview_bench.errors import printable
from bioreview_bench.report.blocks import DASH, Block, Facts, Notes, Table, blocks, figure, interval
from bioreview_bench.report.meaning import SATURATED, conclusion, notes, validity_of
from bioreview_bench.report.verdict import system_line
from bioreview_bench.results.records import ResultRecord, Validity

_HEADLINE = {"f1": "F1", "recall": "recall", "precision": "precision", "f1_macro": "macro F1"}
_RATES = ("match_rate", "null_match_rate", "echo_match_rate", "generic_match_rate", "near_miss_match_rate")


def verdicts(records: Sequence[ResultRecord], following: str) -> list[Block]:
    """Figures in columns, the one sentence on each, and what to type next."""
    names = [printable(record.contract["name"]) for record in records]
    said = [(name, conclusion(record)[0]) for name, record in zip(names, records, strict=True)]
    return [Facts([("System", system_line(records[0]))]), _figures(records, names), Facts([*said, ("Next", following)])]


def side_by_side(records: Sequence[ResultRecord]) -> list[Block]:
    """Figures in columns, then what must be known of each contract, and the signatures."""
    names = [printable(record.contract["name"]) for record in records]
    first = blocks(records[0])
    identity = next(block for block in first if isinstance(block, Facts))
    coverage = next(block for block in first if isinstance(block, Notes))
    shared = [row for row in identity.rows if row[0] in ("System", "Data")]
    found: list[Block] = [Facts([*shared, *_signatures(records, names)]), coverage, _figures(records, names)]
    found += [Notes(f"What this means: {name}", notes(record)) for name, record in zip(names, records, strict=True)]
    return [*found, _categories(records, names)]


def _signatures(records: Sequence[ResultRecord], names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, printable(record.signature, 400)) for name, record in zip(names, records, strict=True)]


def _figures(records: Sequence[ResultRecord], names: Sequence[str]) -> Table:
    rows = [[said, *(_bounded(record, "overall", name) for record in records)] for name, said in _HEADLINE.items()]
    skills = [SATURATED if record.controls.saturated else _bounded(record, "controls", "skill") for record in records]
    rows += [["matched", *(f"{record.overall.n_matched:,}" for record in records)], ["skill", *skills]]
    for name in _RATES if any(record.controls.near_miss_match_rate is not None for record in records) else _RATES[:-1]:
        rows.append([name.replace("_", " "), *(figure(getattr(record.controls, name)) for record in records)])
    claims = [validity_of(record) for record in records]
    rows.append(["judged: the same point", *map(_same, claims)])
    rows.append(["judged: points found", *(DASH if claim.found is None else f"{claim.found:.0%}" for claim in claims)])
    return Table(f"The same predictions under {len(records)} contracts", ["", *names], rows)


def _same(claim: Validity) -> str:
    """Of the contract's matches among judged pairs, by its validity card."""
    return "never checked" if claim.same is None else f"{claim.same:.0%} of {claim.n_matched}"


def _bounded(record: ResultRecord, section: str, name: str) -> str:
    shown, bounds = figure(getattr(getattr(record, section), name)), interval(record, f"{section}.{name}")
    return f"{shown} {bounds}" if bounds.startswith("[") else shown


def _categories(records: Sequence[ResultRecord], names: Sequence[str]) -> Table:
    categories = dict.fromkeys(name for record in records for name in record.per_category)
    rows = [
        [printable(name), *(figure(row.f1 if (row := record.per_category.get(name)) else None) for record in records)]
        for name in categories
    ]
    return Table("F1 by category", ["category", *names], rows)
