"""The components of a review's reward.

`groundedness`  concerns that this article's reviewers raised, and no other article's
`coverage`      the major concerns, and the kinds of concern, that were raised
`form`          a readable answer, labels of the vocabulary, no repetition, copying or praise, no more than is needed
`confidence`    a score that is best when one says what one believes, and pays nothing for doubt in junk
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from bioreview_bench.contracts.transforms import Vectors
from bioreview_bench.data.article import Concern
from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES

from .copying import WORD
from .references import PreparedArticle

# A pair at the contract's threshold is worth 1, this far below it 0: what a careful reader writes of a reviewer's point
# lies mostly below the threshold, and what makes another point lies lower still (docs/rewards.md).
RAMP = 0.3
OTHERS = (
    0.99  # quantile of a concern's similarities to other articles' references above which a pair is worth something
)


@dataclass(frozen=True)
class Match:
    """One-to-one pairs of positions (concern, reference) with a worth in (0, 1]; `n_written` counts every concern."""

    pairs: tuple[tuple[int, int, float], ...]
    n_written: int
    n_references: int

    @property
    def worth(self) -> float:
        """Sum over the pairs."""
        return sum(value for _, _, value in self.pairs)


def match(vectors: Vectors, places: Sequence[int], n_written: int, article: PreparedArticle, threshold: float) -> Match:
    """Match concerns with the article's references.

    `vectors` are (m, d) in the article's space, of the concerns that may be matched at all, which stand at `places`;
    `n_written` is how many were written, m or more. A pair of similarity s is worth
    `clip((s - max(threshold - 0.3, other)) / 0.3, 0, 1)`, where `other` is the greater of the concern's similarity to
    the nearest stock comment and of the 99th percentile of its similarities to the references of donor articles (of
    fewer than a hundred the greatest). The assignment has the greatest total worth.
    """
    if not len(vectors):
        return Match((), n_written, len(article.references))
    floor = np.maximum(threshold - RAMP, (vectors @ article.stock.T).max(axis=1))
    if article.others:
        lent = vectors @ np.concatenate(article.others).T
        floor = np.maximum(floor, np.quantile(lent, OTHERS, axis=1, method="higher"))
    worth: NDArray[np.float64] = np.clip(
        ((vectors @ article.vectors.T).astype(np.float64) - floor[:, None]) / RAMP, 0, 1
    )
    rows, columns = linear_sum_assignment(worth, maximize=True)
    pairs = tuple(
        (places[int(row)], int(column), float(worth[row, column]))
        for row, column in zip(rows, columns, strict=True)
        if worth[row, column] > 0
    )
    return Match(pairs, n_written, len(article.references))


def groundedness(found: Match) -> float:
    """F1 of the match, 2 * worth / (references + concerns); 0 when nothing was written.

    Recall and precision count alike: a short review loses what it leaves out, a long one what fits nothing.
    Source: C. J. van Rijsbergen, Information Retrieval (1979), chapter 7, with worths in place of counts.

    >>> groundedness(Match(pairs=((0, 0, 1.0),), n_written=1, n_references=4))
    0.4
    """
    return 2 * found.worth / (found.n_references + found.n_written) if found.n_written else 0.0


def coverage(found: Match, concerns: Sequence[Mapping[str, Any]], references: Sequence[Concern]) -> float:
    """Mean of two shares, each scaled down as the review grows beyond the allowed length.

    Majors: worth of the pairs whose reference is major, over the number of major references (left out when there is
    none). Kinds: over the categories of the references, the mean of the greatest worth of a pair whose concern names
    its reference's category; a concern without the right label covers nothing.

    >>> reference = Concern(concern_id="1", concern_text="No control.", category="design_flaw", severity="major")
    >>> coverage(Match(((0, 0, 0.8),), 1, 1), [{"category": "design_flaw"}], [reference])
    0.8
    """
    major = [concern.severity == "major" for concern in references]
    kinds = dict.fromkeys((concern.category for concern in references), 0.0)
    raised = 0.0
    for row, column, value in found.pairs:
        raised += value * major[column]
        category = references[column].category
        if concerns[row].get("category") == category:
            kinds[category] = max(kinds[category], value)
    shares = [sum(kinds.values()) / len(kinds)]
    if any(major):
        shares.append(raised / sum(major))
    return sum(shares) / len(shares) * min(1.0, allowed(len(references)) / max(1, found.n_written))


_FORGIVEN, _MOST_FAULTY = 0.1, 0.5  # shares; of honest concerns about a tenth are taken for faulty
BY_STATUS = {"ok": 1.0, "repaired": 0.8, "truncated": 0.5}  # by the parser's status; every other is 0
FEWEST_ALLOWED, MOST_ALLOWED, PER_REFERENCE = 5, 20, 1.5
SHORTEST, LONGEST = 6, 100  # words of a concern


def allowed(n_references: int) -> int:
    """How many concerns may be written at no loss: one and a half for each reference, 5 at least, 20 at most.

    >>> allowed(2), allowed(8), allowed(40)
    (5, 12, 20)
    """
    return max(FEWEST_ALLOWED, min(MOST_ALLOWED, round(PER_REFERENCE * n_references)))


def form(
    status: str, concerns: Sequence[Mapping[str, Any]], faulty: Sequence[bool], n_written: int, n_references: int
) -> float:
    """parsed * (labels + 1) / 2 * fair * sized * short, each from 0 to 1.

    parsed: by parser status. labels: share of the labels category and severity that are of the vocabulary. fair: 1
    while a tenth of the concerns are `faulty` (repeated, copied, stock, filled, or no criticism), 0 from a half on, and
    straight in between. sized: share of concerns of 6 to 100 words. short: allowed / written, at most 1. `concerns` are
    the ones looked at, `n_written` how many there were.

    >>> concern = {"text": "The sample of eight mice is too small.", "category": "design_flaw", "severity": "major"}
    >>> form("repaired", [concern], [False], n_written=1, n_references=4)
    0.8
    """
    if not concerns:
        return 0.0
    labels = [concern.get("category") in CATEGORIES for concern in concerns]
    labels += [concern.get("severity") in SEVERITIES for concern in concerns]
    sized = [SHORTEST <= len(WORD.findall(concern["text"])) <= LONGEST for concern in concerns]
    short = min(1.0, allowed(n_references) / n_written)
    return BY_STATUS.get(status, 0.0) * (_share(labels) + 1) / 2 * _fair(faulty) * _share(sized) * short


def _fair(faulty: Sequence[bool]) -> float:
    return min(1.0, max(0.0, (_MOST_FAULTY - _share(faulty)) / (_MOST_FAULTY - _FORGIVEN)))


def _share(given: Sequence[bool]) -> float:
    return sum(given) / len(given)


WORST = -1.0


def confidence_score(stated: float | None, right: bool) -> float:
    """y - (c - y)^2 for a confidence c and an outcome y (1 right, 0 wrong): from -1 to 1.

    This is the Brier score (G. W. Brier 1950), turned round and shifted by a term that does not depend on c, so it is
    proper: in expectation c = P(right) is the best to say, and is worth P(right)^2. The shift makes a wrong answer at
    confidence 0 worth 0 and not 1: doubt earns nothing by itself. An omitted confidence counts as the worst that could
    have been said, y - 1.

    >>> confidence_score(0.5, right=True), confidence_score(None, right=False)
    (0.75, -1.0)
    """
    outcome = float(right)
    if stated is None:
        return outcome - 1
    return outcome - (stated - outcome) ** 2


def confidence(stated: Iterable[tuple[float | None, bool]]) -> float:
    """Mean over (confidence, matched) of the concerns of a review; -1 when there is none.

    >>> confidence([(0.5, True), (0.5, False)])
    0.25
    """
    scores = [confidence_score(given, right) for given, right in stated]
    return sum(scores) / len(scores) if scores else WORST
