"""Do the raters agree? Cohen's kappa of two, Krippendorff's alpha of more."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.article import Article
from bioreview_bench.results.validity import RaterAgreement
from bioreview_bench.scoring.texts import counted_references
from bioreview_bench.stats.agreement import label_agreement
from bioreview_bench.validity.judgements import DIFFERENT, SAME, Judgements

KAPPA, ALPHA = "Cohen's kappa", "Krippendorff's alpha"


def rater_agreement(judgements: Judgements, articles: Iterable[Article], contract: Contract) -> RaterAgreement:
    """Agreement over all pairs of a judged text and a counted reference: on *same* or not, and on all three labels.

    Two raters: Cohen's kappa (Cohen 1960) over the texts that both judged. More: Krippendorff's alpha for nominal
    data (Krippendorff 2004), texts that a rater did not judge being missing. One rater: nothing to say. A figure is
    None where it is undefined, as when everybody gives one label throughout.
    """
    raters = judgements.raters
    table = label_table(judgements, articles, contract)
    measure = {0: None, 1: None, 2: KAPPA}.get(len(raters), ALPHA)
    same = np.where(np.isnan(table), np.nan, table == SAME)
    return RaterAgreement(
        raters=raters,
        n_pairs=table.shape[1],
        measure=measure,
        same=None if measure is None else _coefficient(same),
        labels=None if measure is None else _coefficient(table),
    )


def label_table(judgements: Judgements, articles: Iterable[Article], contract: Contract) -> NDArray[np.float64]:
    """(raters, pairs) of DIFFERENT, RELATED, SAME; NaN where a rater did not judge the text."""
    counted = {article.id: counted_references(article, contract) for article in articles}
    raters = judgements.raters
    columns = [
        [
            text.labels[rater].get(concern.concern_id, DIFFERENT) if rater in text.labels else np.nan
            for concern in counted[text.article_id]
            if text.saw(concern.concern_id)
        ]
        for rater in raters
        for text in judgements.texts
    ]
    flat = [label for column in columns for label in column]
    return np.array(flat, np.float64).reshape(len(raters), -1) if raters else np.empty((0, 0))


def _coefficient(table: NDArray[np.float64]) -> float | None:
    """Agreement of the rows of a (raters, pairs) table."""
    if len(table) == 2:
        both = table[:, ~np.isnan(table).any(axis=0)].astype(int).astype(str).T.tolist()
        kappa: float | None = label_agreement((a, b) for a, b in both)["kappa"]
        return kappa
    if len(np.unique(table[~np.isnan(table)])) < 2:
        return None
    from krippendorff import alpha

    coefficient = float(alpha(reliability_data=table, level_of_measurement="nominal"))
    return None if math.isnan(coefficient) else coefficient
