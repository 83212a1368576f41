"""Does a judge say the same when the order of both lists is reversed?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bioreview_bench.results.records import OrderAgreement
from bioreview_bench.scoring.judge.request import LABELS, SAME, Labels
from bioreview_bench.scoring.matching import max_matches
from bioreview_bench.stats.agreement import label_agreement


def order_agreement(first: Sequence[Labels], second: Sequence[Labels]) -> OrderAgreement:
    """Agreement of two passes over the same pairs, one matrix (predictions, references) for each article."""
    one = np.concatenate([np.ravel(labels) for labels in first])
    two = np.concatenate([np.ravel(labels) for labels in second])
    same_one, same_two = one == SAME, two == SAME
    names = np.array(LABELS)
    return OrderAgreement(
        n_pairs=len(one),
        n_same_first=int(same_one.sum()),
        n_same_second=int(same_two.sum()),
        n_same_both=int((same_one & same_two).sum()),
        same_kappa=_kappa(same_one.astype(str).tolist(), same_two.astype(str).tolist()),
        label_kappa=_kappa(names[one].tolist(), names[two].tolist()),
        n_matched=(
            sum(max_matches(labels == SAME) for labels in first),
            sum(max_matches(labels == SAME) for labels in second),
        ),
    )


def _kappa(one: Sequence[str], two: Sequence[str]) -> float | None:
    kappa: float | None = label_agreement(zip(one, two, strict=True))["kappa"]
    return kappa
