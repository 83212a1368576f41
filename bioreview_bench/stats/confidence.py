"""Are stated confidences honest? A prediction is right when it is matched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

N_BINS = 10
_CONFIDENT = 0.8


def confidence(stated: Sequence[float], matched: Sequence[bool]) -> dict[str, Any] | None:
    """Calibration over all predictions that state a confidence; None when there is none.

    `ece`: expected calibration error over 10 equal-width bins, each including its lower edge, 1.0 in the last
    (Guo et al. 2017). `brier`: mean squared error (Brier 1950). `overconfidence_rate`: the share unmatched
    among those with a confidence above 0.8, None when there are none.
    """
    if not stated:
        return None
    given, right = np.asarray(stated, np.float64), np.asarray(matched, np.float64)
    edges = np.arange(N_BINS + 1) / N_BINS
    member = np.clip(np.searchsorted(edges, given, side="right") - 1, 0, N_BINS - 1)
    bins, ece = [], 0.0
    for number in range(N_BINS):
        inside = member == number
        n = int(inside.sum())
        mean, share = (float(given[inside].mean()), float(right[inside].mean())) if n else (None, None)
        if mean is not None and share is not None:
            ece += n / len(given) * abs(share - mean)
        bins.append(
            {
                "low": edges[number].item(),
                "high": edges[number + 1].item(),
                "n": n,
                "confidence": mean,
                "matched": share,
            }
        )
    bold = given > _CONFIDENT
    return {
        "n": len(given),
        "ece": ece,
        "brier": float(((given - right) ** 2).mean()),
        "overconfidence_rate": float(1 - right[bold].mean()) if bold.any() else None,
        "bins": bins,
    }
