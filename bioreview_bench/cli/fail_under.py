"""`--fail-under METRIC=VALUE`: let a pipeline stop when a score is too low."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, SOURCES
from bioreview_bench.errors import InputError, printable
from bioreview_bench.results.records import Controls, Overall, PerCategory, PerSeverity, Record, ResultRecord

_SECTIONS: dict[str, type[Record]] = {"overall": Overall, "controls": Controls}
_NAMED: dict[str, tuple[tuple[str, ...], type[Record]]] = {
    "per_category": (CATEGORIES, PerCategory),
    "per_severity": (SEVERITIES, PerSeverity),
    "per_source": (SOURCES, Overall),
}
_REMEDY = "--fail-under f1=0.3, --fail-under skill=0.1 or --fail-under per_category.design_flaw.recall=0.2"


@dataclass(frozen=True)
class Limit:
    """The least value of one metric, named by its path in a result."""

    path: tuple[str, ...]
    least: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read `METRIC=VALUE`. Raises InputError for an unknown metric or a value that is no number."""
        name, _, value = text.partition("=")
        try:
            least = float(value)
        except ValueError:
            least = math.nan
        path = _path(name)
        if path is None or not math.isfinite(least):
            raise InputError(f'--fail-under "{printable(text)}" names no metric and number.', remedy=_REMEDY)
        return cls(path, least)

    def violation(self, record: ResultRecord) -> str | None:
        """In words, when the metric is lower or undefined; else None."""
        value: object = record.model_dump()
        for part in self.path:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, int | float) and value >= self.least:
            return None
        shown = f"{value:.4f}" if isinstance(value, int | float) else "undefined"
        return f"{'.'.join(self.path)} is {shown}; at least {self.least} was asked for."


def _path(name: str) -> tuple[str, ...] | None:
    parts = tuple(name.split("."))
    if len(parts) == 1:
        return next(((section, name) for section, record in _SECTIONS.items() if name in record.model_fields), None)
    if len(parts) == 2 and parts[0] in _SECTIONS and parts[1] in _SECTIONS[parts[0]].model_fields:
        return parts
    if len(parts) == 3 and parts[0] in _NAMED:
        labels, record = _NAMED[parts[0]]
        if parts[1] in labels and parts[2] in record.model_fields:
            return parts
    return None
