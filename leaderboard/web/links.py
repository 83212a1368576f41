"""Where pages are: addresses on a server, or files beside each other in a folder.

Templates ask Links for every address, so both kinds of site are made of the same pages, and each page's two places
stand in one line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from ..ranking.view import BoardTable
from .choice import ALL, TableChoice, encoded


@dataclass(frozen=True)
class Folder:
    """A static site. `first` is (split, contract) of the table that index.html shows; `compared` has for each table, in
    its order, the systems of which every two have a page."""

    first: tuple[str, str]
    compared: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)

    def board_file(self, where: tuple[str, str], view: str = ALL) -> str:
        """The file of a table, or of another view of it (`TableChoice.view`)."""
        if view != ALL:
            return f"board-{'-'.join(where)}-{view}.html"
        return "index.html" if where == self.first else f"board-{'-'.join(where)}.html"

    def tests_file(self, where: tuple[str, str]) -> str:
        """The file with all tests of a table."""
        return "compare.html" if where == self.first else f"compare-{'-'.join(where)}.html"

    def compare_file(self, where: tuple[str, str], a: str, b: str) -> str | None:
        """The file of a comparison; None when there is none."""
        known = self.compared.get(where, ())
        if a not in known or b not in known:
            return None
        return f"compare/{'-'.join((*where, *sorted((a, b), key=known.index)))}.html"


@dataclass(frozen=True)
class Links:
    """Addresses of a running board; with `folder`, of a static site as seen from `depth` folders below its top.

    `versions` are those of assets, so that browsers may keep them for ever. `base` is the address at which people reach
    the site, where it is known: feeds and previews name pages by it.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    folder: Folder | None = None
    depth: int = 0
    base: str = ""

    @property
    def live(self) -> bool:
        """True where a server answers: forms, submissions, filters without JavaScript."""
        return self.folder is None

    def asset(self, name: str) -> str:
        """A style sheet, script or image."""
        version = self.versions.get(name)
        return self._at(f"/assets/{name}?v={version}" if version else f"/assets/{name}", f"assets/{name}")

    def absolute(self, address: str) -> str:
        """An address that this made, for those who are elsewhere; nothing if it is not known where the site is."""
        return f"{self.base}/{address.removeprefix('../' * self.depth).removeprefix('/')}" if self.base else ""

    def home(self) -> str:
        """The table of the first split under the contract that ranks."""
        return self._at("/", "index.html")

    def page(self, name: str) -> str:
        """how-scoring-works, rules, compare, submit, submissions, login."""
        return self._at(f"/{name}", f"{name}.html")

    def feed(self) -> str:
        """What was scored last, as Atom."""
        return self._at("/feed.xml", "feed.xml")

    def board(
        self, table: BoardTable, choice: TableChoice, split: str | None = None, contract: str | None = None
    ) -> str:
        """A table; of another split or contract where these are given. In files the browser orders and filters."""
        where = (split or table.split, contract or table.contract)
        query = encoded({"split": where[0], "contract": where[1], **choice.query()})
        return self._at(f"/{query}", self.folder.board_file(where, choice.view) if self.folder else "")

    def table_file(self, table: BoardTable, kind: str) -> str:
        """A table as json or csv; `kind` may be reported.csv."""
        address = f"/api/v1/tables/{table.split}/{table.contract}.{kind}"
        if kind == "reported.csv":
            address = f"/reported/{table.split}.csv"
        return self._at(address, f"tables/{table.split}-{table.contract}.{kind}")

    def system(self, submission: str) -> str:
        """The page of a system."""
        return self._at(f"/systems/{submission}", f"systems/{submission}.html")

    def system_file(self, submission: str, kind: str) -> str:
        """Its figures as json or csv, its badge as svg, or the file of results for the Hub (hub.yaml)."""
        return self._at(f"/systems/{submission}.{kind}", f"systems/{submission}.{kind}")

    def tests(self, table: BoardTable, **more: str) -> str:
        """The page to choose systems for a comparison, with tests of a table; `more` parameters on a server."""
        query = urlencode({"split": table.split, "contract": table.contract, **more})
        return self._at(f"/compare?{query}", self.folder.tests_file(_where(table)) if self.folder else "")

    def compare(self, table: BoardTable, a: str, b: str) -> str | None:
        """The page that compares two systems; None when there is none."""
        file = self.folder.compare_file(_where(table), a, b) if self.folder else ""
        query = urlencode({"split": table.split, "contract": table.contract, "a": a, "b": b})
        return None if file is None else self._at(f"/compare?{query}", file)

    def compares(self, table: BoardTable, submission: str) -> bool:
        """True when there are pages that compare this system with others."""
        return self.folder is None or submission in self.folder.compared.get(_where(table), ())

    def pairs(self, table: BoardTable) -> str:
        """What stands before `A-B.html` in the address of a file's comparison; a server finds the two by its query."""
        return self._at("", f"compare/{table.split}-{table.contract}-")

    def _at(self, address: str, file: str) -> str:
        return address if self.folder is None else f"{'../' * self.depth}{file}"


def _where(table: BoardTable) -> tuple[str, str]:
    return table.split, table.contract
