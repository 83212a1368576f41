"""The rows of a table as its template shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..badges import TEXTS, BadgeText
from ..view import BoardTable, Figure, Row
from .charts.strips import Axis, axis_of, strip
from .choice import ALL, Choice, is_unseen, size_of
from .columns import Column, Value, arranged, columns, lead, lead_column, part_of
from .links import Links
from .words import DASH, bounded, figure, name

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
