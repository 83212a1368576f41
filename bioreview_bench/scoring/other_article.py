"""The other-article control: each article's references against predictions that were written for other articles.

Each shift of a source's articles is a derangement: nobody keeps their own predictions. What matches there matched
without anything of the article being read (scoring specification, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.article import Article
from bioreview_bench.scoring.matching import max_matches
from bioreview_bench.scoring.spaces import Space
from bioreview_bench.scoring.texts import Case

HISTOGRAM_BINS = 200  # of width 0.01 over [-1, 1]


@dataclass(frozen=True)
class OtherArticle:
    """Per case: whether it has a donor, and the means over its donors of matches and of possible matches.

    `histogram` counts the similarities of all other-article pairs in bins of width 0.01 from -1 to 1.
    `sweep_matched` is (thresholds, cases): `matched` at the further thresholds that were asked for.
    """

    has_donor: NDArray[np.bool_]
    matched: NDArray[np.float64]
    ceiling: NDArray[np.float64]
    histogram: NDArray[np.int64]
    sweep_matched: NDArray[np.float64]


def offsets(n: int, count: int) -> list[int]:
    """By how many positions predictions are shifted among the n articles of a source; [] when n is 1."""
    return sorted({max(1, j * n // (count + 1)) for j in range(1, count + 1)}) if n > 1 else []


def donors(articles: Sequence[Article], count: int) -> list[list[int]]:
    """For each article, the positions of up to `count` others of its source and of another family, evenly spread."""
    found: list[list[int]] = [[] for _ in articles]
    sources: dict[str, list[int]] = {}
    for position, article in enumerate(articles):
        sources.setdefault(article.source, []).append(position)
    for members in sources.values():
        members.sort(key=lambda position: articles[position].id)
        shifts = offsets(len(members), count)
        for place, position in enumerate(members):
            shifted = (members[(place + shift) % len(members)] for shift in shifts)
            found[position] = [donor for donor in shifted if articles[donor].family != articles[position].family]
    return found


def other_article(cases: Sequence[Case], space: Space, contract: Contract, sweep: Sequence[float] = ()) -> OtherArticle:
    """Match every case's references against the predictions of its donors, at the thresholds of `sweep` too."""
    swept = np.zeros((len(sweep), len(cases)))
    matched, ceiling = np.zeros(len(cases)), np.zeros(len(cases))
    has_donor = np.zeros(len(cases), bool)
    histogram = np.zeros(HISTOGRAM_BINS, np.int64)
    for position, chosen in enumerate(donors([case.article for case in cases], contract.null)):
        if not chosen:
            continue
        has_donor[position] = True
        references = cases[position].reference_texts
        sizes = [len(cases[donor].prediction_texts) for donor in chosen]
        ceiling[position] = np.mean([min(len(references), size) for size in sizes])
        if not len(references) or not sum(sizes):
            continue
        donated = np.concatenate([cases[donor].prediction_texts for donor in chosen])
        similarity = space.similarity(donated, references, cases[position].article.id)
        bins = ((similarity.ravel() + 1) * (HISTOGRAM_BINS / 2)).astype(np.intp)
        histogram += np.bincount(bins.clip(0, HISTOGRAM_BINS - 1), minlength=HISTOGRAM_BINS)
        matched[position] = _mean_matches(similarity >= contract.threshold, sizes)
        swept[:, position] = [_mean_matches(similarity >= threshold, sizes) for threshold in sweep]
    return OtherArticle(has_donor, matched, ceiling, histogram, swept)


def _mean_matches(eligible: NDArray[np.bool_], sizes: Sequence[int]) -> float:
    """Mean over donors of the matches of each; the rows of `eligible` are the donors' predictions in turn."""
    ends = np.cumsum(sizes)
    return float(np.mean([max_matches(eligible[end - size : end]) for end, size in zip(ends, sizes, strict=True)]))
