"""The rows of a table as its template shows them.

The columns of a table: which figures a row has for the whole split, and which for a part of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ...ranking.badges import TEXTS, BadgeText
from ...ranking.view import BoardTable, Row
from ...store.shown import Figure
from ..charts.strips import Axis, axis_of, strip
from ..links import Links
from ..site import DASH, bounded, figure, name
from .choice import ALL, Choice, is_unseen, passes, size_of

Value = float | str | None


@dataclass(frozen=True)
class Column:
    """A figure. `value` sorts; the last of `digits` is what is shown after the point."""

    key: str
    name: str
    meaning: str
    value: Callable[[Row], Value]
    digits: int = 3


def part_of(row: Row, choice: Choice) -> Mapping[str, Any] | None:
    """A row's figures in the chosen part of the articles; None when the part does not occur."""
    found: Mapping[str, Any] | None = getattr(row, f"per_{choice.kind}").get(choice.name)
    return found


def part_figure(part: Mapping[str, Any] | None, metric: str) -> Figure:
    """A figure of a part with its interval."""
    if part is None or part.get(metric) is None:
        return Figure(value=None)
    low, high = part["intervals"].get(metric) or (None, None)
    return Figure(value=part[metric], low=low, high=high)


def lead(row: Row, choice: Choice) -> Figure:
    """The figure that a table is about: F1, or recall by severity, where no precision exists."""
    if choice.kind == ALL:
        return row.f1
    return part_figure(part_of(row, choice), "recall" if choice.kind == "severity" else "f1")


def lead_column(choice: Choice) -> Column:
    """The column of the leading figure."""
    if choice.kind == "severity":
        return Column("recall", "Recall", _RECALL, lambda row: lead(row, choice).value)
    return Column("f1", "F1", _F1, lambda row: lead(row, choice).value)


def columns(choice: Choice) -> list[Column]:
    """The columns after the leading one."""
    if choice.kind == ALL:
        return [
            Column("skill", "Skill", _SKILL, lambda row: row.skill.value),
            Column("recall", "Recall", _RECALL, lambda row: row.recall.value),
            Column("precision", "Precision", _PRECISION, lambda row: row.precision.value),
            Column("recall_major", "Recall, major", _MAJOR, lambda row: row.recall_major.value),
            Column("null_f1", "Null F1", _NULL, lambda row: row.null_f1),
            Column("echo", "Echo F1", _ECHO, lambda row: row.echo_f1),
            Column("concerns", "Concerns", _CONCERNS, lambda row: row.mean_concerns, 1),
            Column("coverage", "Coverage", _COVERAGE, lambda row: row.coverage),
        ]
    if choice.kind == "severity":
        return [Column("references", "References", _REFERENCES, lambda row: _in(row, choice, "n_ref"), 0)]
    found = [
        Column("recall", "Recall", _RECALL, lambda row: _in(row, choice, "recall")),
        Column("precision", "Precision", _PRECISION, lambda row: _in(row, choice, "precision")),
    ]
    if choice.kind == "source":
        found.insert(0, Column("skill", "Skill", _SKILL, lambda row: _control(row, choice, "skill")))
        found += [
            Column("null_f1", "Null F1", _NULL, lambda row: _control(row, choice, "null_f1")),
            Column("echo", "Echo F1", _ECHO, lambda row: _control(row, choice, "echo_f1")),
        ]
    return [*found, Column("references", "References", _REFERENCES, lambda row: _in(row, choice, "n_ref"), 0)]


def arranged(rows: Sequence[Row], choice: Choice) -> list[Row]:
    """The rows that pass the filters, in the chosen order; undefined figures stand last either way."""
    kept = [row for row in rows if passes(row, choice)]
    value = sort_value(choice)
    known = [row for row in kept if value(row) is not None]
    known.sort(key=lambda row: _comparable(value(row)), reverse=choice.descending)
    return known + [row for row in kept if value(row) is None]


def sort_value(choice: Choice) -> Callable[[Row], Value]:
    """What the chosen column sorts by. A column that the chosen part does not have leaves the order as it is."""
    if choice.sort == "band":
        return lambda row: row.band
    if choice.sort == "system":
        return lambda row: row.system.casefold()
    if choice.sort == "submitted":
        return lambda row: row.submitted
    found = {column.key: column.value for column in (lead_column(choice), *columns(choice))}
    return found.get(choice.sort, lambda row: row.band)


def _comparable(value: Value) -> float | str:
    assert value is not None
    return value


def _in(row: Row, choice: Choice, key: str) -> Value:
    part = part_of(row, choice)
    return None if part is None else part.get(key)


