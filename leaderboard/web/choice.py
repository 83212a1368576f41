"""What a reader chose to see of a table: part of the articles, order, filters, columns, words to search for.

Read from a query string, and back. Only known values are taken, of sources those that the table has; the words of a
search are free, and short. Unknown parameters are ignored, because links from elsewhere carry tracking ones; an unknown
value of a known one is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, SOURCES, is_source, sources_in_order
from bioreview_bench.errors import InputError, printable

from ..ranking.entries import folded
from ..ranking.view import Row

T = TypeVar("T")
ALL: Final = "all"
_LABELS: Final[dict[str, tuple[str, ...]]] = {"category": CATEGORIES, "severity": SEVERITIES}
SIZES: Final[dict[str, tuple[float, float]]] = {  # billions of parameters: above the first, up to the second
    "small": (0.0, 10.0),
    "medium": (10.0, 100.0),
    "large": (100.0, float("inf")),
}
SORTS: Final = (
    "band",
    "system",
    "f1",
    "humans",
    "skill",
    "recall",
    "precision",
    "recall_major",
    "f1_macro",
    "null_f1",
    "echo",
    "concerns",
    "coverage",
    "cost",
    "submitted",
    "references",
)
COLUMNS: Final = (  # those that a reader may choose; `sources` is F1 on each source, side by side
    "humans",
    "skill",
    "recall",
    "precision",
    "recall_major",
    "f1_macro",
    "null_f1",
    "echo",
    "concerns",
    "coverage",
    "sources",
    "cost",
    "links",
    "submitted",
)
USUAL: Final = ("humans", "skill", "recall", "precision", "cost", "links", "submitted")
PER_PAGE: Final = 100
_LONGEST_SEARCH: Final = 100  # letters
_MOST_PAGES: Final = 10_000
_ASCENDING: Final = ("band", "system")
_FILTERS: Final[dict[str, tuple[str, ...]]] = {
    "weights": ("any", "open"),
    "size": ("any", *SIZES, "unstated"),
    "training": ("any", "unseen"),
    "show": ("teams", "ranked", "every"),  # teams: one row for each place in the ranking, and for a team without one
}


@dataclass(frozen=True)
class TableChoice:
    """`part` is "all" or such as "source:elife"; an empty `sort` becomes the first one.

    Filters hold the first value of their list when they are off. `search` is folded; every word of it must occur.
    """

    part: str = ALL
    sort: str = ""
    descending: bool = False
    weights: str = "any"
    size: str = "any"
    training: str = "any"
    show: str = "teams"
    search: str = ""
    columns: tuple[str, ...] = USUAL
    page: int = 1

    def __post_init__(self) -> None:
        if not self.sort:
            object.__setattr__(self, "sort", self.first_sort)
            object.__setattr__(self, "descending", starts_descending(self.sort))

    @property
    def kind(self) -> str:
        """all, source, category or severity."""
        return self.part.partition(":")[0]

    @property
    def name(self) -> str:
        """Which source, category or severity."""
        return self.part.partition(":")[2]

    @property
    def first_sort(self) -> str:
        """The order before anybody chose one: of bands, or of the leading figure of a part of the articles."""
        return {ALL: "band", "severity": "recall"}.get(self.kind, "f1")

    @property
    def filtered(self) -> bool:
        """True when a filter is on that hides rows (`show` apart)."""
        names = [name for name in _FILTERS if name != "show"]
        return bool(self.search) or any(getattr(self, name) != _FILTERS[name][0] for name in names)

    @property
    def view(self) -> str:
        """What a site of files calls this page of a table: a part, `sources`, `every`, or `all`."""
        if self.part != ALL:
            return self.part.replace(":", "-")
        return "sources" if self.columns == SOURCES_ONLY else "every" if self.show == "every" else ALL

    def whole(self) -> TableChoice:
        """The same filters on all concerns, in the order of bands."""
        return replace(self, part=ALL, sort="band", descending=False, columns=USUAL, page=1)

    def unfiltered(self) -> TableChoice:
        """The same part and order without filters and search."""
        return TableChoice(self.part, self.sort, self.descending, columns=self.columns)

    def query(self) -> dict[str, str]:
        """The parameters that differ from what is shown without any, in a fixed order."""
        found = {"part": self.part} if self.part != ALL else {}
        usual = self.descending == starts_descending(self.sort)
        if self.sort != self.first_sort or not usual:
            found["sort"] = self.sort
        if not usual:
            found["order"] = "down" if self.descending else "up"
        for name, values in _FILTERS.items():
            if getattr(self, name) != values[0]:
                found[name] = getattr(self, name)
        if self.search:
            found["q"] = self.search
        if self.columns != USUAL:
            found["col"] = ",".join(self.columns)
        if self.page > 1:
            found["page"] = str(self.page)
        return found


SOURCES_ONLY: Final = ("sources",)


def read_choice(query: Mapping[str, str]) -> TableChoice:
    """The choice that a query string makes. Raises InputError for a value that is none."""
    part = _part(query.get("part", ALL))
    sort = _one_of("sort", query.get("sort", TableChoice(part).sort), SORTS)
    order = _one_of("order", query.get("order", "down" if starts_descending(sort) else "up"), ("up", "down"))
    filters: dict[str, Any] = {
        name: _one_of(name, query.get(name, values[0]), values) for name, values in _FILTERS.items()
    }
    chosen = [one for one in query.get("col", "").split(",") if one]
    for one in chosen:
        _one_of("col", one, COLUMNS)
    columns = tuple(one for one in COLUMNS if one in chosen) or USUAL
    return TableChoice(
        part,
        sort,
        order == "down",
        **filters,
        search=searched(query.get("q", "")),
        columns=columns,
        page=page_number(query.get("page", "1")),
    )


def searched(words: str) -> str:
    """What a reader typed, folded as names are for comparing. Raises InputError when it is too long."""
    if len(words) > _LONGEST_SEARCH:
        raise InputError(f"A search has at most {_LONGEST_SEARCH} letters.", remedy="search for less")
    return folded(words)


def page_number(given: str) -> int:
    """The number of a page, from 1. Raises InputError."""
    if not (given.isascii() and given.isdigit() and len(given) <= 5 and 1 <= int(given) <= _MOST_PAGES):
        raise InputError(f'"{printable(given, 60)}" is not a number of a page.', remedy="use 1, or leave it out")
    return int(given)


def on_page(rows: Sequence[T], page: int, size: int = PER_PAGE) -> tuple[list[T], int]:
    """(the rows of a page, the number of pages); a page behind the last one has no rows."""
    return list(rows[(page - 1) * size : page * size]), max(1, -(-len(rows) // size))


def matches(row: Row, search: str) -> bool:
    """True when every word occurs in the row's names."""
    if not search:
        return True
    texts = (row.system, row.version, row.team, row.organisation, row.base_model, row.submission)
    text = " ".join(folded(one) for one in texts)
    return all(word in text for word in search.split())


