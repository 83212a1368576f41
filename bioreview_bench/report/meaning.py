"""What the controls beside a score mean, in plain sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from bioreview_bench.data.vocabulary import UNANSWERED
from bioreview_bench.report import validity as words
from bioreview_bench.results.records import ResultRecord, Validity

# Shares from which a sentence is said (scoring specification, section 4).
_WARN_NULL_RATE = 0.5
_ECHO_NEAR = 0.5
SATURATED: Final = "saturated"  # what is printed in place of a skill that is undefined for this reason


@dataclass(frozen=True)
class Note:
    """One sentence. `alarm` ones say that the number does not mean what it seems to."""

    level: Literal["info", "warning", "alarm"]
    text: str


def notes(record: ResultRecord) -> list[Note]:
    """Everything a reader must know before quoting the score, gravest first."""
    found = [*_saturation(record), *_echo(record), validity_note(record), *_name(record), *_judge(record)]
    found += [*_answers(record), *_skill(record)]
    return sorted(found, key=lambda note: ("alarm", "warning", "info").index(note.level))


def saturation(share: str) -> str:
    """The sentence about a saturated result, or table; `share` of the possible matches are made by accident."""
    return (
        f"SATURATED: {share} of the possible matches are also made by predictions written for other articles. "
        "Under this contract F1 counts concerns; it does not read them."
    )


def echo_is_near(echo: float | None, own: float | None) -> bool:
    """The echo rule, on match rates: True when copying sentences of the paper comes near a system.

    >>> echo_is_near(0.3, 0.5), echo_is_near(0.2, 0.5), echo_is_near(None, 0.5)
    (True, False, False)
    """
    return echo is not None and own is not None and echo >= _ECHO_NEAR * own


def validity_note(record: ResultRecord) -> Note:
    """How far the contract's matches can be trusted, by its validity card."""
    return about(words.of_result(record))


def about(validity: Validity) -> Note:
    """The sentence on a validity card; a warning unless most of the contract's matches are the same point."""
    return Note("info" if words.trusted(validity) else "warning", words.sentence(validity))


def _saturation(record: ResultRecord) -> list[Note]:
    rate = record.controls.null_match_rate
    if rate is None:
        return [
            Note("warning", "No article has another one of its source to borrow predictions from: skill is undefined.")
        ]
    if record.controls.saturated:
        return [Note("alarm", saturation(f"{rate:.1%}"))]
    if rate > _WARN_NULL_RATE:
        return [
            Note(
                "warning",
                f"Predictions written for other articles make {rate:.1%} of the possible matches: most of this "
                "F1 comes by accident. Quote skill beside it.",
            )
        ]
    return []


def _echo(record: ResultRecord) -> list[Note]:
    echo, own = record.controls.echo_match_rate, record.controls.match_rate
    if record.controls.saturated or not echo_is_near(echo, own):
        return []
    return [
        Note(
            "alarm",
            "Echo comes near: copying sentences of the paper scores nearly as well under this contract "
            f"(match rate {echo:.3f}, this system {own:.3f}), so the number measures topic.",
        )
    ]


def _name(record: ResultRecord) -> list[Note]:
    found = []
    if not record.encoder.verified and record.encoder.id is not None and record.judge is None:
        found.append(
            Note("warning", "The encoder's weights are not verified: this score is not official, and boards refuse it.")
        )
    if record.data.verification == "counts":
        found.append(
            Note("warning", "The data agree with the release by counts only; their contents are not verified.")
        )
    if record.data.verification == "none":
        found.append(
            Note("info", "The articles are not a released split: compare only with results of this signature.")
        )
    return found


def _judge(record: ResultRecord) -> list[Note]:
    judge = record.judge
    if judge is None:
        return []
    served = ", ".join(judge.served_models)
    found = [
        Note(
            "info",
            f"Judged by a language model ({served}), which its provider may change under the same name: compare "
            f"results of one time. bench contract audit {judge.name} measures how far it can be believed.",
        )
    ]
    if len(judge.served_models) > 1:
        found.append(Note("warning", f"Several models answered under one name ({served}): the counts mix two judges."))
    order = judge.order
    if order is not None:
        kappa = "undefined" if order.same_kappa is None else f"{order.same_kappa:.2f}"
        found.append(
            Note(
                "info",
                f"Asked again in reverse order, the judge called {order.n_same_second:,} pairs the same point "
                f"({order.n_same_first:,} at first, {order.n_same_both:,} both times; Cohen's kappa {kappa}): "
                f"{order.n_matched[1]:,} matches in the place of {order.n_matched[0]:,}.",
            )
        )
    return found


def _answers(record: ResultRecord) -> list[Note]:
    coverage = record.coverage
    lost = {status: getattr(coverage, status) for status in UNANSWERED if getattr(coverage, status)}
    if not lost:
        return []
    listed = ", ".join(f"{count} {status}" for status, count in lost.items())
    return [
        Note(
            "warning",
            f"{sum(lost.values())} of {coverage.n_articles} articles were not answered ({listed}); they count as "
            "articles without predictions.",
        )
    ]


def _skill(record: ResultRecord) -> list[Note]:
    controls = record.controls
    found = []
    if controls.skill is not None and controls.null_match_rate is not None:
        found.append(
            Note(
                "info",
                f"Skill {controls.skill:.3f}: of the matches that predictions for other articles leave open, this "
                "share was made. Skill corrects for length and stock phrases, not for topic.",
            )
        )
    if controls.echo_match_rate is None and controls.generic_match_rate is None:
        found.append(Note("info", "The echo and generic control reviewers were not scored."))
    if controls.n_without_donor and controls.null_match_rate is not None:
        found.append(
            Note("info", f"{controls.n_without_donor} articles have no other article of their source to borrow from.")
        )
    return found
