"""Calibration of answers: is stated confidence the share of right answers?

Expected error, Brier score, over-confidence and the bins are those of the core (metrics/confidence.py); what question
answering adds is the maximum error and under-confidence. Undefined figures are None, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bioreview_bench.errors import InputError
from bioreview_bench.results.records import ConfidenceBin
from bioreview_bench.stats.confidence import confidence

TIMID = 0.3
_BIN_FIELDS = ("low", "high", "n", "confidence", "matched")


@dataclass(frozen=True)
class Calibration:
    """Figures over `n` answers that state a confidence.

    `ece`: mean over answers of |share right - mean confidence| of their bin (10 equal-width bins). `mce`: the greatest
    such difference over bins that hold an answer. `brier`: mean of (c - y)^2. `overconfidence`: P(wrong | c > 0.8).
    `underconfidence`: P(right | c < 0.3). A `matched` share of a bin is the share right.
    """

    n: int
    ece: float | None = None
    mce: float | None = None
    brier: float | None = None
    overconfidence: float | None = None
    underconfidence: float | None = None
    mean_confidence: float | None = None
    accuracy: float | None = None
    bins: tuple[ConfidenceBin, ...] = ()

    @property
    def n_bins_used(self) -> int:
        """How many bins hold an answer."""
        return sum(found.n > 0 for found in self.bins)

    def as_dict(self) -> dict[str, Any]:
        """Plain values; bins say `right` where the core says matched."""
        found = asdict(self)
        found["bins"] = [
            {("right" if name == "matched" else name): getattr(one, name) for name in _BIN_FIELDS} for one in self.bins
        ]
        return found


def calibration(stated: Sequence[float], right: Sequence[bool]) -> Calibration:
    """Calibration of confidences in 0..1 against outcomes. Raises InputError for other values or unequal lengths.

    Sources: M. P. Naeini et al. (2015) for ECE and MCE, G. W. Brier (1950).
    """
    if len(stated) != len(right):
        raise InputError(f"{len(stated)} confidences and {len(right)} outcomes do not go together.")
    if not all(0 <= given <= 1 for given in stated):  # NaN is not either
        raise InputError("A confidence is not from 0 to 1.", remedy="leave out answers that state none")
    figures = confidence(stated, right)
    if figures is None:
        return Calibration(0)
    bins = tuple(ConfidenceBin(**found) for found in figures["bins"])
    gaps = [abs(one.matched - one.confidence) for one in bins if one.matched is not None and one.confidence is not None]
    timid = [outcome for given, outcome in zip(stated, right, strict=True) if given < TIMID]
    return Calibration(
        n=len(stated),
        ece=figures["ece"],
        mce=max(gaps),
        brier=figures["brier"],
        overconfidence=figures["overconfidence_rate"],
        underconfidence=sum(timid) / len(timid) if timid else None,
        mean_confidence=sum(stated) / len(stated),
        accuracy=sum(right) / len(right),
        bins=bins,
    )
