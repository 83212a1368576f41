"""What the controls beside a score and the validity card of its contract mean, in plain sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.load import OFFICIAL, READING
from bioreview_bench.data.vocabulary import UNANSWERED
from bioreview_bench.errors import InputError, printable
from bioreview_bench.results.records import ResultRecord, Validity
from bioreview_bench.results.validity import validity

# Shares from which a sentence is said (scoring specification, section 4).
_WARN_NULL_RATE = 0.5
_ECHO_NEAR = 0.5
_NEAR_MISS_LIMIT = 0.10
NEVER = "Never checked against judged pairs: nobody knows how many of this contract's matches are the same point."
_FEW = 30  # matches below which a share is hardly known
SATURATED: Final = "saturated"  # what is printed in place of a skill that is undefined for this reason


@dataclass(frozen=True)
class Note:
    """One sentence. `alarm` ones say that the number does not mean what it seems to."""

    level: Literal["info", "warning", "alarm"]
    text: str


def notes(record: ResultRecord) -> list[Note]:
    """Everything a reader must know before quoting the score, gravest first."""
    found = [*_saturation(record), *_echo(record), *_near_misses(record), validity_note(record), *_name(record)]
    found += [*_judge(record), *_answers(record), *_skill(record), *_reading(record)]
    return sorted(found, key=lambda note: ("alarm", "warning", "info").index(note.level))


def saturation(share: str) -> str:
    """The sentence about a saturated result, or table; `share` of the possible matches are made by chance."""
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
    return about(validity_of(record))


def about(validity: Validity) -> Note:
    """The sentence on a validity card; a warning unless most of the contract's matches are the same point."""
    return Note("info" if trusted(validity) else "warning", validity_sentence(validity))


def _saturation(record: ResultRecord) -> Iterator[Note]:
    rate = record.controls.null_match_rate
    if rate is None:
        yield Note(
            "warning", "No article has another one of its source to borrow predictions from: skill is undefined."
        )
    elif record.controls.saturated:
        yield Note("alarm", saturation(f"{rate:.1%}"))
    elif rate > _WARN_NULL_RATE:
        yield Note(
            "warning",
            f"Predictions written for other articles make {rate:.1%} of the possible matches: most of this "
            "F1 comes by chance. Quote skill beside it.",
        )


def _echo(record: ResultRecord) -> Iterator[Note]:
    echo, own = record.controls.echo_match_rate, record.controls.match_rate
    if not record.controls.saturated and echo_is_near(echo, own):
        yield Note(
            "alarm",
            "Echo comes near: copying sentences of the paper scores nearly as well under this contract "
            f"(match rate {echo:.3f}, this system {own:.3f}), so the number measures topic.",
        )


def _near_misses(record: ResultRecord) -> Iterator[Note]:
    rate = record.controls.near_miss_match_rate
    if rate is not None and rate > _NEAR_MISS_LIMIT:
        yield Note(
            "warning",
            f"Near misses match: of the texts that make another point in a reference's words, {rate:.1%} match under "
            f"this contract (at most {_NEAR_MISS_LIMIT:.0%} should), so a match need not be the same point.",
        )


def _name(record: ResultRecord) -> Iterator[Note]:
    if not record.encoder.verified and record.encoder.id is not None and record.judge is None:
        yield Note(
            "warning", "The encoder's weights are not verified: this score is not official, and boards refuse it."
        )
    if record.data.verification == "counts":
        yield Note("warning", "The data agree with the release by counts only; their contents are not verified.")
    if record.data.verification == "none":
        yield Note("info", "The articles are not a released split: compare only with results of this signature.")


def _judge(record: ResultRecord) -> Iterator[Note]:
    judge = record.judge
    if judge is None:
        return
    served = ", ".join(judge.served_models)
    yield Note(
        "info",
        f"Judged by a language model ({served}), which its provider may change under the same name: compare "
        f"results of one time. bench contract audit {judge.name} measures how far it can be believed.",
    )
    if len(judge.served_models) > 1:
        yield Note("warning", f"Several models answered under one name ({served}): the counts mix two judges.")
    order = judge.order
    if order is not None:
        kappa = "undefined" if order.same_kappa is None else f"{order.same_kappa:.2f}"
        yield Note(
            "info",
            f"Asked again in reverse order, the judge called {order.n_same_second:,} pairs the same point "
            f"({order.n_same_first:,} at first, {order.n_same_both:,} both times; Cohen's kappa {kappa}): "
            f"{order.n_matched[1]:,} matches in the place of {order.n_matched[0]:,}.",
        )


