"""Where pages are: addresses on a server, or files beside each other in a folder.

Templates ask a Links for every address, so both kinds of site are made of the same pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, urlencode

from ..ranking.view import BoardTable
from .pages.choice import ALL, Choice, encoded


class Links(Protocol):
    """Addresses of pages. None: there is no such page on this kind of site."""

    @property
    def live(self) -> bool:
        """True where a server answers: forms, submissions, filters without JavaScript."""

    def asset(self, name: str) -> str:
        """A style sheet, script or image."""

    def board(self, table: BoardTable, choice: Choice, split: str | None = None, contract: str | None = None) -> str:
        """A table; of another split or contract where these are given."""

    def home(self) -> str:
        """The table of the first split under the contract that ranks."""

    def system(self, submission: str) -> str:
        """The page of a system."""

    def system_file(self, submission: str, kind: str) -> str:
        """Its figures as json or csv."""

    def table_file(self, table: BoardTable, kind: str) -> str:
        """A table as json or csv; `kind` may be reported.csv."""

    def compare(self, table: BoardTable, a: str, b: str) -> str | None:
        """The page that compares two systems."""

    def tests(self, table: BoardTable) -> str:
        """The page with all tests of a table."""

    def compares(self, table: BoardTable, submission: str) -> bool:
        """True when there are pages that compare this system with others."""

    def pairs(self, table: BoardTable) -> str:
        """What stands before `A-B.html` in the address of a static site's comparison."""

    def page(self, name: str) -> str:
        """how-scoring-works, compare, submit, submissions, login."""


@dataclass(frozen=True)
class ServerLinks:
    """Addresses of a running board."""

    versions: dict[str, str] = field(default_factory=dict)  # of assets, so that browsers may keep them for ever
    live: bool = True

    def asset(self, name: str) -> str:
        """See Links."""
        version = self.versions.get(name)
        return f"/assets/{name}?v={version}" if version else f"/assets/{name}"

    def board(self, table: BoardTable, choice: Choice, split: str | None = None, contract: str | None = None) -> str:
        """See Links."""
        where = {"split": split or table.split, "contract": contract or table.contract}
        return f"/{encoded({**where, **choice.query()})}"

    def home(self) -> str:
        """See Links."""
        return "/"

    def system(self, submission: str) -> str:
        """See Links."""
        return f"/systems/{quote(submission, safe='')}"

    def system_file(self, submission: str, kind: str) -> str:
        """See Links."""
        return f"{self.system(submission)}.{kind}"

    def table_file(self, table: BoardTable, kind: str) -> str:
        """See Links."""
        if kind == "reported.csv":
            return f"/reported/{quote(table.split, safe='')}.csv"
        return f"/api/v1/tables/{quote(table.split, safe='')}/{quote(table.contract, safe='')}.{kind}"

    def compare(self, table: BoardTable, a: str, b: str) -> str | None:
        """See Links."""
        return f"/compare?{urlencode({'split': table.split, 'contract': table.contract, 'a': a, 'b': b})}"

    def tests(self, table: BoardTable) -> str:
        """See Links."""
        return f"/compare?{urlencode({'split': table.split, 'contract': table.contract})}"

    def compares(self, table: BoardTable, submission: str) -> bool:
        """See Links."""
        return True

    def pairs(self, table: BoardTable) -> str:
        """See Links. A server finds the two by its query."""
        return ""

    def page(self, name: str) -> str:
        """See Links."""
        return f"/{name}"


@dataclass(frozen=True)
class StaticLinks:
    """Files of a static site, as seen from a page `depth` folders below its top.

    `first` is (split, contract) of the table that index.html shows; `compared` has for each table, in its order, the
    systems of which every two have a page.
    """

    first: tuple[str, str]
    compared: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    depth: int = 0
    live: bool = False

    @property
    def _up(self) -> str:
        return "../" * self.depth

    def asset(self, name: str) -> str:
        """See Links."""
        return f"{self._up}assets/{name}"

    def board(self, table: BoardTable, choice: Choice, split: str | None = None, contract: str | None = None) -> str:
        """See Links. Order and filters are the browser's doing here; each part of the articles has a file."""
        where = (split or table.split, contract or table.contract)
        return self._up + board_file(where, self.first, choice.part)

    def home(self) -> str:
        """See Links."""
        return f"{self._up}index.html"

    def system(self, submission: str) -> str:
        """See Links."""
        return f"{self._up}systems/{submission}.html"

    def system_file(self, submission: str, kind: str) -> str:
        """See Links."""
        return f"{self._up}systems/{submission}.{kind}"

    def table_file(self, table: BoardTable, kind: str) -> str:
        """See Links."""
        return f"{self._up}tables/{table.split}-{table.contract}.{kind}"

    def compare(self, table: BoardTable, a: str, b: str) -> str | None:
        """See Links."""
        known = self.compared.get((table.split, table.contract), ())
        if a not in known or b not in known:
            return None
        first, second = sorted((a, b), key=known.index)
        return self._up + compare_file(table.split, table.contract, first, second)

    def tests(self, table: BoardTable) -> str:
        """See Links."""
        return self._up + tests_file((table.split, table.contract), self.first)

    def compares(self, table: BoardTable, submission: str) -> bool:
        """See Links."""
        return submission in self.compared.get((table.split, table.contract), ())

    def pairs(self, table: BoardTable) -> str:
        """See Links."""
        return f"{self._up}compare/{table.split}-{table.contract}-"

    def page(self, name: str) -> str:
        """See Links."""
        return f"{self._up}{name}.html"


def board_file(where: tuple[str, str], first: tuple[str, str], part: str) -> str:
    """The file of a table of a static site."""
    split, contract = where
    if part != ALL:
        return f"board-{split}-{contract}-{part.replace(':', '-')}.html"
    return "index.html" if where == first else f"board-{split}-{contract}.html"


def tests_file(where: tuple[str, str], first: tuple[str, str]) -> str:
    """The file with all tests of a table."""
    return "compare.html" if where == first else f"compare-{where[0]}-{where[1]}.html"


def compare_file(split: str, contract: str, a: str, b: str) -> str:
    """The file of a comparison; `a` stands before `b` in the table."""
    return f"compare/{split}-{contract}-{a}-{b}.html"
