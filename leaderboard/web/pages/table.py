"""The rows of a table as its template shows them.

The columns of a table: which figures a row has for the whole split, and which for a part of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bioreview_bench.report.html.words import DASH, figure, name
from bioreview_bench.report.meaning import SATURATED, echo_note

from ...ranking.badges import TEXTS
from ...ranking.view import SOURCES, BoardTable, Row
from ...store.shown import Figure
from ..charts.strips import Axis, axis_of, strip
from ..choice import ALL, TableChoice, is_unseen, passes, size_of
from ..links import Links
from ..site import bounded

Value = float | str | None

_MEANINGS: Final = {
    "f1": "Recall and precision in one figure: twice the matches over references and predictions together.",
    "skill": "The share made of all matches beyond those that predictions written for other articles make. "
    "0 is chance.",
    "recall": "Share of the human reviewers' concerns that were found.",
    "precision": "Share of the system's concerns that a human reviewer raised.",
    "recall_major": "Recall among the concerns that reviewers called major.",
    "null_f1": "F1 of the same predictions, each replaced by those of another article: what chance makes.",
    "echo_f1": "F1 of ten sentences copied from each paper: what naming the topic makes.",
    "mean_concerns": "Concerns written for an article, on average.",
    "coverage": "Share of the articles that were answered. The others count as articles without predictions.",
    "n_ref": "Concerns of human reviewers that count here.",
}
_KEYS: Final = {"echo_f1": "echo", "mean_concerns": "concerns", "n_ref": "references"}  # shorter ones, in addresses
_CONTROLS: Final = ("skill", "null_f1", "echo_f1")  # stand among the controls of a part
_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    ALL: (
        "f1",
        "skill",
        "recall",
        "precision",
        "recall_major",
        "null_f1",
        "echo_f1",
        "mean_concerns",
        "coverage",
    ),
    "source": ("f1", "skill", "recall", "precision", "null_f1", "echo_f1", "n_ref"),
    "category": ("f1", "recall", "precision", "n_ref"),
    "severity": ("recall", "n_ref"),  # no precision exists by severity
}


@dataclass(frozen=True)
class Column:
    """A figure by the name of its field in a row."""

    field: str
    meaning: str = ""
    title: str = ""

    @property
    def key(self) -> str:
        """Its name in addresses and pages."""
        return _KEYS.get(self.field, self.field)

    @property
    def name(self) -> str:
        """Its heading."""
        return self.title or SOURCES[self.field].title


def columns(choice: TableChoice) -> list[Column]:
    """The columns of figures; the first is the one that a table is about."""
    return [Column(field, _MEANINGS[field]) for field in _COLUMNS[choice.kind]]


def part_of(row: Row, choice: TableChoice) -> Mapping[str, Any] | None:
    """A row's figures in the chosen part of the articles; None when the part does not occur."""
    found: Mapping[str, Any] | None = getattr(row, f"per_{choice.kind}").get(choice.name)
    return found


def part_figure(part: Mapping[str, Any] | None, metric: str) -> Figure:
    """A figure of a part with its interval."""
    if part is None or part.get(metric) is None:
        return Figure(value=None)
    low, high = part["intervals"].get(metric) or (None, None)
    return Figure(value=part[metric], low=low, high=high)


def lead(row: Row, choice: TableChoice) -> Figure:
    """The figure that a table is about: F1, or recall by severity, where no precision exists."""
    return row.f1 if choice.kind == ALL else part_figure(part_of(row, choice), _COLUMNS[choice.kind][0])


def value_of(row: Row, choice: TableChoice, field: str) -> Value:
    """A field of a row, in the chosen part of the articles where it is a figure; None where that is undefined."""
    if choice.kind == ALL or field not in _MEANINGS:
        found = getattr(row, field)
        return found.value if isinstance(found, Figure) else found
    part = part_of(row, choice) or {}
    return (part.get("controls", {}) if field in _CONTROLS else part).get(field)


def arranged(rows: Sequence[Row], choice: TableChoice) -> list[Row]:
    """The rows that pass the filters, in the chosen order; undefined figures stand last either way.

    A column that the chosen part does not have leaves the order as it is.
    """
    fields = {column.key: column.field for column in columns(choice)} | {"system": "system", "submitted": "submitted"}
    field = fields.get(choice.sort, "band")
    kept = [(value_of(row, choice, field), row) for row in rows if passes(row, choice)]
    known = [(value.casefold() if isinstance(value, str) else value, row) for value, row in kept if value is not None]
    known.sort(key=lambda one: one[0], reverse=choice.descending)
    return [row for _, row in known] + [row for value, row in kept if value is None]


@dataclass(frozen=True)
class FigureCell:
    """A figure; `alert` says what is wrong with it."""

    key: str
    name: str
    text: str
    value: str
    detail: str = ""
    alert: str = ""


