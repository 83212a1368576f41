"""What pages, JSON and the store alike show of a figure."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from bioreview_bench.results.records import ResultRecord


class Shown(BaseModel):
    """Base of what is shown: unknown fields are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(Shown):
    """A number with its 95 % interval; both null where scoring.md says null."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The interval, None when there is none."""
        return None if self.low is None or self.high is None else (self.low, self.high)


def at(record: ResultRecord, path: str) -> Any:
    """What stands in a record at a path such as `overall.f1`; None where a part does not occur."""
    found: Any = record
    for name in path.split("."):
        if found is not None:
            found = found.get(name) if isinstance(found, dict) else getattr(found, name)
    return found


def figure_at(record: ResultRecord, path: str) -> Figure:
    """A metric with its interval."""
    low, high = record.intervals.get(path) or (None, None)
    return Figure(value=at(record, path), low=low, high=high)
