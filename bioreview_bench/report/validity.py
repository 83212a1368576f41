"""What a validity card says of a score, in one sentence, the same wherever the score stands."""

from __future__ import annotations

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.errors import InputError, printable
from bioreview_bench.results.records import ResultRecord, Validity
from bioreview_bench.results.validity import validity

NEVER = "Never checked against judged pairs: nobody knows how many of this contract's matches are the same point."
_FEW = 30  # matches below which a share is hardly known


def sentence(claim: Validity) -> str:
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


def short(claim: Validity) -> str:
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


def of_result(record: ResultRecord) -> Validity:
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
