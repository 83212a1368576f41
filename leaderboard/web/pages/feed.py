"""What was scored last, as an Atom feed (RFC 4287)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from bioreview_bench.report.html.words import figure, interval, name

from ...ranking.build import load_table
from ...ranking.view import BoardTable, Row
from ...store.settings import get_settings
from ..links import Links
from ..site import place

if TYPE_CHECKING:
    from ...store.database import Database

ATOM = "application/atom+xml; charset=utf-8"
_SPACE = "http://www.w3.org/2005/Atom"
_MOST = 50
_NEVER = "1970-01-01"
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 has no way to write these


def all_tables(db: Database) -> list[BoardTable]:
    """The table of each split under the contract that ranks."""
    settings = get_settings(db)
    return [load_table(db, split, settings.ranking) for split in settings.splits]


def feed(links: Links, tables: Sequence[BoardTable]) -> str:
    """The newest submissions of all tables. Ids are made of the board's own, so they outlive a new address."""
    rows = [(row, table) for table in tables for row in table.rows]
    rows.sort(key=lambda one: (one[0].submitted, one[0].submission), reverse=True)
    title = tables[0].title
    made = ElementTree.Element("feed", {"xmlns": _SPACE})
    _add(made, "title", f"{name(title)}: new scores")
    _add(made, "id", uuid.uuid5(uuid.NAMESPACE_URL, f"bioreview-bench:{title}:{tables[0].data}").urn)
    _add(made, "updated", _moment(rows[0][0].submitted if rows else _NEVER))
    _link(made, links.absolute(links.feed()) or "feed.xml", "self")
    _link(made, links.absolute("") or links.home(), "alternate")
    for row, table in rows[:_MOST]:
        _entry(made, links, row, table)
    text = ElementTree.tostring(made, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _entry(made: ElementTree.Element, links: Links, row: Row, table: BoardTable) -> None:
    entry = ElementTree.SubElement(made, "entry")
    where = f"{table.data}/{table.split}"
    bounds = interval(row.f1.bounds)
    _add(entry, "title", f"{name(row.system)} {name(row.version)}: F1 {figure(row.f1.value)} on {name(where)}")
    _add(entry, "id", uuid.uuid5(uuid.NAMESPACE_URL, f"bioreview-bench:{row.submission}").urn)
    _add(entry, "updated", _moment(row.submitted))
    _add(ElementTree.SubElement(entry, "author"), "name", name(row.team))
    address = links.system(row.submission)
    _link(entry, links.absolute(address) or address, "alternate")
    _add(entry, "summary", f"F1 {figure(row.f1.value)} {bounds} under contract {name(table.label)}, {place(row)}.")


def _add(parent: ElementTree.Element, tag: str, text: str) -> None:
    ElementTree.SubElement(parent, tag).text = _ILLEGAL.sub("\ufffd", text)


def _link(parent: ElementTree.Element, href: str, rel: str) -> None:
    ElementTree.SubElement(parent, "link", {"href": href, "rel": rel})


def _moment(day: str) -> str:
    return f"{day}T00:00:00Z"
