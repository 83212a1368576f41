"""Tables for machines: JSON as the pages' records, CSV for spreadsheets.

A spreadsheet runs a cell that begins like a formula; names come from strangers, so such cells get an apostrophe before
them (the form that spreadsheets show as text). Numbers are written as they are, undefined ones as nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from ..store.shown import Figure
from .view import BoardTable, Reported, Row, SystemView

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
_FIELDS = list(Row.model_fields)
_NAMES = [name for name in _FIELDS[_FIELDS.index("system") : _FIELDS.index("submitted")] if name != "billions"]
_FIGURES = [name for name, field in Row.model_fields.items() if field.annotation is Figure]
_NUMBERS = [*_FIELDS[_FIELDS.index("null_f1") : _FIELDS.index("saturated")], "n_team_submissions"]
_SLICES = ("per_category", "per_severity", "per_source")
_COUNTS = ("n_ref",)
_METRICS = ("recall", "precision", "f1")


def as_json(table: BoardTable | SystemView) -> str:
    """The record as JSON, ending with a line break."""
    return table.model_dump_json(indent=1) + "\n"


def as_csv(table: BoardTable) -> str:
    """One line for each system: names, figures with the bounds of their intervals, badges, signature."""
    header = [
        "band",
        "why_unranked",
        "disqualified",
        "submission",
        *_NAMES,
        "submitted",
        *_with_bounds(_FIGURES),
        *_NUMBERS,
    ]
    header += ["saturated", "gate_passed", "badges", "split", "contract", "signature"]
    cells = [_flat(table, row) for row in table.rows]
    return written([header, *([one[column] for column in header] for one in cells)])


def reported_csv(found: Sequence[Reported]) -> str:
    """What others published and this board did not compute."""
    fields = ("system", "split", "n_articles", "f1", "recall", "precision", "recall_major", "mean_concerns")
    rows = [[getattr(one, field) for field in fields] + [one.note, one.source] for one in found]
    return written([[*fields, "note", "source"], *rows])


def system_csv(system: SystemView) -> str:
    """One line for each category, severity and source under each contract."""
    header = ["contract", "kind", "name", *_COUNTS, *_with_bounds(_METRICS), "signature"]
    lines: list[Sequence[Any]] = [header]
    for score in system.scores:
        for kind in _SLICES:
            for name, part in getattr(score.row, kind).items():
                figures: list[float | None] = []
                for metric in _METRICS:
                    figures += [part.get(metric), *(part["intervals"].get(metric) or (None, None))]
                counts = [part.get(count) for count in _COUNTS]
                lines.append([score.contract, kind.removeprefix("per_"), name, *counts, *figures, score.row.signature])
    return written(lines)


def written(lines: Iterable[Sequence[Any]]) -> str:
    """CSV with line breaks as RFC 4180 has them, every cell harmless in a spreadsheet."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerows([_cell(value) for value in line] for line in lines)
    return stream.getvalue()


def _flat(table: BoardTable, row: Row) -> dict[str, Any]:
    """Every cell of a row by its column."""
    cells = {name: getattr(row, name) for name in Row.model_fields}
    for name in _FIGURES:
        cells |= dict(zip(_with_bounds([name]), (cells[name].value, cells[name].low, cells[name].high), strict=True))
    cells["gate_passed"] = None if row.gate is None else row.gate["passed"]
    return {**cells, "badges": ";".join(row.badges), "split": table.split, "contract": table.contract}


def _with_bounds(names: Iterable[str]) -> list[str]:
    return [f"{name}{bound}" for name in names for bound in ("", "_low", "_high")]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value).replace("\x00", "")
    return f"'{text}" if text.startswith(_FORMULA) else text
