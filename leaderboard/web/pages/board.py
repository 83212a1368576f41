"""The page of a table: what it is about, its rows, its charts, and what others reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from bioreview_bench.report.html.words import name

from ...ranking.badges import TEXTS
from ...ranking.view import BoardTable, Row
from ..charts.progress import DatedPoint, bests, progress
from ..charts.scatter import SystemPoint, scatter
from ..choice import ALL, COLUMNS, SOURCES_ONLY, TableChoice, occurring, starts_descending
from ..links import Links
from ..site import Site, part_name
from .table import Column, Frame, columns, frame, human_lines, lines

_COLUMN_NAMES = {
    "humans": "Beside humans",
    "sources": "F1 on each source",
    "links": "Links",
    "submitted": "Submitted",
    "cost": "Cost",
}
_FIT = 10  # columns beside each other on a desktop; more are scrolled
_DRAWN = 100  # systems in a chart


def board_page(site: Site, table: BoardTable, choice: TableChoice) -> str:
    """The page."""
    links = site.links
    common = frame(table, choice, links)
    chosen = _all_columns(common)
    return site.render(
        "board.html",
        "board",
        table=table,
        choice=choice,
        part=_part_words(choice),
        headings=[_heading(column, table, choice, links) for column in chosen],
        sorts=[(column.key, column.name) for column in chosen if column.key != "links" and not column.source],
        axis=common.axis,
        wide=len(chosen) - len(common.aside) > _FIT,
        aside=common.aside,
        common=common.shared,
        # Where matches can be trusted, the facts above the table say it in fewer words.
        notices=[one for one in table.notice if not (table.trusted and one == table.validity_sentence)],
        human=human_lines(common),
        lines=lines(common),
        comparable=len(common.rows) > 1 and any(links.compares(table, row.submission) for row in common.shown),
        n_found=len(common.rows),
        n_ranked=sum(row.band is not None for row in table.rows),
        n_teams=len({row.team for row in table.rows}),
        pages=_pages(common),
        chart=_chart(table, common.rows[:_DRAWN], links),
        progress=_progress(table.rows, links),
        parts=_parts(table, choice, links),
        tables=_tables(table, links),
        shows=_shows(table, choice, links),
        choosable=[(key, _column_name(key), key in choice.columns) for key in COLUMNS],
        badges=[text for badge, text in TEXTS.items() if any(badge in row.badges for row in table.rows)],
        signature=signature_parts(table.signature),
    )


def signature_parts(signature: str | None) -> list[str]:
    """Parts between which a signature may be broken; together they are the signature."""
    parts = name(signature or "").split("|")
    return [f"{part}|" for part in parts[:-1]] + parts[-1:]


def _all_columns(common: Frame) -> list[Column]:
    band = Column("band", "Systems of one band are not significantly below its first.", "Band")
    return [band, Column("system", title="System"), *common.columns]


def _column_name(key: str) -> str:
    return _COLUMN_NAMES.get(key) or columns(TableChoice(columns=(key,)))[-1].name


def _heading(column: Column, table: BoardTable, choice: TableChoice, links: Links) -> dict[str, str]:
    """The heading, with the address that sorts by it (empty where no server answers); `order` is aria-sort's."""
    if column.source:
        href = links.board(table, TableChoice(part=f"source:{column.source}")) if links.live else ""
        return {"key": column.key, "name": column.name, "meaning": column.meaning, "href": href, "order": ""}
    sorted_by = choice.sort == column.key
    order = ("descending" if choice.descending else "ascending") if sorted_by else ""
    down = not choice.descending if sorted_by else starts_descending(column.key)
    after = replace(choice, sort=column.key, descending=down, page=1)
    href = links.board(table, after) if links.live and column.key != "links" else ""
    return {"key": column.key, "name": column.name, "meaning": column.meaning, "href": href, "order": order}


def _part_words(choice: TableChoice) -> str:
    return "" if choice.part == ALL else part_name(choice.kind, choice.name)


def _parts(table: BoardTable, choice: TableChoice, links: Links) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """(what the articles are parted by, [(name, address, whether it is shown now)])."""
    groups: dict[str, list[tuple[str, str, bool]]] = {}
    for kind, one in occurring(table.rows):
        part = f"{kind}:{one}"
        href = links.board(table, TableChoice(part=part))
        groups.setdefault(kind, []).append((part_name(kind, one), href, choice.part == part))
    if "source" in groups:
        beside = replace(choice.whole(), columns=SOURCES_ONLY)
        groups["source"].append(("side by side", links.board(table, beside), choice.columns == SOURCES_ONLY))
    return list(groups.items())


def _tables(table: BoardTable, links: Links) -> dict[str, list[tuple[str, str, bool]]]:
    """Addresses of the other splits and contracts."""
    plain = TableChoice()
    return {
        "split": [(one, links.board(table, plain, split=one), one == table.split) for one in table.splits],
        "contract": [(one, links.board(table, plain, contract=one), one == table.contract) for one in table.contracts],
    }


def _shows(table: BoardTable, choice: TableChoice, links: Links) -> list[tuple[str, str, bool]]:
    """(words, address, whether it is shown now): one row a team, or every submission."""
    words = {"teams": "one row a team", "every": "every submission"}
    return [
        (said, links.board(table, replace(choice, show=show, page=1)), choice.show == show)
        for show, said in words.items()
    ]


def _pages(common: Frame) -> list[tuple[int, str, bool]]:
    """(number, address, whether it is shown now) of the pages of a long table."""
    numbers = range(1, common.n_pages + 1) if common.n_pages > 1 else ()
    to = [common.links.board(common.table, replace(common.choice, page=number)) for number in numbers]
    return [(number, href, number == common.choice.page) for number, href in zip(numbers, to, strict=True)]


def _chart(table: BoardTable, rows: Sequence[Row], links: Links) -> Markup | None:
    """F1 against skill; where the table is saturated, against the concerns written."""
    points = []
    for row in rows:
        x = row.mean_concerns if table.saturated else row.skill.value
        if x is not None and row.f1.value is not None:
            kind, href = "ranked" if row.band is not None else "other", links.system(row.submission)
            points.append(SystemPoint(name(row.system), x, row.f1.value, row.f1.low, row.f1.high, kind, href))
    if table.saturated:
        points += [
            SystemPoint(name(one.system), one.mean_concerns, one.f1, None, None, "reported")
            for one in table.reported
            if one.mean_concerns is not None and one.f1 is not None
        ]
        return scatter("chart", "F1 against concerns written", points, [], "concerns written per article")
    echo = next((row.echo_f1 for row in table.rows if row.echo_f1 is not None), None)
    levels = [("echo: ten sentences of the paper", echo)] if echo is not None else []
    levels += [("human reviewers", one.f1) for one in table.human[:1] if not one.beside]
    return scatter("chart", "F1 against skill", points, levels, "skill") if points else None


def _progress(rows: tuple[Row, ...], links: Links) -> Markup | None:
    """F1 over time, once there are two days: of many, the newest and all that were the best of their time."""
    points = [
        DatedPoint(name(row.system), row.submitted, row.f1.value, row.band is not None, links.system(row.submission))
        for row in sorted(rows, key=lambda row: row.submitted)
        if row.f1.value is not None
    ]
    if len({point.day for point in points}) < 2:
        return None
    older, newest = points[:-_DRAWN], points[-_DRAWN:]
    return progress("progress", "F1 over time", [*bests(older), *newest])
