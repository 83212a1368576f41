"""The result file, as typed records; `bench schema result` prints their JSON Schema.

A ratio whose denominator is zero is null. Only categories, severities and sources that occur have an entry.

JSON Schemas of the file formats, made from the records that read them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = "1"


class Record(BaseModel):
    """Base of all records: unknown fields are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class System(Record):
    """Who wrote the predictions. `postprocessing` describes the system and is not part of the signature."""

    name: str
    version: str | None = None
    postprocessing: str = "none"


class Data(Record):
    """Which articles: `label` is the data part of the signature."""

    label: str
    name: str
    split: str
    fingerprint: str
    verification: Literal["contents", "counts", "bundled", "none"]
    held_out: bool


class Encoder(Record):
    """What compared the texts. `verified`: every file that decides a vector has the contract's or the Hub's checksum.

    `files_sha256` is that of all these files, as in the signature; null in results of spec 1, which verified weights.
    """

    id: str | None
    revision: str | None
    weights_sha256: str | None
    verified: bool
    files_sha256: str | None = None


class Coverage(Record):
    """What became of every article; scored + empty + parse_failed + refused + error + missing = n_articles."""

    n_articles: int
    scored: int
    empty: int
    parse_failed: int
    refused: int
    error: int
    missing: int
    n_blank_dropped: int
    n_unknown_labels: int
    n_extra_ignored: int
    excluded_figure: int


class Overall(Record):
    """Headline figures over a set of articles."""

    n_ref: int
    n_pred: int
    n_matched: int
    recall: float | None
    precision: float | None
    f1: float | None
    f1_macro: float | None
    f1_answered: float | None
    soft_recall: float | None
    soft_precision: float | None
    soft_f1: float | None
    ceiling_f1: float | None


class Controls(Record):
    """What the score would be by chance. `skill` is null when saturated.

    `near_miss_match_rate` is null where the data set ships no near misses, and in older results.
    """

    null_matched: float
    null_f1: float | None
    match_rate: float | None
    null_match_rate: float | None
    skill: float | None
    saturated: bool
    n_without_donor: int
    echo_match_rate: float | None
    echo_f1: float | None
    generic_match_rate: float | None
    generic_f1: float | None
    near_miss_match_rate: float | None = None


class AgainstReviewers(Record):
    """Concerns matched with those of all reviewers of an article but one, summed over who is left out."""

    n_ref: int
    n_pred: int
    n_matched: int
    recall: float
    precision: float | None
    f1: float
    match_rate: float | None


class Humans(Record):
    """Human against human, over the articles with several reviewers: each reviewer is held out in turn.

    `reviewer`: the held-out reviewer's concerns against those of the others; `system`: the system's against the same.
    """

    n_articles: int
    n_reviewers: int
    reviewer: AgainstReviewers
    system: AgainstReviewers


class Validity(Record):
    """What the contract's validity card says.

    `same`: of the pairs that the contract matches, the share that raters call the same point, with `interval`.
    `found`: of the texts that make a reference's point, the share that the contract matches with it.
    All null: the contract was never checked against judged pairs. `refused` says how a card that lies with the
    contract differs from it; its figures are not used then.
    """

    n_matched: int | None = None
    same: float | None = None
    found: float | None = None
    interval: tuple[float, float] | None = None
    measured_on: str | None = None
    refused: str | None = None


class PerCategory(Record):
    """Figures of one category of references."""

    n_ref: int
    n_pred: int
    n_matched: int
    recall: float | None
    precision: float | None
    f1: float | None


class PerSeverity(Record):
    """Recall of one severity of references."""

    n_ref: int
    n_matched: int
    recall: float | None


class PerSource(Overall):
    """The full set of figures for one source."""

    controls: Controls


class Agreement(Record):
    """Agreement of labels on matched pairs; `confusion` maps reference label to prediction label to count."""

    n_pairs: int
    n_agree: int
    accuracy: float | None
    kappa: float | None
    confusion: dict[str, dict[str, int]]


class LabelAgreement(Record):
    """Agreement for both labels."""

    category: Agreement
    severity: Agreement


class ConfidenceBin(Record):
    """One bin of stated confidence: its mean and the share of predictions that were matched."""

    low: float
    high: float
    n: int
    confidence: float | None
    matched: float | None


class Confidence(Record):
    """Calibration of stated confidence."""

    n: int
    ece: float
    brier: float
    overconfidence_rate: float | None
    bins: list[ConfidenceBin]


class Gate(Record):
    """The predecessor board's gate; not informative under a saturated contract."""

    f1_min: float
    recall_min: float
    passed: bool
    informative: bool


class SweepPoint(Record):
    """Figures at one threshold. `echo_f1` is null where echo was not scored, and in results of earlier releases."""

    threshold: float
    f1: float | None
    null_f1: float | None
    skill: float | None
    echo_f1: float | None = None


class OrderAgreement(Record):
    """A judge asked twice, with both lists in reverse order: agreement over all pairs of predictions and references.

    `same_kappa` is Cohen's, of same against the rest; `n_matched` counts matches by the first and by the second pass.
    """

    n_pairs: int
    n_same_first: int
    n_same_second: int
    n_same_both: int
    same_kappa: float | None
    label_kappa: float | None
    n_matched: tuple[int, int]


class JudgedBy(Record):
    """Which language model judged, and what its answers cost when they were given (null where not known)."""

    name: str
    prompt_sha256: str
    parameters: dict[str, Any]
    served_models: list[str]
    n_calls: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    order: OrderAgreement | None = None


class Bootstrap(Record):
    """How intervals were made."""

    draws: int
    seed: int
    unit: Literal["family"]
    n_units: int


class Git(Record):
    """State of the package's checkout; both null when it runs from an installed package."""

    commit: str | None
    dirty: bool | None


class Provenance(Record):
    """Where the numbers came from. `device` is null when every vector was cached."""

    predictions_sha256: str | None
    data_fingerprint: str
    package: str
    libraries: dict[str, str]
    device: str | None
    git: Git
    started: str
    seconds: float


class ResultRecord(Record):
    """A result file."""

    schema_version: Literal["1"]
    signature: str
    contract: dict[str, Any]
    system: System
    data: Data
    encoder: Encoder
    coverage: Coverage
    overall: Overall
    controls: Controls
    per_category: dict[str, PerCategory]
    per_severity: dict[str, PerSeverity]
    per_source: dict[str, PerSource]
    label_agreement: LabelAgreement
    confidence: Confidence | None
    gate: Gate | None
    judge: JudgedBy | None = None
    sweep: list[SweepPoint]
    intervals: dict[str, tuple[float, float] | None]
    bootstrap: Bootstrap
    articles: list[dict[str, Any]]
    provenance: Provenance
    validity: Validity | None = None
    humans: Humans | None = None