def _answers(record: ResultRecord) -> Iterator[Note]:
    coverage = record.coverage
    lost = {status: getattr(coverage, status) for status in UNANSWERED if getattr(coverage, status)}
    if lost:
        listed = ", ".join(f"{count} {status}" for status, count in lost.items())
        yield Note(
            "warning",
            f"{sum(lost.values())} of {coverage.n_articles} articles were not answered ({listed}); they count as "
            "articles without predictions.",
        )


def _skill(record: ResultRecord) -> Iterator[Note]:
    controls = record.controls
    if controls.skill is not None and controls.null_match_rate is not None:
        yield Note(
            "info",
            f"Skill {controls.skill:.3f}: of the matches that predictions for other articles leave open, this "
            "share was made. Skill corrects for length and stock phrases, not for topic.",
        )
    if controls.echo_match_rate is None and controls.generic_match_rate is None:
        yield Note("info", "The echo and generic control reviewers were not scored.")
    if controls.n_without_donor and controls.null_match_rate is not None:
        yield Note("info", f"{controls.n_without_donor} articles have no other article of their source to borrow from.")


def _reading(record: ResultRecord) -> Iterator[Note]:
    name = record.contract.get("name")
    if isinstance(name, str) and re.split("[+ ]", name)[0] == OFFICIAL:  # v3, and v3 with a reservation
        yield Note(
            "info",
            f"{OFFICIAL} is for comparison with published numbers. The contracts that read are {READING} and a "
            f"language model as judge (judge:openai:MODEL): --contract {OFFICIAL},{READING} shows both columns.",
        )


def validity_sentence(claim: Validity) -> str:
    """The sentence on a contract's matches."""
    if claim.refused is not None:
        return f"{NEVER} Its validity card was measured with other settings ({printable(claim.refused, 300)})."
    if claim.measured_on is None:
        return NEVER
    where = f"measured on {printable(claim.measured_on, 300)}"
    if claim.same is None or not claim.n_matched:
        return f"This contract matched none of the judged texts ({where})."
    said = [f"{round(claim.same * claim.n_matched)} of {claim.n_matched}{_few(claim)}"]
    if claim.interval is not None and not _few(claim):  # drawn from a handful, it would be narrower than the truth
        said.append(f"95% CI {100 * claim.interval[0]:.0f}-{100 * claim.interval[1]:.0f}")
    text = f"Of the pairs this contract matches, {claim.same:.0%} are the same point ({'; '.join([*said, where])})."
    return text if claim.found is None else f"{text} It finds {claim.found:.0%} of the points that these texts make."


def validity_in_short(claim: Validity) -> str:
    """The same in a few words, for a table."""
    if claim.refused is not None:
        return "never checked (its card is another contract's)"
    if claim.measured_on is None:
        return "never checked"
    if claim.same is None or not claim.n_matched:
        return "no matches"
    few = " (few)" if _few(claim) else ""
    return f"{claim.same:.0%} of {claim.n_matched} matches are the same point{few}"


def trusted(claim: Validity) -> bool:
    """True when at least half of the contract's matches are the same point, and there were enough to say so."""
    return claim.refused is None and claim.same is not None and claim.same >= 0.5 and not _few(claim)


def validity_of(record: ResultRecord) -> Validity:
    """What a result says of its contract; for results of earlier releases, what the contract's bundled card says.

    Raises InputError when that card is damaged.
    """
    if record.validity is not None:
        return record.validity
    try:
        contract = Contract(**record.contract)
    except (InputError, TypeError):
        return Validity()  # fields of another release, or of no contract: no card of ours is theirs
    return validity(contract, record.encoder)


def _few(claim: Validity) -> str:
    return ", too few to say much" if (claim.n_matched or 0) < _FEW else ""
