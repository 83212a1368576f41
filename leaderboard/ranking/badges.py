"""Badges: what a reader must know about a row before comparing it, from the card, the result and the checks.

Not disclosed is never better than disclosed: each question that a card leaves open earns the badge `undisclosed`, and
filters that ask for a "no" or for open weights take a stated answer only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from bioreview_bench.results.card import Card
from bioreview_bench.results.records import ResultRecord

from .view import Badge

# A concern is copied when it equals a reference of its article whatever its case, white space and look-alike or
# invisible characters. Short stock phrases can coincide, so a flag takes several copies and more than one in a hundred.
COPIED_RATE: Final = 0.01
COPIED_CONCERNS: Final = 3


@dataclass(frozen=True)
class BadgeText:
    """How a badge is written, and what it means. `alarm` ones cast doubt on the row."""

    label: str
    meaning: str
    tone: Literal["calm", "caution", "alarm"]


TEXTS: Final[dict[Badge, BadgeText]] = {
    "rescored": BadgeText("rescored", "This board scored the predictions itself; no score was taken on trust.", "calm"),
    "complete": BadgeText("complete", "Every article of the split was answered.", "calm"),
    "unverified-encoder": BadgeText(
        "unverified encoder",
        "The encoder's files are not the verified ones: this is not the official score.",
        "alarm",
    ),
    "trained-on-v3-train": BadgeText(
        "trained on v3 train", "The system was trained on the train split of v3, as its card says.", "caution"
    ),
    "saw-test-journals": BadgeText(
        "saw the test journals",
        "Its training data contain texts of the journals that the split is drawn from, as its card says.",
        "caution",
    ),
    "undisclosed": BadgeText(
        "undisclosed",
        "The card leaves open whether training saw v3 or v4 train or the test journals, or when it ended. "
        "Read it as if it had.",
        "caution",
    ),
    "cutoff-after-articles": BadgeText(
        "cut-off after articles",
        "Training data reach beyond the date of some articles: the system may have read them and their reviews.",
        "caution",
    ),
    "copies-references": BadgeText(
        "copies references",
        "More than 1 % of its concerns are references of the same article word for word.",
        "alarm",
    ),
    "near-duplicate": BadgeText(
        "near-duplicate",
        "Most of its wording is in an earlier submission, of the same team or of another.",
        "caution",
    ),
    "confusable-name": BadgeText(
        "confusable name",
        "Its name is or looks like that of another team, its organisation or its system, or mixes scripts: "
        "look at the team.",
        "alarm",
    ),
    "unconfirmed-organisation": BadgeText(
        "organisation not confirmed",
        "The board's maintainers have not confirmed that the team belongs to the organisation that its card names.",
        "caution",
    ),
}


def badges(card: Card, record: ResultRecord, extras: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[Badge, ...]:
    """The badges of a result, in the order of TEXTS."""
    training = card.training_data
    disclosures = (training.saw_v3_train, training.saw_v4_train, training.saw_test_journals)
    coverage = record.coverage
    earned: dict[Badge, bool] = {
        "rescored": True,
        "complete": coverage.scored + coverage.empty == coverage.n_articles,
        "unverified-encoder": record.encoder.id is not None and not record.encoder.verified,
        "trained-on-v3-train": training.saw_v3_train == "yes",
        "saw-test-journals": training.saw_test_journals == "yes",
        "undisclosed": "undisclosed" in disclosures or training.cutoff is None,
        "cutoff-after-articles": _is_late(extras),
        "copies-references": copies(extras, record.overall.n_pred),
        "near-duplicate": bool(facts.get("n_near") or facts.get("near_elsewhere")),
        "confusable-name": any(facts.get(one) for one in ("looks_like", "same_name", "mixed_scripts")),
        "unconfirmed-organisation": bool(facts.get("unconfirmed_organisation")),
    }
    return tuple(badge for badge in TEXTS if earned[badge])


def copies(extras: Mapping[str, Any], n_pred: int) -> bool:
    """True when so many concerns equal references that chance cannot explain it."""
    rate = float(extras.get("exact_match_rate") or 0.0)
    return rate > COPIED_RATE and round(rate * n_pred) >= COPIED_CONCERNS


def _is_late(extras: Mapping[str, Any]) -> bool:
    """True when a stated cut-off leaves dated articles before it."""
    found = extras.get("after_cutoff") or {}
    return found.get("n_articles") is not None and found["n_articles"] < found["n_dated"]
