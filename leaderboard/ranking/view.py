"""What a board shows, as typed records: pages, JSON, CSV and the static site are made of these and nothing else.

No record has a field for a reference text or for what happened to one article of a split.
"""

from __future__ import annotations

from typing import Any, Literal

from ..store.shown import Figure, Shown

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


class Row(Shown):
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
    billions: float | None  # `parameters` as a number, where it can be read as one
    open_weights: str
    postprocessing: str
    submitted: str  # ISO date
    badges: tuple[Badge, ...]
    f1: Figure
    skill: Figure
    recall: Figure
    precision: Figure
    recall_major: Figure
    f1_macro: Figure
    null_f1: float | None
    match_rate: float | None
    null_match_rate: float | None
    echo_match_rate: float | None
    echo_f1: float | None
    generic_match_rate: float | None
    generic_f1: float | None
    ceiling_f1: float | None
    f1_answered: float | None
    n_ref: int
    n_pred: int
    n_matched: int
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


class Reported(Shown):
    """A figure that somebody published and this board did not compute."""

    system: str
    split: str
    n_articles: int | None
    f1: float | None
    recall: float | None
    precision: float | None
    recall_major: float | None
    mean_concerns: float | None
    note: str
    source: str


class PairTest(Shown):
    """Label-swap test of two ranked systems, the one of higher F1 first; `p_holm` is corrected over the table."""

    a: str
    b: str
    delta_f1: float
    p_value: float
    p_holm: float


class BoardTable(Shown):
    """The table of one split under one contract."""

    title: str
    data: str
    split: str
    contract: str
    label: str  # the name that may be printed beside a score: v3, v3+unverified-encoder, ...
    contracts: tuple[str, ...]
    splits: tuple[str, ...]
    ranking: bool  # this contract is the one that ranks
    signature: str | None
    n_articles: int
    n_references: int | None
    saturated: bool
    notice: tuple[str, ...]  # sentences that the table opens with
    rows: tuple[Row, ...]
    reported: tuple[Reported, ...]
    tests: tuple[PairTest, ...] = ()


class AfterCutoff(Shown):
    """Figures over the articles published after the training cut-off, or the reason why there are none."""

    cutoff: str | None
    n_dated: int
    n_articles: int | None
    f1: Figure
    skill: Figure
    recall: Figure
    precision: Figure
    reason: str | None


class ContractScore(Shown):
    """A system's row under one contract of the board, and what only its page shows."""

    contract: str
    label: str
    ranking: bool
    row: Row
    after_cutoff: AfterCutoff


class HistoryItem(Shown):
    """One scored submission of a team to a split."""

    submission: str
    system: str
    version: str
    submitted: str
    state: str
    marked: bool
    ranked: bool
    f1: Figure
    skill: Figure
    mean_concerns: float | None


class SystemView(Shown):
    """The page of one submission. `card` leaves out the contact, which is for the board's maintainers."""

    title: str
    data: str
    split: str
    submission: str
    system: str
    version: str
    team: str
    card: dict[str, Any]
    predictions_sha256: str
    scores: tuple[ContractScore, ...]  # the ranking contract first
    history: tuple[HistoryItem, ...]
