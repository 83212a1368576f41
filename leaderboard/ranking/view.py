"""What a board shows, as typed records: pages, JSON, CSV and the static site are made of these and nothing else.

No record has a field for a reference text or for what happened to one article of a split.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from bioreview_bench.stats.comparison import LEVEL

from ..settings import HumanRow
from ..store.shown import Figure, Of, Shown, sources

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
    "unconfirmed-organisation",
]


class Row(Shown):
    """One system in a table."""

    # A figure is named here and nowhere else: what fills a row, JSON, CSV and pages go by these fields.

    band: int | None  # tied systems share one, 1 is best; null: shown, not ranked
    why_unranked: str | None
    disqualified: str | None  # why the maintainers took it out of the ranking
    submission: str
    system: Annotated[str, Of(card="system_name")]
    version: Annotated[str, Of(card="system_version")]
    team: str
    organisation: Annotated[str, Of(card="organisation")]
    base_model: Annotated[str, Of(card="base_model")]
    parameters: Annotated[str | None, Of(card="parameters")]
    billions: float | None  # `parameters` as a number, where it can be read as one
    open_weights: Annotated[str, Of(card="open_weights")]
    postprocessing: Annotated[str, Of(card="postprocessing")]
    cost_usd: Annotated[float | None, Of(card="cost_usd", title="Cost")] = None  # of making the predictions
    url: Annotated[str | None, Of(card="url")] = None
    paper_url: Annotated[str | None, Of(card="paper_url")] = None
    code_url: Annotated[str | None, Of(card="code_url")] = None
    model_url: Annotated[str | None, Of(card="model_url")] = None
    submitted: str  # ISO date
    badges: tuple[Badge, ...]
    f1: Annotated[Figure, Of("overall.f1", title="F1")]
    beside_humans: Annotated[float | None, Of("humans.system.f1", title="Beside humans")] = None
    skill: Annotated[Figure, Of("controls.skill", title="Skill")]
    recall: Annotated[Figure, Of("overall.recall", title="Recall")]
    precision: Annotated[Figure, Of("overall.precision", title="Precision")]
    recall_major: Annotated[Figure, Of("per_severity.major.recall", title="Recall, major")]
    f1_macro: Annotated[Figure, Of("overall.f1_macro", title="macro F1")]
    null_f1: Annotated[float | None, Of("controls.null_f1", title="Null F1")]
    match_rate: Annotated[float | None, Of("controls.match_rate", title="Match rate")]
    null_match_rate: Annotated[float | None, Of("controls.null_match_rate")]
    echo_match_rate: Annotated[float | None, Of("controls.echo_match_rate")]
    echo_f1: Annotated[float | None, Of("controls.echo_f1", title="Echo F1")]
    generic_match_rate: Annotated[float | None, Of("controls.generic_match_rate")]
    generic_f1: Annotated[float | None, Of("controls.generic_f1")]
    ceiling_f1: Annotated[float | None, Of("overall.ceiling_f1")]
    f1_answered: Annotated[float | None, Of("overall.f1_answered")]
    n_ref: Annotated[int, Of("overall.n_ref", title="References")]
    n_pred: Annotated[int, Of("overall.n_pred")]
    few_matches: bool  # fewer than ENOUGH: too few to compare with copied sentences
    mean_concerns: Annotated[float, Of(title="Concerns")]
    coverage: Annotated[float, Of(title="Coverage")]  # share of the articles with a row that was answered
    saturated: Annotated[bool, Of("controls.saturated")]
    gate: dict[str, Any] | None
    n_team_submissions: int
    # The record's own parts without their counts, with intervals under "intervals"; empty where `store.disclosure`
    # publishes none.
    per_category: dict[str, dict[str, Any]]
    per_severity: dict[str, dict[str, Any]]
    per_source: dict[str, dict[str, Any]]
    signature: Annotated[str, Of("signature")]

    @property
    def n_matched(self) -> int:
        """About how many matches: recall has three decimals, and the exact number is not published."""
        return round((self.recall.value or 0.0) * self.n_ref)

    @property
    def has_parts(self) -> bool:
        """Whether figures of parts of the articles are published of it: it ranks, and has matches enough."""
        return self.band is not None and bool(self.per_source)


SOURCES: Final = sources(Row)


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
    """Label-swap test of two ranked systems; `delta_f1` is F1 of `a` minus F1 of `b`.

    `p_adjusted` is corrected over all pairs of the table, `p_value` is that of the pair for itself.
    """

    a: str
    b: str
    delta_f1: float
    p_value: float
    p_adjusted: float

    @property
    def significant(self) -> bool:
        """True when the two differ at the level of the bands, if only in the fourth decimal."""
        return self.p_adjusted < LEVEL


class TestsOfOne(Shown):
    """A ranked system against every other of its table; no tests where it does not rank there."""

    submission: str
    level: float  # of the adjusted p
    tests: tuple[PairTest, ...]


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
    validity: str = ""  # how far the contract's matches can be trusted, in a few words
    validity_sentence: str = ""  # the same in full; also among the notices
    trusted: bool = False  # most of them are the same point, by judged pairs
    human: tuple[HumanRow, ...] = ()
    rows: tuple[Row, ...]
    reported: tuple[Reported, ...]


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
    disqualified: str | None = None
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
