"""What a reader chose to see of a table: part of the articles, order, filters. Read from a query string, and back.

Only known values are taken, of sources those that the table has, so the number of different pages is bounded. Unknown
parameters are ignored, because links from elsewhere carry tracking ones; an unknown value of a known one is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, SOURCES, is_source, sources_in_order
from bioreview_bench.errors import InputError, printable

from ..ranking.view import Row

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
    "skill",
    "recall",
    "precision",
    "recall_major",
    "null_f1",
    "echo",
    "concerns",
    "coverage",
    "submitted",
    "references",
)
_ASCENDING: Final = ("band", "system")
_FILTERS: Final[dict[str, tuple[str, ...]]] = {
    "weights": ("any", "open"),
    "size": ("any", *SIZES, "unstated"),
    "training": ("any", "unseen"),
    "show": ("every", "ranked"),
}


@dataclass(frozen=True)
class TableChoice:
    """`part` is "all" or such as "source:elife"; an empty `sort` becomes the first one.

    Filters hold the first value of their list when they are off.
    """

    part: str = ALL
    sort: str = ""
    descending: bool = False
    weights: str = "any"
    size: str = "any"
    training: str = "any"
    show: str = "every"

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
        """True when a filter is on."""
        return any(getattr(self, name) != values[0] for name, values in _FILTERS.items())

    def whole(self) -> TableChoice:
        """The same filters on all concerns, in the order of bands."""
        return replace(self, part=ALL, sort="band", descending=False)

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
        return found


def read_choice(query: Mapping[str, str]) -> TableChoice:
    """The choice that a query string makes. Raises InputError for a value that is none."""
    part = _part(query.get("part", ALL))
    sort = _one_of("sort", query.get("sort", TableChoice(part).sort), SORTS)
    order = _one_of("order", query.get("order", "down" if starts_descending(sort) else "up"), ("up", "down"))
    filters = {name: _one_of(name, query.get(name, values[0]), values) for name, values in _FILTERS.items()}
    return TableChoice(part, sort, order == "down", **filters)


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
        and (choice.show == "every" or row.band is not None)
    )


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
