"""Human against human: what one reviewer's concerns score against those of the article's other reviewers.

Each reviewer of an article is held out in turn. Next to it stands the system, matched with the same references; only
these two figures compare, since the headline's references are those of all reviewers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.results.records import AgainstReviewers, Humans
from bioreview_bench.scoring.low_precision.bounds import Counted, Question
from bioreview_bench.scoring.matching import max_matches
from bioreview_bench.scoring.spaces import Space
from bioreview_bench.scoring.texts import Case, Indices
from bioreview_bench.stats.sums import HUMAN_COLUMNS


@dataclass(frozen=True)
class ReviewerCase:
    """One reviewer of one article: the texts of their concerns, of the others' concerns, and of the system's."""

    article_id: str
    own: Indices
    others: Indices
    system: Indices


@dataclass(frozen=True)
class _Side:
    """A reviewer or a system against the others of one article."""

    n_pred: int
    n_matched: int
    ceiling: int


@dataclass(frozen=True)
class MatchedReviewer:
    """One reviewer of one article, matched: `n_ref` concerns of the others, found by the reviewer and by the system."""

    article_id: str
    n_ref: int
    reviewer: _Side
    system: _Side


def held_out(cases: Sequence[Case]) -> list[ReviewerCase]:
    """Every reviewer of every article where all counted concerns say whose they are and several reviewers have some."""
    found = []
    for case in cases:
        raised_by = [concern.reviewer_num for concern in case.references]
        reviewers = {number for number in raised_by if number is not None}
        if None in raised_by or len(reviewers) < 2:
            continue
        for reviewer in sorted(reviewers):
            own = [position for position, number in enumerate(raised_by) if number == reviewer]
            others = [position for position, number in enumerate(raised_by) if number != reviewer]
            texts = case.reference_texts
            found.append(ReviewerCase(case.article.id, texts[own], texts[others], case.prediction_texts))
    return found


def human_questions(reviewers: Sequence[ReviewerCase], threshold: float) -> list[Question]:
    """What `matched_reviewers` asks of the similarities."""
    return [
        Counted(reviewer.article_id, (reviewer.own, reviewer.system), reviewer.others, (threshold,))
        for reviewer in reviewers
    ]


def matched_reviewers(reviewers: Sequence[ReviewerCase], space: Space, threshold: float) -> list[MatchedReviewer]:
    """What each reviewer has in common with the others, and the system with the same others."""
    return [
        MatchedReviewer(
            article_id=each.article_id,
            n_ref=len(each.others),
            reviewer=_side(each.own, each, space, threshold),
            system=_side(each.system, each, space, threshold),
        )
        for each in reviewers
    ]


def humans(found: Sequence[MatchedReviewer]) -> Humans | None:
    """Figures of the reviewers and of the system against the others' concerns; None where nobody can be held out."""
    if not found:
        return None
    n_ref = sum(each.n_ref for each in found)
    return Humans(
        n_articles=len({each.article_id for each in found}),
        n_reviewers=len(found),
        reviewer=_against(n_ref, [each.reviewer for each in found]),
        system=_against(n_ref, [each.system for each in found]),
    )


def human_columns(found: Sequence[MatchedReviewer], ids: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Counts by article for intervals, in the order of `ids`; nothing where nobody can be held out."""
    place = {article_id: number for number, article_id in enumerate(ids)}
    columns = {name: np.zeros(len(ids)) for name in HUMAN_COLUMNS} if found else {}
    for each in found:
        sides = (each.reviewer.n_pred, each.reviewer.n_matched, each.system.n_pred, each.system.n_matched)
        for name, count in zip(HUMAN_COLUMNS, (each.n_ref, *sides), strict=True):
            columns[name][place[each.article_id]] += count
    return columns


def _side(texts: Indices, against: ReviewerCase, space: Space, threshold: float) -> _Side:
    n_matched = 0
    if len(texts):
        n_matched = max_matches(space.similarity(texts, against.others, against.article_id) >= threshold)
    return _Side(len(texts), n_matched, min(len(texts), len(against.others)))


def _against(n_ref: int, sides: Sequence[_Side]) -> AgainstReviewers:
    n_pred = sum(side.n_pred for side in sides)
    n_matched = sum(side.n_matched for side in sides)
    ceiling = sum(side.ceiling for side in sides)
    return AgainstReviewers(
        n_ref=n_ref,
        n_pred=n_pred,
        n_matched=n_matched,
        recall=n_matched / n_ref,
        precision=n_matched / n_pred if n_pred else None,
        f1=2 * n_matched / (n_ref + n_pred),
        match_rate=n_matched / ceiling if ceiling else None,
    )
