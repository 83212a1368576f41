"""What is equal for all rows of a table: it stands once above them, and in no row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bioreview_bench.report.html.words import figure, name

from ...ranking.badges import TEXTS, BadgeText
from ...ranking.view import Badge, Row
from ..site import disclosed

_FIELDS = {
    "version": "Version",
    "base_model": "Base model",
    "open_weights": "Open weights",
    "postprocessing": "Post-processing",
    "echo_f1": "Echo F1",
    "coverage": "Answered",
    "submitted": "Submitted",
}


@dataclass(frozen=True)
class Shared:
    """`facts`: (title, text) of fields that all rows agree in; `fields` and `badges` are left out of the rows."""

    facts: tuple[tuple[str, str], ...] = ()
    fields: frozenset[str] = frozenset()
    badges: tuple[Badge, ...] = ()

    @property
    def badge_texts(self) -> list[BadgeText]:
        """The badges that all rows have."""
        return [TEXTS[badge] for badge in self.badges]


def shared(rows: Sequence[Row]) -> Shared:
    """What all rows have in common; nothing for fewer than two."""
    if len(rows) < 2:
        return Shared()
    same = [field for field in _FIELDS if len({getattr(row, field) for row in rows}) == 1]
    facts = [(_FIELDS[field], _said(rows[0], field)) for field in same if getattr(rows[0], field) is not None]
    badges = tuple(badge for badge in TEXTS if all(badge in row.badges for row in rows))
    return Shared(tuple(facts), frozenset(same), badges)


def _said(row: Row, field: str) -> str:
    value = getattr(row, field)
    if field == "open_weights":
        return disclosed(row.open_weights)
    if field == "coverage":
        return f"{row.coverage:.0%} of the articles" if row.coverage == 1 else f"{row.coverage:.1%} of the articles"
    return figure(value) if isinstance(value, float) else name(value)
