"""ArticleCounts: one row for each article with every count that a metric needs.

Metrics, intervals, slices and tests are functions of this table; nothing re-encodes or re-matches to get
another number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, STANCES

if TYPE_CHECKING:
    import pandas

Counts = NDArray[np.float64]
# What is counted by label: kind, labels, and the counts that each has.
LABELLED = (("category", CATEGORIES, ("ref", "pred", "matched")), ("severity", SEVERITIES, ("ref", "matched")))
# The same for slices that are shown only when asked for: what became of a concern, and who raised it.
SLICED = (
    ("stance", STANCES, ("ref", "matched")),
    ("was_valid", ("yes", "no"), ("ref", "matched")),
    ("raised_by_multiple", ("yes", "no"), ("ref", "matched")),
)


@dataclass(frozen=True)
class ArticleCounts:
    """Columns of length n (articles); those by label, such as `category_*`, are (n, labels).

    `similarity` sums the matched similarities. `null_*` are means over the other-article donors and 0 where
    `has_donor` is False. `echo_*`, `generic_*` and `near_miss_*` count the control reviewers; NaN where one was not
    scored.
    """

    id: tuple[str, ...]
    source: tuple[str, ...]
    family: tuple[str, ...]
    status: tuple[str, ...]
    n_ref: Counts
    n_pred: Counts
    n_matched: Counts
    ceiling: Counts
    similarity: Counts
    n_excluded: Counts
    has_donor: NDArray[np.bool_]
    null_matched: Counts
    null_ceiling: Counts
    echo_pred: Counts
    echo_matched: Counts
    echo_ceiling: Counts
    generic_pred: Counts
    generic_matched: Counts
    generic_ceiling: Counts
    near_miss_pred: Counts
    near_miss_matched: Counts
    near_miss_ceiling: Counts
    category_ref: Counts
    category_pred: Counts
    category_matched: Counts
    severity_ref: Counts
    severity_matched: Counts
    stance_ref: Counts
    stance_matched: Counts
    was_valid_ref: Counts
    was_valid_matched: Counts
    raised_by_multiple_ref: Counts
    raised_by_multiple_matched: Counts

    def __len__(self) -> int:
        return len(self.id)

    @property
    def _sliced(self) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        """Those of SLICED that any reference has a label for."""
        return [part for part in SLICED if getattr(self, f"{part[0]}_ref").any()]

    def select(self, mask: NDArray[np.bool_]) -> ArticleCounts:
        """The rows where `mask` is True."""
        keep = np.flatnonzero(mask)
        columns: dict[str, Any] = {}
        for field in fields(self):
            column = getattr(self, field.name)
            columns[field.name] = tuple(column[row] for row in keep) if isinstance(column, tuple) else column[keep]
        return ArticleCounts(**columns)

    def of_source(self, source: str) -> ArticleCounts:
        """The rows of one source."""
        return self.select(np.array([name == source for name in self.source], bool))

    def to_frame(self) -> pandas.DataFrame:
        """As a pandas DataFrame; category and severity columns are named `design_flaw_n_ref` and so on."""
        import pandas

        columns: dict[str, Any] = {}
        for field in fields(self):
            column = getattr(self, field.name)
            if isinstance(column, tuple) or column.ndim == 1:
                columns[field.name] = list(column) if isinstance(column, tuple) else _integral(column)
        for kind, labels, counts in (*LABELLED, *self._sliced):
            for position, label in enumerate(labels):
                for count in counts:
                    columns[_column(kind, label, count)] = _integral(getattr(self, f"{kind}_{count}")[:, position])
        return pandas.DataFrame(columns)

    def to_rows(self) -> list[dict[str, Any]]:
        """As the `articles` of a result file: only categories and severities that occur."""
        rows = []
        numbers = [name for name in _NUMBERS if name not in _SHIPPED or not np.isnan(getattr(self, name)).all()]
        for row in range(len(self)):
            record: dict[str, Any] = {name: getattr(self, name)[row] for name in _NAMES}
            record["has_donor"] = bool(self.has_donor[row])
            record |= {name: _number(getattr(self, name)[row]) for name in numbers}
            for kind, labels, counts in (*LABELLED, *self._sliced):
                by_count = {f"n_{count}": getattr(self, f"{kind}_{count}")[row] for count in counts}
                record[f"per_{kind}"] = {
                    label: {name: int(column[position]) for name, column in by_count.items()}
                    for position, label in enumerate(labels)
                    if any(column[position] for column in by_count.values())
                }
            rows.append(record)
        return rows

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]]) -> ArticleCounts:
        """The inverse of `to_rows`."""
        columns: dict[str, Any] = {name: tuple(row[name] for row in rows) for name in _NAMES}
        columns["has_donor"] = np.array([row["has_donor"] for row in rows], bool)
        for name in _NUMBERS:
            values = [row.get(name) if name in _SHIPPED else row[name] for row in rows]
            columns[name] = np.array([np.nan if value is None else value for value in values], np.float64)
        for kind, labels, counts in (*LABELLED, *SLICED):
            for count in counts:
                table = [
                    [row.get(f"per_{kind}", {}).get(label, {}).get(f"n_{count}", 0) for label in labels] for row in rows
                ]
                columns[f"{kind}_{count}"] = np.array(table, np.float64).reshape(len(rows), len(labels))
        return cls(**columns)


def _column(kind: str, label: str, count: str) -> str:
    named = label if kind in ("category", "severity") else f"{kind}_{label}"
    return f"{named}_n_{count}"


# Only where a data set ships near misses.
_SHIPPED = ("near_miss_pred", "near_miss_matched", "near_miss_ceiling")
_NAMES = ("id", "source", "family", "status")
_OTHERS = (*_NAMES, "has_donor", *(f"{kind}_{count}" for kind, _, counts in (*LABELLED, *SLICED) for count in counts))
_NUMBERS = tuple(field.name for field in fields(ArticleCounts) if field.name not in _OTHERS)


def _number(value: np.floating) -> int | float | None:
    if np.isnan(value):
        return None
    return int(value) if value == int(value) else float(value)


def _integral(column: NDArray[Any]) -> NDArray[Any]:
    """Whole counts as integers; columns with fractions or gaps stay floats."""
    if column.dtype == bool or np.isnan(column).any() or (column != np.floor(column)).any():
        return column
    return column.astype(np.int64)
