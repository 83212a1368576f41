"""The page of a table: what it is about, its chart, its rows, and what others reported."""

from __future__ import annotations

from dataclasses import replace

from markupsafe import Markup

from bioreview_bench.report.html.words import name

from ...ranking.badges import TEXTS
from ...ranking.view import BoardTable
from ..charts.scatter import SystemPoint, scatter
from ..choice import ALL, TableChoice, occurring, starts_descending
from ..links import Links
from ..site import Site, part_name
from .table import Column, Frame, frame, lines


def board_page(site: Site, table: BoardTable, choice: TableChoice) -> str:
    """The page."""
    links = site.links
    common = frame(table, choice, links)
    found = lines(common)
    chosen = _all_columns(common)
    return site.render(
        "board.html",
        "board",
        table=table,
        choice=choice,
        part=_part_words(choice),
        headings=[_heading(column, table, choice, links) for column in chosen],
        sorts=[*((column.key, column.name) for column in chosen), ("submitted", "Submitted")],
        axis=common.axis,
        lines=found,
        comparable=len(found) > 1 and any(line["comparable"] for line in found),
        n_shown=sum(not line["hidden"] for line in found),
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


def _all_columns(common: Frame) -> list[Column]:
    band = Column("band", "Systems of one band are not significantly below its first.", "Band")
    return [band, Column("system", title="System"), *common.columns]


def _heading(column: Column, table: BoardTable, choice: TableChoice, links: Links) -> dict[str, str]:
    """The heading, with the address that sorts by it (empty where no server answers); `order` is aria-sort's."""
    sorted_by = choice.sort == column.key
    order = ("descending" if choice.descending else "ascending") if sorted_by else ""
    down = not choice.descending if sorted_by else starts_descending(column.key)
    after = replace(choice, sort=column.key, descending=down)
    href = links.board(table, after) if links.live else ""
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
    return list(groups.items())


def _tables(table: BoardTable, links: Links) -> dict[str, list[tuple[str, str, bool]]]:
    """Addresses of the other splits and contracts."""
    plain = TableChoice()
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
            points.append(SystemPoint(name(row.system), x, row.f1.value, row.f1.low, row.f1.high, kind))
    if table.saturated:
        points += [
            SystemPoint(name(one.system), one.mean_concerns, one.f1, None, None, "reported")
            for one in table.reported
            if one.mean_concerns is not None and one.f1 is not None
        ]
        return scatter("chart", "F1 against concerns written", points, [], "concerns written per article")
    echo = next((row.echo_f1 for row in table.rows if row.echo_f1 is not None), None)
    levels = [("echo: ten sentences of the paper", echo)] if echo is not None else []
    return scatter("chart", "F1 against skill", points, levels, "skill") if points else None