def _control(row: Row, choice: Choice, key: str) -> Value:
    part = part_of(row, choice)
    return None if part is None else part["controls"].get(key)


_F1 = "Recall and precision in one figure: twice the matches over references and predictions together."
_SKILL = "Of the matches that predictions written for other articles leave open, the share that was made. 0 is chance."
_RECALL = "Share of the human reviewers' concerns that were found."
_PRECISION = "Share of the system's concerns that a human reviewer raised."
_MAJOR = "Recall among the concerns that reviewers called major."
_NULL = "F1 of the same predictions, each exchanged for those of another article: what accident makes."
_ECHO = "F1 of ten sentences copied from each paper: what naming the topic makes."
_CONCERNS = "Concerns written for an article, on average."
_COVERAGE = "Share of the articles that were answered. The others count as articles without predictions."
_REFERENCES = "Concerns of human reviewers that count here."


_ECHO_NEAR = 0.5  # as in the notices of a table


@dataclass(frozen=True)
class Cell:
    """A figure; `alert` says what is wrong with it."""

    key: str
    name: str
    text: str
    value: str
    detail: str = ""
    alert: str = ""


@dataclass(frozen=True)
class Line:
    """A row as the template shows it."""

    row: Row
    href: str
    band: str
    tied: str
    about: list[str]
    badges: list[BadgeText]
    lead: Cell
    strip: Markup
    cells: list[Cell]
    hidden: bool
    index: int
    size: str
    unseen: bool
    first_of_band: bool
    comparable: bool


@dataclass(frozen=True)
class Frame:
    """What all rows of a page have in common."""

    table: BoardTable
    choice: Choice
    links: Links
    axis: Axis
    columns: Sequence[Column]
    in_band: Mapping[int, int]  # how many systems a band has


def frame(table: BoardTable, choice: Choice, links: Links) -> Frame:
    """The frame of a page."""
    leads = [lead(row, choice) for row in table.rows]
    axis = axis_of(leads, [_null(row, choice) for row in table.rows])
    in_band = Counter(row.band for row in table.rows if row.band is not None)
    return Frame(table, choice, links, axis, columns(choice), in_band)


def lines(common: Frame) -> list[Line]:
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


def _line(common: Frame, row: Row, index: int, *, hidden: bool, starts: bool) -> Line:
    choice, value = common.choice, lead(row, common.choice)
    column = lead_column(choice)
    return Line(
        row=row,
        href=common.links.system(row.submission),
        band=_band(common, row),
        tied=_tied(common, row),
        about=_about(row),
        badges=[TEXTS[badge] for badge in row.badges],
        lead=Cell(column.key, column.name, figure(value.value), _raw(value.value), bounded(value)),
        strip=strip(value, common.axis, _null(row, choice), ranked=row.band is not None),
        cells=[_cell(column, row, choice) for column in common.columns],
        hidden=hidden,
        index=index,
        size=size_of(row),
        unseen=is_unseen(row),
        first_of_band=starts,
        comparable=common.links.compares(common.table, row.submission),
    )


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


def _cell(column: Column, row: Row, choice: Choice) -> Cell:
    value = column.value(row)
    text = figure(value, column.digits) if not isinstance(value, str) else value
    detail = alert = ""
    if column.key == "coverage" and isinstance(value, float):
        text = f"{value:.0%}" if value == 1 else f"{value:.1%}"
        alert = "some articles were not answered" if value < 1 else ""
    elif column.key == "concerns" and isinstance(value, float):
        text = f"{value:.1f}"
    elif choice.kind == ALL and isinstance(found := getattr(row, column.key, None), Figure):
        detail = bounded(found)
    if column.key == "skill" and value is None and _saturated(row, choice):
        text, alert = "saturated", "predictions for other articles match nearly always"
    if column.key == "echo" and choice.kind == ALL and _echo_near(row):
        alert = "copying sentences of the paper comes near this system: its number measures topic"
    return Cell(column.key, column.name, text, _raw(value), detail, alert)


def _saturated(row: Row, choice: Choice) -> bool:
    if choice.kind == "source":
        part = part_of(row, choice)
        return part is not None and bool(part["controls"].get("saturated"))
    return row.saturated


def _echo_near(row: Row) -> bool:
    echo, own = row.echo_match_rate, row.match_rate
    return not row.saturated and echo is not None and own is not None and echo >= _ECHO_NEAR * own


def _null(row: Row, choice: Choice) -> float | None:
    if choice.kind == ALL:
        return row.null_f1
    if choice.kind == "source":
        part = part_of(row, choice)
        return None if part is None else part["controls"].get("null_f1")
    return None


def _raw(value: Value) -> str:
    return "" if value is None else str(value)
