"""Points of all statistics for a table of counts, as the records of a result.

The gate of the predecessor board, shown for continuity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, sources_in_order
from bioreview_bench.results.counts import ArticleCounts
from bioreview_bench.results.records import Controls, Overall, PerCategory, PerSeverity, PerSource
from bioreview_bench.stats import formulas
from bioreview_bench.stats.sums import Sums, sums


def overall(counts: ArticleCounts) -> Overall:
    """Headline figures."""
    return Overall(**_overall(sums(counts)))


def controls(counts: ArticleCounts) -> Controls:
    """Other-article control, echo, generic and skill."""
    return Controls(**_controls(sums(counts), len(counts)))


def per_category(counts: ArticleCounts) -> dict[str, PerCategory]:
    """Figures of each category that has references or predictions."""
    total = sums(counts)
    found = {}
    for name in CATEGORIES:
        n = {count: int(total[f"category.{name}.{letter}"]) for count, letter in _COUNTS.items()}
        if n["n_ref"] or n["n_pred"]:
            found[name] = PerCategory(**n, **_points(formulas.category(total, name)))
    return found


def per_severity(counts: ArticleCounts) -> dict[str, PerSeverity]:
    """Recall of each severity that has references."""
    total = sums(counts)
    found = {}
    for name in SEVERITIES:
        references, matched = total[f"severity.{name}.R"], total[f"severity.{name}.M"]
        if references:
            found[name] = PerSeverity(
                n_ref=int(references),
                n_matched=int(matched),
                recall=_point(formulas.ratio(matched, references)),
            )
    return found


def per_source(counts: ArticleCounts) -> dict[str, PerSource]:
    """The full set of figures for each source that has articles."""
    found = {}
    for source in sources_in_order(counts.source):
        part = counts.of_source(source)
        total = sums(part)
        found[source] = PerSource(**_overall(total), controls=Controls(**_controls(total, len(part))))
    return found


_COUNTS = {"n_ref": "R", "n_pred": "P", "n_matched": "M"}


def _overall(total: Sums) -> dict[str, Any]:
    return {
        **{count: int(total[letter]) for count, letter in _COUNTS.items()},
        **_points(formulas.overall(total)),
    }


def _controls(total: Sums, n_articles: int) -> dict[str, Any]:
    figures = _points(formulas.controls(total))
    rate = figures["null_match_rate"]
    return {
        "null_matched": float(total["null.M"]),
        **figures,
        "saturated": rate is not None and rate > formulas.SATURATION,
        "n_without_donor": n_articles - int(total["donor.count"]),
    }


def _points(values: Mapping[str, Any]) -> dict[str, float | None]:
    return {name: _point(value) for name, value in values.items()}


def _point(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)


GATE_F1 = 0.58
GATE_RECALL = 0.45


def gate(f1: float | None, recall: float | None, saturated: bool) -> dict[str, Any]:
    """Whether `f1 >= 0.58` or `recall >= 0.45`; under a saturated contract passing says nothing."""
    passed = (f1 is not None and f1 >= GATE_F1) or (recall is not None and recall >= GATE_RECALL)
    return {"f1_min": GATE_F1, "recall_min": GATE_RECALL, "passed": passed, "informative": not saturated}
