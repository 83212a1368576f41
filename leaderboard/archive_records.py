"""The records of an exported board. An archive of another layout is refused by the version that it states."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from bioreview_bench.data.folder import canonical_split
from bioreview_bench.results.card import Card
from bioreview_bench.results.records import ResultRecord

from .settings import BoardSettings
from .states import State
from .store import SplitFacts

_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KeptUser(_Kept):
    """A user, without the token."""

    name: Annotated[str, Field(max_length=64)]
    team: Annotated[str, Field(max_length=100)]
    is_maintainer: bool
    ranks_all: bool
    created_at: AwareDatetime
    revoked_at: AwareDatetime | None


class Manifest(_Kept):
    """What the board is about and who submits to it."""

    layout: Literal[1]
    settings: BoardSettings
    splits: list[SplitFacts]
    contracts: list[dict[str, Any]]
    users: list[KeptUser]

    @model_validator(mode="after")
    def _whole(self) -> Manifest:
        splits = tuple(one.name for one in self.splits)
        if splits != self.settings.splits or any(canonical_split(name) != name for name in splits):
            raise ValueError("its splits are not those of its settings")
        if tuple(one.get("name") for one in self.contracts) != self.settings.contracts:
            raise ValueError("its contracts are not those of its settings")
        return self


class KeptEvent(_Kept):
    """A state that a submission entered."""

    state: State
    reason: str | None
    at: AwareDatetime


class KeptResult(_Kept):
    """What it scored under one contract."""

    contract: Annotated[str, Field(max_length=40)]
    record: ResultRecord
    extras: dict[str, Any]
    created_at: AwareDatetime


class KeptSubmission(_Kept):
    """A submission with everything that became of it."""

    id: Annotated[str, Field(pattern="^s_[0-9a-f]{16}$")]
    user: str
    team: Annotated[str, Field(max_length=100)]
    split: Annotated[str, Field(max_length=16)]
    digest: _Sha256
    predictions_sha256: _Sha256
    card: Card
    run: dict[str, Any] | None
    marked: bool
    state: State
    reason: str | None
    problems: list[dict[str, Any]] | None
    facts: dict[str, Any] | None
    created_at: AwareDatetime
    changed_at: AwareDatetime
    events: list[KeptEvent]
    results: list[KeptResult]
