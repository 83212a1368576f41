"""What the API says, as typed records that server and client share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ..settings import Limits
from ..store.common import State


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


class SplitIds(_Said):
    """What a submission to a split is checked against. `ids`: the articles that must each have a row."""

    data: str
    name: str
    label: str
    fingerprint: str
    verification: str
    held_out: bool
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
