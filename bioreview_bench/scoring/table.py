"""Putting the ArticleCounts table together from what was matched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.controls.other_article import OtherArticle
from bioreview_bench.controls.store import Counts
from bioreview_bench.counts import ArticleCounts
from bioreview_bench.scoring.tally import Tally
from bioreview_bench.scoring.texts import Case


def article_counts(cases: Sequence[Case], matched: Tally, null: OtherArticle, controls: Counts) -> ArticleCounts:
    """One row for each case; control columns are NaN where a control was not scored."""
    n_ref = np.array([len(case.references) for case in cases], np.float64)
    n_pred = np.array([len(case.predictions) for case in cases], np.float64)
    unknown: NDArray[np.float64] = np.full(len(cases), np.nan)

    def control(name: str) -> dict[str, NDArray[np.float64]]:
        found = [np.array(column, np.float64) for column in controls[name]] if name in controls else [unknown] * 3
        return {f"{name}_pred": found[0], f"{name}_matched": found[1], f"{name}_ceiling": found[2]}

    return ArticleCounts(
        id=tuple(case.article.id for case in cases),
        source=tuple(case.article.source for case in cases),
        family=tuple(case.article.family for case in cases),
        status=tuple(case.outcome for case in cases),
        n_ref=n_ref,
        n_pred=n_pred,
        n_matched=matched.n_matched,
        ceiling=np.minimum(n_ref, n_pred),
        similarity=matched.similarity,
        n_excluded=np.array([case.n_excluded for case in cases], np.float64),
        has_donor=null.has_donor,
        null_matched=null.matched,
        null_ceiling=null.ceiling,
        **control("echo"),
        **control("generic"),
        category_ref=matched.category_ref,
        category_pred=matched.category_pred,
        category_matched=matched.category_matched,
        severity_ref=matched.severity_ref,
        severity_matched=matched.severity_matched,
    )
