"""The rows of a table as its template shows them.

The columns of a table: which figures a row has for the whole split, and which for a part of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bioreview_bench.data.vocabulary import sources_in_order
from bioreview_bench.report.html.words import DASH, figure, name
from bioreview_bench.report.meaning import ENOUGH, SATURATED, echo_note

from ...ranking.badges import TEXTS, BadgeText
from ...ranking.view import SOURCES, BoardTable, Row
from ...settings import HumanRow
from ...store.shown import Figure
from ..charts.strips import Axis, axis_of, strip
from ..choice import ALL, COLUMNS, USUAL, TableChoice, is_unseen, on_page, one_a_team, passes, size_of
from ..links import Links
from ..site import bounded, part_name
from .shared import Shared, shared

Value = float | str | None

_MEANINGS: Final = {
    "f1": "Recall and precision in one figure: twice the matches over references and predictions together.",
    "beside_humans": "F1 against the concerns that the human row is measured by: those of all reviewers of an article "
    "but one, on articles with several reviewers.",
    "skill": "The share made of all matches beyond those that predictions written for other articles make. "
    "0 is chance.",
    "recall": "Share of the human reviewers' concerns that were found.",
    "precision": "Share of the system's concerns that a human reviewer raised.",
    "recall_major": "Recall among the concerns that reviewers called major.",
    "f1_macro": "Mean of the F1 of each article, so that every article counts the same.",
    "null_f1": "F1 of the same predictions, each replaced by those of another article: what chance makes.",
    "echo_f1": "F1 of ten sentences copied from each paper: what naming the topic makes.",
    "mean_concerns": "Concerns written for an article, on average.",
    "coverage": "Share of the articles that were answered. The others count as articles without predictions.",
    "cost_usd": "What making all predictions cost, in US dollars, as the card says.",
    "n_ref": "Concerns of human reviewers that count here.",
}
_KEYS: Final = {  # in addresses
    "echo_f1": "echo",
    "mean_concerns": "concerns",
    "n_ref": "references",
    "cost_usd": "cost",
    "beside_humans": "humans",
}
_FIELDS: Final = {key: field for field, key in _KEYS.items()}
_CONTROLS: Final = ("skill", "null_f1", "echo_f1")  # stand among the controls of a part
_OF_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "source": ("f1", "skill", "recall", "precision", "null_f1", "echo_f1", "n_ref"),
    "category": ("f1", "recall", "precision", "n_ref"),
    "severity": ("recall", "n_ref"),  # no precision exists by severity
}
_URLS: Final = {"paper_url": "paper", "code_url": "code", "model_url": "model", "url": "page"}
_SHOWN_BADGES: Final = 2  # in a row; the others are counted


@dataclass(frozen=True)
class Column:
    """A figure by the name of its field in a row, or F1 on one `source`."""

    field: str
    meaning: str = ""
    title: str = ""
    source: str = ""

    @property
    def key(self) -> str:
        """Its name in addresses and pages."""
        return f"source-{self.source}" if self.source else _KEYS.get(self.field, self.field)

    @property
    def name(self) -> str:
        """Its heading."""
        return self.title or SOURCES[self.field].title


def columns(choice: TableChoice, rows: Sequence[Row] = ()) -> list[Column]:
    """The columns of figures; the first is the one that a table is about. Those that no row fills are left out."""
    if choice.kind != ALL:
        return [Column(field, _MEANINGS[field]) for field in _OF_PARTS[choice.kind]]
    found = [Column("f1", _MEANINGS["f1"])]
    for key in choice.columns:
        field = _FIELDS.get(key, key)
        if key == "sources":
            sources = sources_in_order(source for row in rows for source in row.per_source)
            found += [_of_source(source) for source in sources]
        elif key == "links":
            found += [Column(key, "Paper, code and weights, as the card says.", "Links")] if _any(rows, *_URLS) else []
        elif key == "submitted":
            found.append(Column(key, "When it came.", "Submitted"))
        elif key not in ("cost", "humans") or _any(rows, field):
            found.append(Column(field, _MEANINGS[field]))
    return found


def _of_source(source: str) -> Column:
    name = part_name("source", source)
    return Column("f1", f"F1 on the articles of {name} alone.", name, source)


def _any(rows: Sequence[Row], *fields: str) -> bool:
    return any(getattr(row, field) is not None for row in rows for field in fields)


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
    return row.f1 if choice.kind == ALL else part_figure(part_of(row, choice), _OF_PARTS[choice.kind][0])


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
    field = _FIELDS.get(choice.sort, choice.sort)
    if choice.kind != ALL and field in _MEANINGS and field not in _OF_PARTS[choice.kind]:
        field = "band"
    standing = one_a_team(rows) if choice.show == "teams" else {row.submission for row in rows}
    kept = [(value_of(row, choice, field), row) for row in rows if row.submission in standing and passes(row, choice)]
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
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Frame:
    """What all rows of a page have in common. `rows` pass the filters; `shown` are those of this page."""

    table: BoardTable
    choice: TableChoice
    links: Links
    axis: Axis
    columns: Sequence[Column]
    in_band: Mapping[int, int]  # how many systems a band has
    shared: Shared
    rows: Sequence[Row]
    shown: Sequence[Row]
    n_pages: int
    aside: frozenset[str] = frozenset()  # columns of the page that are hidden until they are chosen


def frame(table: BoardTable, choice: TableChoice, links: Links) -> Frame:
    """The frame of a page. A site of files has all rows on one page, where the browser orders and filters them."""
    leads = [lead(row, choice) for row in table.rows]
    if choice.kind == ALL:
        leads += [Figure(value=one.f1, low=one.f1_low, high=one.f1_high) for one in table.human]
    axis = axis_of(leads, [_null(row, choice) for row in table.rows])
    in_band = Counter(row.band for row in table.rows if row.band is not None)
    common, rows = shared(table.rows), arranged(table.rows, choice)
    found = columns(choice, table.rows)
    if choice.columns == USUAL:
        found = [column for column in found if column.field not in common.fields]
    usual = found
    if not links.live and choice.kind == ALL and choice.columns == USUAL:  # the browser shows and hides the others
        found = columns(replace(choice, columns=tuple(key for key in COLUMNS if key != "sources")), table.rows)
    shown, n_pages = on_page(rows, choice.page) if links.live else (rows, 1)
    aside = frozenset(column.key for column in found if column not in usual)
    return Frame(table, choice, links, axis, found, in_band, common, rows, shown, n_pages, aside)


def lines(common: Frame) -> list[dict[str, Any]]:
    """The rows of the page in their order."""
    place = {row.submission: index for index, row in enumerate(common.table.rows)}
    found, before = [], None
    for row in common.shown:
        starts = before is None or before.band != row.band
        found.append(_line(common, row, place[row.submission], starts=starts))
        before = row
    return found


def _line(common: Frame, row: Row, index: int, *, starts: bool) -> dict[str, Any]:
    choice, value = common.choice, lead(row, common.choice)
    first, *others = common.columns
    badges = _badges(row, common)
    return {
        "row": row,
        "href": common.links.system(row.submission),
        "band": _band(common, row),
        "tied": _tied(common, row),
        "version": "" if "version" in common.shared.fields else name(row.version),
        "about": _about(row, common.shared),
        "badges": badges[:_SHOWN_BADGES],
        "more_badges": badges[_SHOWN_BADGES:],
        "lead": FigureCell(first.key, first.name, figure(value.value), _raw(value.value), bounded(value)),
        "strip": strip(value, common.axis, _null(row, choice), ranked=row.band is not None),
        "cells": [_cell(column, row, choice) for column in others],
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


def _about(row: Row, common: Shared) -> list[str]:
    """What stands beside the team: the rest of what the card says in few words, as far as rows differ in it."""
    found = [] if row.organisation == row.team else [row.organisation]
    if row.base_model.casefold() != "none" and "base_model" not in common.fields:
        found.append(row.base_model if row.parameters is None else f"{row.base_model} ({row.parameters})")
    if row.open_weights == "yes" and "open_weights" not in common.fields:
        found.append("open weights")
    if row.postprocessing != "none" and "postprocessing" not in common.fields:
        found.append(row.postprocessing)
    if row.n_team_submissions > 1:
        found.append(f"one of {row.n_team_submissions} by the team")
    return [name(one) for one in found]


_TONES: Final = ("alarm", "caution", "calm")


def _badges(row: Row, common: Frame) -> list[BadgeText]:
    """The badges that not every row has, what casts most doubt first; none beside what says more than any of them."""
    if row.disqualified is not None:
        return []
    found = [TEXTS[badge] for badge in row.badges if badge not in common.shared.badges]
    alert = echo_alert(row)
    if alert and common.choice.kind == ALL:
        found.append(BadgeText("≈ echo", alert, "alarm"))
    return sorted(found, key=lambda badge: _TONES.index(badge.tone))


def _cell(column: Column, row: Row, choice: TableChoice) -> FigureCell:
    if column.source:
        part = part_figure(row.per_source.get(column.source), "f1")
        return FigureCell(column.key, column.name, figure(part.value), _raw(part.value), bounded(part))
    if column.field == "links":
        urls = [(words, getattr(row, field)) for field, words in _URLS.items() if getattr(row, field) is not None]
        return FigureCell(column.key, column.name, "" if urls else DASH, "", links=tuple(urls))
    value = value_of(row, choice, column.field)
    text = figure(value) if not isinstance(value, str) else value
    detail = alert = ""
    if column.field == "coverage" and isinstance(value, float):
        text = f"{value:.0%}" if value == 1 else f"{value:.1%}"
        alert = "some articles were not answered" if value < 1 else ""
    elif column.field == "mean_concerns" and isinstance(value, float):
        text = f"{value:.1f}"
    elif column.field == "cost_usd" and isinstance(value, float):
        text = f"${value:,.0f}" if value >= 100 else f"${value:,.2f}"
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
    note = echo_note(row.echo_match_rate, row.match_rate, 0 if row.few_matches else ENOUGH)
    return note.text if note is not None and note.level == "alarm" and not row.saturated else ""


def human_lines(common: Frame) -> list[dict[str, Any]]:
    """The rows of human reviewers, without a rank. Only for all concerns.

    Where systems have a figure on the same references, that of the humans stands in its column and not under F1.
    """
    found = []
    columns = common.columns[1:]
    aside = any(column.field == "beside_humans" for column in columns)
    for one in common.table.human if common.choice.kind == ALL else ():
        there = aside and one.beside
        value = Figure(value=None) if there else Figure(value=one.f1, low=one.f1_low, high=one.f1_high)
        cells = [(column.key, column.name, _human_figure(one, column, there)) for column in columns]
        found.append(
            {
                "row": one,
                "lead": figure(value.value),
                "detail": bounded(value),
                "cells": cells,
                "strip": strip(value, common.axis, None, ranked=False),
            }
        )
    return found


def _human_figure(one: HumanRow, column: Column, there: bool) -> str:
    """What a row of humans has in a column. Recall and precision against other references would not compare."""
    if column.source:
        return DASH
    if there:
        return figure(one.f1) if column.field == "beside_humans" else DASH
    return figure(getattr(one, column.field, None))


def _null(row: Row, choice: TableChoice) -> float | None:
    found = value_of(row, choice, "null_f1")
    return found if isinstance(found, float) else None


def _raw(value: Value) -> str:
    return "" if value is None else str(value)
