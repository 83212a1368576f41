"""What a board is about and what it allows. Stored in its database, so that server, worker and pages agree."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

_Name = Annotated[str, Field(min_length=1, max_length=1000)]
_Share = Annotated[float, Field(ge=0, le=1)]


class Limits(BaseModel):
    """Bounds of what is taken in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    upload_bytes: Annotated[int, Field(gt=0)] = 50 * 1024 * 1024
    card_bytes: Annotated[int, Field(gt=0)] = 64 * 1024
    run_bytes: Annotated[int, Field(gt=0)] = 1024 * 1024
    concerns: Annotated[int, Field(gt=0)] = 20_000
    concerns_per_article: Annotated[int, Field(gt=0)] = 100
    line_bytes: Annotated[int, Field(gt=0, description="Of one line of a predictions file.")] = 4 * 1024 * 1024
    uploads_per_day: Annotated[int, Field(gt=0, description="Files of a team and day, refused ones too.")] = 50
    per_day: Annotated[int, Field(gt=0, description="Submissions of a team and day that reach the queue.")] = 5
    requests_per_minute: Annotated[int, Field(gt=0)] = 120


class HumanRow(BaseModel):
    """What human reviewers of the same articles score against each other: a row to read systems by, without a rank.

    `beside`: it was measured against the other reviewers of an article, as the figure `beside_humans` of a system is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=200)] = "Human reviewers, one against the others"
    split: _Name
    contract: _Name
    f1: _Share
    f1_low: _Share | None = None
    f1_high: _Share | None = None
    skill: Annotated[float, Field(ge=-100, le=1)] | None = None
    recall: _Share | None = None
    precision: _Share | None = None
    n_articles: Annotated[int, Field(gt=0)] | None = None
    note: Annotated[str, Field(max_length=1000)] = ""
    beside: bool = False
    url: Annotated[str, Field(pattern="^https?://", max_length=500)] | None = None


class BoardSettings(BaseModel):
    """A board: one data set, some of its splits, some contracts, one of which ranks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: _Name = "bioreview-bench"
    data: _Name  # as for --data
    splits: Annotated[tuple[str, ...], Field(min_length=1)] = ("test",)
    contracts: Annotated[tuple[str, ...], Field(min_length=1)]  # names or files, as for --contract
    ranking: _Name  # the contract that ranks
    allow_unverified: bool = False  # score with an encoder whose weights nobody vouches for, labelled so
    draws: Annotated[int, Field(ge=0, le=100_000)] = 10_000
    limits: Limits = Limits()
    contact: Annotated[str, Field(max_length=500)] = ""  # whom to write to, for a token too: an address or a sentence
    hub_dataset: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$", max_length=200)] | None = None  # a Hub benchmark
    human: Annotated[tuple[HumanRow, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _ranking_is_scored(self) -> BoardSettings:
        if self.ranking not in self.contracts:
            raise ValueError("the ranking contract is none of the board's contracts")
        return self
