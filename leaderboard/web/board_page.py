"""The page of a table: what it is about, its chart, its rows, and what others reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..badges import TEXTS, BadgeText
from ..view import BoardTable, Figure, Row
from .charts.scatter import Level, Point, scatter
from .charts.strips import Axis, axis_of, strip
from .choice import ALL, PARTS, Choice, is_unseen, size_of, starts_descending
from .columns import Column, Value, arranged, columns, lead, lead_column, part_of
from .links import Links
from .site import Site
from .words import DASH, bounded, figure, name, part_name

_ECHO_NEAR = 0.5  # as in the notices of a table


@dataclass(frozen=True)
class Heading:
    """A column's heading, with the address that sorts by it (empty where no server answers)."""

    key: str
    name: str
    meaning: str
    href: str
    order: str  # "ascending", "descending" or "", as aria-sort has it


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


def board_page(site: Site, table: BoardTable, choice: Choice) -> str:
    """The page."""
    links = site.links
    shown = arranged(table.rows, choice)
    hidden = [row for row in table.rows if row not in shown]
    leads = [lead(row, choice) for row in table.rows]
    axis = axis_of(leads, [_null(row, choice) for row in table.rows])
    chosen = columns(choice)
    place = {row.submission: index for index, row in enumerate(table.rows)}
    tied = _tied(table.rows)
    lines = [
        _line(row, choice, links, axis, chosen, place, tied, before, hidden=row in hidden)
        for before, row in zip([None, *shown, *hidden], [*shown, *hidden], strict=False)
    ]
    return site.render(
        "board.html",
        "board",
        table=table,
        choice=choice,
        part=_part_words(choice),
        headings=[_heading(column, table, choice, links) for column in _all_columns(choice, chosen)],
        sorts=[*((column.key, column.name) for column in _all_columns(choice, chosen)), ("submitted", "Submitted")],
        axis=axis,
        lines=lines,
        n_shown=len(shown),
        n_ranked=sum(row.band is not None for row in table.rows),
        chart=_chart(table),
        parts=_parts(table, choice, links),
        tables=_tables(table, links),
        badges=[text for badge, text in TEXTS.items() if any(badge in row.badges for row in table.rows)],
        signature=signature_parts(table.signature),
    )


def signature_parts(signature: str | None) -> list[str]:
    """Parts between which a signature may be broken; together they are the signature."""
    parts = name(signature or "").split("|")
    return [f"{part}|" for part in parts[:-1]] + parts[-1:]


def _line(
    row: Row,
    choice: Choice,
    links: Links,
    axis: Axis,
    chosen: Sequence[Column],
    place: dict[str, int],
    tied: dict[int, int],
    before: Row | None,
    *,
    hidden: bool,
) -> Line:
    value = lead(row, choice)
    n_tied = tied.get(row.band, 0) if row.band is not None else 0
    return Line(
        row=row,
        href=links.system(row.submission),
        band=DASH if row.band is None else f"{row.band}{'=' if n_tied > 1 else ''}",
        tied=f"band {row.band}, tied with {n_tied - 1} more" if n_tied > 1 else f"band {row.band}" if row.band else "",
        about=_about(row),
        badges=[TEXTS[badge] for badge in row.badges],
        lead=Cell(
            lead_column(choice).key, lead_column(choice).name, figure(value.value), _raw(value.value), bounded(value)
        ),
        strip=strip(value, axis, _null(row, choice), ranked=row.band is not None),
        cells=[_cell(column, row, choice) for column in chosen],
        hidden=hidden,
        index=place[row.submission],
        size=size_of(row),
        unseen=is_unseen(row),
        first_of_band=before is None or before.band != row.band,
    )


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


def _tied(rows: Sequence[Row]) -> dict[int, int]:
    found: dict[int, int] = {}
    for row in rows:
        if row.band is not None:
            found[row.band] = found.get(row.band, 0) + 1
    return found


def _all_columns(choice: Choice, chosen: Sequence[Column]) -> list[Column]:
    return [
        Column("band", "Band", "Systems of one band are not significantly below its first.", lambda row: row.band),
        Column("system", "System", "", lambda row: row.system),
        lead_column(choice),
        *chosen,
        Column(
            "submitted", "Submitted", "When, and how many submissions the team had scored.", lambda row: row.submitted
        ),
    ]


def _heading(column: Column, table: BoardTable, choice: Choice, links: Links) -> Heading:
    sorted_by = choice.sort == column.key
    order = ("descending" if choice.descending else "ascending") if sorted_by else ""
    down = not choice.descending if sorted_by else starts_descending(column.key)
    after = Choice(choice.part, column.key, down, choice.weights, choice.size, choice.training, choice.show)
    href = links.board(table, after) if links.live else ""
    return Heading(column.key, column.name, column.meaning, href, order)


def _part_words(choice: Choice) -> str:
    return "" if choice.part == ALL else part_name(choice.kind, choice.name)


def _parts(table: BoardTable, choice: Choice, links: Links) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """(what the articles are parted by, [(name, address, whether it is shown now)])."""
    groups = []
    for kind, names in PARTS.items():
        occurring = [one for one in names if any(one in getattr(row, f"per_{kind}") for row in table.rows)]
        shown = [
            (part_name(kind, one), links.board(table, Choice(part=f"{kind}:{one}")), choice.part == f"{kind}:{one}")
            for one in occurring
        ]
        if shown:
            groups.append((kind, shown))
    return groups


def _tables(table: BoardTable, links: Links) -> dict[str, list[tuple[str, str, bool]]]:
    """Addresses of the other splits and contracts."""
    plain = Choice()
    return {
        "split": [(one, links.board(table, plain, split=one), one == table.split) for one in table.splits],
        "contract": [(one, links.board(table, plain, contract=one), one == table.contract) for one in table.contracts],
    }


def _chart(table: BoardTable) -> Markup | None:
    """F1 against skill; where the table is saturated, against the concerns written."""
    points = []
    for row in table.rows:
        x = row.mean_concerns if table.saturated else row.skill.value
        if x is not None and row.f1.value is not None:
            kind = "ranked" if row.band is not None else "other"
            points.append(Point(name(row.system), x, row.f1.value, row.f1.low, row.f1.high, kind))
    if table.saturated:
        points += [
            Point(name(one.system), one.mean_concerns, one.f1, None, None, "reported")
            for one in table.reported
            if one.mean_concerns is not None and one.f1 is not None
        ]
        return scatter("chart", "F1 against concerns written", points, [], "concerns written per article")
    echo = next((row.echo_f1 for row in table.rows if row.echo_f1 is not None), None)
    levels = [Level("echo: ten sentences of the paper", echo)] if echo is not None else []
    return scatter("chart", "F1 against skill", points, levels, "skill") if points else None
