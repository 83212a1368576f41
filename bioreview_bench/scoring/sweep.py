"""The score at other thresholds, from the similarities at hand: nothing is encoded again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bioreview_bench.contract import Contract
from bioreview_bench.controls.other_article import OtherArticle
from bioreview_bench.counts import ArticleCounts
from bioreview_bench.metrics import summary
from bioreview_bench.records import SweepPoint
from bioreview_bench.scoring.spaces import Space
from bioreview_bench.scoring.tally import count_matches_at
from bioreview_bench.scoring.texts import Case


def grid(contract: Contract) -> list[float]:
    """0.05, 0.10 .. 0.95, and the contract's own threshold."""
    return sorted({*(step / 20 for step in range(1, 20)), contract.threshold})


def sweep(
    cases: Sequence[Case], space: Space, counts: ArticleCounts, null: OtherArticle, thresholds: Sequence[float]
) -> list[SweepPoint]:
    """F1, null F1 and skill at each threshold; `null` was made with these thresholds."""
    matched = count_matches_at(cases, [case.prediction_texts for case in cases], space, thresholds)
    points = []
    for row, threshold in enumerate(thresholds):
        moved = replace(counts, n_matched=matched[row], null_matched=null.sweep_matched[row])
        controls = summary.controls(moved)
        points.append(
            SweepPoint(
                threshold=threshold, f1=summary.overall(moved).f1, null_f1=controls.null_f1, skill=controls.skill
            )
        )
    return points
