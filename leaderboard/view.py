"""What a board shows, as typed records: pages, JSON, CSV and the static site are made of these and nothing else.

No record has a field for a reference text or for what happened to one article of a split.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Badge = Literal[
    "rescored",
    "complete",
    "unverified-encoder",
    "trained-on-v3-train",
    "saw-test-journals",
    "undisclosed",
    "cutoff-after-articles",
    "copies-references",
    "near-duplicate",
    "confusable-name",
]


class View(BaseModel):
    """Base of what is shown: unknown fields are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(View):
    """A number with its 95 % interval; both null where scoring.md says null."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Row(View):
    """One system in a table."""

    band: int | None  # tied systems share one, 1 is best; null: shown, not ranked
    why_unranked: str | None
    submission: str
    system: str
    version: str
    team: str
    organisation: str
    base_model: str
    parameters: str | None
    open_weights: str
    postprocessing: str
    submitted: str  # ISO date
    badges: tuple[Badge, ...]
    f1: Figure
    skill: Figure
    recall: Figure
    precision: Figure
    recall_major: Figure
    null_f1: float | None
    match_rate: float | None
    echo_match_rate: float | None
    echo_f1: float | None
    f1_answered: float | None
    mean_concerns: float
    coverage: float  # share of the articles with a row that was answered
    saturated: bool
    gate: dict[str, Any] | None
    n_team_submissions: int
    exact_match_rate: float
    per_category: dict[str, dict[str, Any]]
    per_severity: dict[str, dict[str, Any]]
    per_source: dict[str, dict[str, Any]]
    signature: str


class Reported(View):
    """A figure that somebody published and this board did not compute."""

    system: str
    split: str
    n_articles: int
    f1: float | None
    recall: float | None
    precision: float | None
    mean_concerns: float | None
    note: str
    source: str


class BoardTable(View):
    """The table of one split under one contract."""

    title: str
    data: str
    split: str
    contract: str
    contracts: tuple[str, ...]
    splits: tuple[str, ...]
    ranking: bool  # this contract is the one that ranks
    signature: str | None
    n_articles: int
    n_references: int
    saturated: bool
    notice: tuple[str, ...]  # sentences that the table opens with
    rows: tuple[Row, ...]
    reported: tuple[Reported, ...]
