"""What the controls beside a score and the validity card of its contract mean, in plain sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
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
_NEAR_MISS_LIMIT = 0.10
_ECHO_HALF = 0.5  # of a system's match rate: an alarm from here
_ECHO_CLOSE = 0.8  # and from here copying is close to it
ENOUGH = 10  # matches of a system from which its match rate is compared with that of copying
NEVER = "Never checked against judged pairs: it is unknown how many of this contract's matches are the same point."
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


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def conclusion(record: ResultRecord) -> tuple[Note, int]:
    """The one sentence of a verdict, and how many more remarks the full report has: the gravest of what stands there.

    Where nothing warns, it says what was matched and how copying the paper compares.
    """
    found = list(notes(record))
    found.remove(validity_note(record))  # has a line of its own
    graver = [note for note in found if note.level != "info"]
    if graver:
        return graver[0], len(graver) - 1
    overall = record.overall
    matched = f"{overall.n_matched:,} of {overall.n_ref:,} references are matched by {overall.n_pred:,} predictions."
    copying = " ".join(note.text for note in _echo(record))
    return Note("info", f"{matched} {copying}".rstrip()), 0


def saturation(share: str) -> str:
    """The sentence about a saturated result, or table; `share` of the possible matches are made by chance."""
    return (
        f"SATURATED: {share} of the possible matches are also made by predictions written for other articles. "
        "Under this contract F1 counts concerns; it does not read them."
    )


EchoGrade = Literal["better", "close", "half", "below", "few"]


def echo_grade(echo: float | None, own: float | None, n_matched: int) -> EchoGrade | None:
    """How copying sentences of the paper does beside a system, by match rates as they are printed.

    None where either rate is undefined, `few` for a system with fewer than ENOUGH matches. Copying is `better`, `close`
    from four fifths of the system's rate on, `half` from half of it on, else `below`.

    >>> echo_grade(0.501, 0.5, 40), echo_grade(0.5, 0.5, 40), echo_grade(0.4, 0.5, 40)
    ('better', 'close', 'close')
    >>> echo_grade(0.399, 0.5, 40), echo_grade(0.25, 0.5, 40), echo_grade(0.249, 0.5, 40)
    ('half', 'half', 'below')
    >>> echo_grade(0.9, 0.5, 9), echo_grade(None, 0.5, 40)
    ('few', None)
    """
    if echo is None or own is None:
        return None
    if n_matched < ENOUGH:
        return "few"
    echo, own = round(echo, 3), round(own, 3)
    if echo > own:
        return "better"
    if echo >= round(_ECHO_CLOSE * own, 9):
        return "close"
    return "half" if echo >= round(_ECHO_HALF * own, 9) else "below"


def echo_note(echo: float | None, own: float | None, n_matched: int) -> Note | None:
    """The sentence on copying the paper beside a system; None where either match rate is undefined."""
    grade = echo_grade(echo, own, n_matched)
    if grade is None or echo is None or own is None:
        return None
    if grade == "few":
        matches = "1 match" if n_matched == 1 else f"{n_matched} matches"
        return Note("warning", f"Too few matches to say how copying sentences of the paper compares ({matches}).")
    rates = f"{echo:.3f} against {own:.3f}"
    if grade == "better":
        said = f"better than this system (match rate {rates}): under this contract the number measures topic."
        return Note("alarm", f"Copying sentences of the paper scores {said}")
    if grade == "close":
        said = f"close to this system (match rate {rates}): under this contract the number measures topic."
        return Note("alarm", f"Copying sentences of the paper scores {said}")
    share = f"{echo / own:.0%} of this system's match rate ({rates})"
    if grade == "half":
        return Note("alarm", f"Copying sentences of the paper reaches {share}: much of this score is topic.")
    return Note("info", f"Copying sentences of the paper reaches {share}.")


def echo_among(echo: float | None, systems: Sequence[tuple[float | None, int]]) -> str | None:
    """The sentence on copying the paper above a table of systems, each by its match rate and number of matches.

    None where copying reaches half the match rate of none of them.
    """
    counted = Counter(echo_grade(echo, own, n_matched) for own, n_matched in systems)
    words: dict[EchoGrade, str] = {"better": "better than", "close": "close to", "half": "at least half as high as"}
    said = [(verb, counted[grade]) for grade, verb in words.items() if counted[grade]]
    if not said or echo is None:
        return None
    if len(systems) == 1:
        scores, whose = f"{said[0][0]} the one system below", "its"
    else:
        scores = f"{listed([f'{verb} {n}' for verb, n in said])} of the {len(systems)} systems below"
        whose = "their"
    return (
        f"Copying ten sentences of each paper (match rate {echo:.3f}) scores {scores}: under this contract {whose} "
        "number measures topic as much as concerns."
    )


def validity_note(record: ResultRecord) -> Note:
    """How far the contract's matches can be trusted, by its validity card."""
    return about(validity_of(record))


