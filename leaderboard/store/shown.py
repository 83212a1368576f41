"""What pages, JSON and the store alike show of a figure, and the records of the API that server and client share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from bioreview_bench.results.card import Card
from bioreview_bench.results.records import ResultRecord

from ..settings import Limits
from .common import State
from .settings import BoardSplit


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


@dataclass(frozen=True)
class Of:
    """Where `filled` finds a field: its path in the record, or its name in the card; `title`: what pages call it."""

    record: str = ""
    card: str = ""
    title: str = ""


def sources(model: type[BaseModel]) -> dict[str, Of]:
    """The annotations `Of` of a record's fields."""
    return {name: of for name, field in model.model_fields.items() for of in field.metadata if isinstance(of, Of)}


def filled(model: type[BaseModel], record: ResultRecord, card: Card | None = None) -> dict[str, Any]:
    """The fields of `model` that stand in a result's record or in its card."""
    found: dict[str, Any] = {}
    for name, of in sources(model).items():
        if of.card:
            found[name] = getattr(card, of.card)
        elif of.record:
            found[name] = (figure_at if model.model_fields[name].annotation is Figure else at)(record, of.record)
    return found


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


class _Said(BaseModel):
    # A newer board may say more than this client knows.
    model_config = ConfigDict(frozen=True)


class SplitInfo(_Said):
    """A split of the board."""

    name: str
    n_articles: int


class BoardInfo(_Said):
    """What a board is about and what it allows."""

    title: str
    data: str
    splits: tuple[SplitInfo, ...]
    contracts: tuple[str, ...]
    ranking: str
    limits: Limits
    version: str


class SplitIds(BoardSplit):
    """What a submission to a split is checked against. `ids`: the articles that must each have a row."""

    model_config = ConfigDict(extra="ignore")

    ids: tuple[str, ...]


class Submitted(_Said):
    """Where a submission stands right after it was taken in. `created` is false when it had been sent before."""

    id: str
    state: State
    reason: str | None
    created: bool


class Health(_Said):
    """The process answers."""

    status: str


class Readiness(_Said):
    """The database answers; how many submissions wait, and for how long the oldest has."""

    status: str
    waiting: int
    oldest_seconds: int | None