def starts_descending(sort: str) -> bool:
    """Whether the first click on a column shows its highest figures first."""
    return sort not in _ASCENDING


def occurring(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """(kind, name) of every part of the articles that some row has figures for."""
    sources = sources_in_order(source for row in rows for source in row.per_source)
    parts = {"source": tuple(sources), **_LABELS}
    return [
        (kind, one) for kind in parts for one in parts[kind] if any(one in getattr(row, f"per_{kind}") for row in rows)
    ]


def require_source(choice: TableChoice, rows: Sequence[Row]) -> None:
    """Raise InputError for a source that is no preset and that no row has: nobody can ask for ever new pages."""
    if choice.kind == "source":
        known = sources_in_order([*SOURCES, *(source for row in rows for source in row.per_source)])
        _one_of("part", choice.part, [f"source:{name}" for name in known])


def passes(row: Row, choice: TableChoice) -> bool:
    """True when a row stays after the filters. What a card leaves open counts as the less favourable answer."""
    return (
        (choice.weights == "any" or row.open_weights == "yes")
        and (choice.size == "any" or size_of(row) == choice.size)
        and (choice.training == "any" or is_unseen(row))
        and (choice.show != "ranked" or row.band is not None)
        and matches(row, choice.search)
    )


def one_a_team(rows: Sequence[Row]) -> set[str]:
    """The submissions that stand for their team: all that rank, and the first of a team of which none ranks."""
    ranked = {folded(row.team) for row in rows if row.band is not None}
    found = {row.submission for row in rows if row.band is not None}
    for row in rows:
        if folded(row.team) not in ranked:
            ranked.add(folded(row.team))
            found.add(row.submission)
    return found


def size_of(row: Row) -> str:
    """small, medium, large; unstated where the card gives no number."""
    if row.billions is None:
        return "unstated"
    return next((name for name, (low, high) in SIZES.items() if low < row.billions <= high), "unstated")


def is_unseen(row: Row) -> bool:
    """The card leaves nothing open, and states that training saw neither v3 train nor the test journals."""
    return not {"trained-on-v3-train", "saw-test-journals", "undisclosed"} & set(row.badges)


def encoded(query: Mapping[str, str]) -> str:
    """A query string with its question mark; nothing for an empty one."""
    return f"?{urlencode(query)}" if query else ""


def _part(value: str) -> str:
    kind, _, name = value.partition(":")
    if value == ALL or name in _LABELS.get(kind, ()) or (kind == "source" and is_source(name)):
        return value
    labels = ", ".join(f"{kind}:{one}" for kind in _LABELS for one in _LABELS[kind])
    raise InputError(
        f'"{printable(value, 60)}" is not a value of part.',
        remedy=f"use one of {ALL}, source:NAME, {labels}, or leave it out",
    )


def _one_of(name: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise InputError(
            f'"{printable(value, 60)}" is not a value of {name}.',
            remedy=f"use one of {', '.join(known)}, or leave it out",
        )
    return value
