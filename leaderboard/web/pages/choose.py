"""The page to choose systems for a comparison: searched and paged, with the tests of one system against all others.

A table of n systems has n(n-1)/2 tests; no page shows them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bioreview_bench.report.html.words import name
from bioreview_bench.stats.comparison import LEVEL

from ...ranking.view import BoardTable, PairTest, Row
from ..choice import matches, on_page
from ..links import Links
from ..site import Site

MOST = 8  # systems in one comparison
_PER_PAGE = 50


@dataclass(frozen=True)
class Asked:
    """What the page is asked for: words to search systems by, a page of the list, and the system chosen so far."""

    search: str = ""
    page: int = 1
    chosen: str = ""

    def query(self) -> dict[str, str]:
        """Its parameters, those that differ from the first page of all."""
        found = {"q": self.search, "s": self.chosen, "page": str(self.page) if self.page > 1 else ""}
        return {key: value for key, value in found.items() if value}


@dataclass(frozen=True)
class PairLine:
    """A test as the page shows it: the higher and the other system by name, and the address of their comparison."""

    higher: str
    other: str
    href: str
    difference: float
    test: PairTest


def choose_page(site: Site, table: BoardTable, tests: Sequence[PairTest], asked: Asked = Asked()) -> str:
    """The page. `tests`: those of the system that was chosen, else of the best one, against every other.

    A server shows those against the systems that stand in the list above them.
    """
    links = site.links
    fitting = [row for row in table.rows if matches(row, asked.search) and row.submission != asked.chosen]
    shown, n_pages = on_page(fitting, asked.page, _PER_PAGE)
    if links.live:
        listed = {row.submission for row in shown}
        tests = [test for test in tests if test.b in listed]
    return site.render(
        "choose.html",
        "compare",
        table=table,
        asked=asked,
        chosen=next((row for row in table.rows if row.submission == asked.chosen), None),
        shown=shown if links.live else [],
        n_found=len(fitting),
        pages=_pages(table, asked, n_pages, links),
        lines=_lines(table, tests, links),
        most=MOST,
        level=LEVEL,
    )


def _lines(table: BoardTable, tests: Sequence[PairTest], links: Links) -> list[PairLine]:
    known: dict[str, Row] = {row.submission: row for row in table.rows}
    found = []
    for test in tests:
        href = links.compare(table, test.a, test.b)
        if href is not None and {test.a, test.b} <= set(known):  # the table may be newer than its tests by a moment
            higher, other = (test.a, test.b) if test.delta_f1 >= 0 else (test.b, test.a)
            names = name(known[higher].system), name(known[other].system)
            found.append(PairLine(names[0], names[1], href, abs(test.delta_f1), test))
    return found


def _pages(table: BoardTable, asked: Asked, n_pages: int, links: Links) -> list[tuple[int, str, bool]]:
    """(number, address, whether it is shown now) of the pages of the list."""
    if n_pages == 1 or not links.live:
        return []
    return [
        (number, links.tests(table, **replace(asked, page=number).query()), number == asked.page)
        for number in range(1, n_pages + 1)
    ]