@dataclass(frozen=True)
class Frame:
    """What all rows of a page have in common."""

    table: BoardTable
    choice: TableChoice
    links: Links
    axis: Axis
    columns: Sequence[Column]
    in_band: Mapping[int, int]  # how many systems a band has


def frame(table: BoardTable, choice: TableChoice, links: Links) -> Frame:
    """The frame of a page."""
    axis = axis_of([lead(row, choice) for row in table.rows], [_null(row, choice) for row in table.rows])
    in_band = Counter(row.band for row in table.rows if row.band is not None)
    return Frame(table, choice, links, axis, columns(choice), in_band)


def lines(common: Frame) -> list[dict[str, Any]]:
    """All rows: those that pass the filters in their order, then the hidden ones."""
    shown = arranged(common.table.rows, common.choice)
    place = {row.submission: index for index, row in enumerate(common.table.rows)}
    kept = {row.submission for row in shown}
    hidden = [row for row in common.table.rows if row.submission not in kept]
    found, before = [], None
    for row in (*shown, *hidden):
        starts = before is None or before.band != row.band
        found.append(_line(common, row, place[row.submission], hidden=row.submission not in kept, starts=starts))
        before = row
    return found


def _line(common: Frame, row: Row, index: int, *, hidden: bool, starts: bool) -> dict[str, Any]:
    choice, value = common.choice, lead(row, common.choice)
    first, *others = common.columns
    return {
        "row": row,
        "href": common.links.system(row.submission),
        "band": _band(common, row),
        "tied": _tied(common, row),
        "about": _about(row),
        "badges": [TEXTS[badge] for badge in row.badges],
        "lead": FigureCell(first.key, first.name, figure(value.value), _raw(value.value), bounded(value)),
        "strip": strip(value, common.axis, _null(row, choice), ranked=row.band is not None),
        "cells": [_cell(column, row, choice) for column in others],
        "hidden": hidden,
        "index": index,
        "size": size_of(row),
        "unseen": is_unseen(row),
        "first_of_band": starts,
        "comparable": common.links.compares(common.table, row.submission),
    }


def _band(common: Frame, row: Row) -> str:
    if row.band is None:
        return DASH
    return f"{row.band}=" if common.in_band[row.band] > 1 else str(row.band)


def _tied(common: Frame, row: Row) -> str:
    """The band in words."""
    if row.band is None:
        return "not ranked"
    others = common.in_band[row.band] - 1
    return f"band {row.band}, tied with {others} more" if others else f"band {row.band}"


def _about(row: Row) -> list[str]:
    """What stands beside the team: the rest of what the card says in few words."""
    found = [] if row.organisation == row.team else [row.organisation]
    if row.base_model.casefold() != "none":
        found.append(row.base_model if row.parameters is None else f"{row.base_model} ({row.parameters})")
    if row.open_weights == "yes":
        found.append("open weights")
    if row.postprocessing != "none":
        found.append(row.postprocessing)
    return [name(one) for one in found]


def _cell(column: Column, row: Row, choice: TableChoice) -> FigureCell:
    value = value_of(row, choice, column.field)
    text = figure(value) if not isinstance(value, str) else value
    detail = alert = ""
    if column.field == "coverage" and isinstance(value, float):
        text = f"{value:.0%}" if value == 1 else f"{value:.1%}"
        alert = "some articles were not answered" if value < 1 else ""
    elif column.field == "mean_concerns" and isinstance(value, float):
        text = f"{value:.1f}"
    elif column.field == "n_ref" and isinstance(value, int):
        text = f"{value}"
    elif choice.kind == ALL and isinstance(found := getattr(row, column.field), Figure):
        detail = bounded(found)
    if column.field == "skill" and value is None and _saturated(row, choice):
        text, alert = SATURATED, "predictions for other articles match nearly always"
    if column.field == "echo_f1" and choice.kind == ALL:
        alert = echo_alert(row)
    return FigureCell(column.key, column.name, text, _raw(value), detail, alert)


def _saturated(row: Row, choice: TableChoice) -> bool:
    if choice.kind == ALL:
        return row.saturated
    return bool((part_of(row, choice) or {}).get("controls", {}).get("saturated"))


def echo_alert(row: Row) -> str:
    """The sentence on copying the paper beside this row, where it reaches half of its match rate; else nothing."""
    note = echo_note(row.echo_match_rate, row.match_rate, row.n_matched)
    return note.text if note is not None and note.level == "alarm" and not row.saturated else ""


def _null(row: Row, choice: TableChoice) -> float | None:
    found = value_of(row, choice, "null_f1")
    return found if isinstance(found, float) else None


def _raw(value: Value) -> str:
    return "" if value is None else str(value)