def about(validity: Validity) -> Note:
    """The sentence on a validity card; a warning unless most of the contract's matches are the same point."""
    return Note("info" if trusted(validity) else "warning", validity_sentence(validity))


def _saturation(record: ResultRecord) -> Iterator[Note]:
    rate = record.controls.null_match_rate
    if rate is None:
        yield Note("warning", "No article has a donor (another article of its source): skill is undefined.")
    elif record.controls.saturated:
        yield Note("alarm", saturation(f"{rate:.1%}"))
    elif rate > _WARN_NULL_RATE:
        yield Note(
            "warning",
            f"Predictions written for other articles make {rate:.1%} of the possible matches: most of this "
            "F1 comes by chance. Quote skill with it.",
        )


def _echo(record: ResultRecord) -> Iterator[Note]:
    controls = record.controls
    note = echo_note(controls.echo_match_rate, controls.match_rate, record.overall.n_matched)
    if note is not None and not controls.saturated:
        yield note


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
        yield Note("warning", "The encoder's files are not verified: this score is not official, and boards refuse it.")
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
        f"results of the same period. bench contract audit {judge.name} measures how far it can be believed.",
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
            f"{order.n_matched[1]:,} matches instead of {order.n_matched[0]:,}.",
        )


def _answers(record: ResultRecord) -> Iterator[Note]:
    coverage = record.coverage
    lost = {status: getattr(coverage, status) for status in UNANSWERED if getattr(coverage, status)}
    if lost:
        statuses = ", ".join(f"{count} {status}" for status, count in lost.items())
        yield Note(
            "warning",
            f"{sum(lost.values())} of {coverage.n_articles} articles were not answered ({statuses}); they count as "
            "articles without predictions.",
        )


def _skill(record: ResultRecord) -> Iterator[Note]:
    controls = record.controls
    if controls.skill is not None and controls.null_match_rate is not None:
        yield Note(
            "info",
            f"Skill {controls.skill:.3f}: the share made of all matches beyond those that predictions for other "
            "articles make. Skill corrects for length and stock phrases, not for topic.",
        )
    if controls.echo_match_rate is None and controls.generic_match_rate is None:
        yield Note("info", "The echo and generic control reviewers were not scored.")
    if controls.n_without_donor and controls.null_match_rate is not None:
        yield Note("info", f"{controls.n_without_donor} articles have no donor (another article of their source).")


def is_official(record: ResultRecord) -> bool:
    """True under the official contract, also where its name carries a reservation (`v3+unverified-encoder`)."""
    return re.split("[+ ]", str(record.contract.get("name")))[0] == OFFICIAL


def _reading(record: ResultRecord) -> Iterator[Note]:
    if is_official(record):
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


def validity_line(claim: Validity) -> str:
    """The sentence without what it was measured on, for the verdict."""
    if claim.refused is not None:
        return "Never checked against judged pairs: the card kept with it was measured with other settings."
    if claim.measured_on is None or claim.same is None or not claim.n_matched:
        return NEVER if claim.measured_on is None else "It matched none of the judged texts."
    counted = f"{round(claim.same * claim.n_matched)} of {claim.n_matched}{', too few' if _few(claim) else ''}"
    text = f"Of the pairs this contract matches, {claim.same:.0%} are the same point ({counted})."
    return text if claim.found is None else f"{text} It finds {claim.found:.0%} of the points made."


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
