"""Human against human: what one reviewer's concerns score against those of the article's other reviewers.

Each reviewer of an article is held out in turn. Next to it stands the system, matched with the same references; only
these two figures compare, since the headline's references are those of all reviewers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bioreview_bench.results.records import AgainstReviewers, Humans
from bioreview_bench.scoring.low_precision.bounds import Counted, Question
from bioreview_bench.scoring.matching import max_matches
from bioreview_bench.scoring.spaces import Space
from bioreview_bench.scoring.texts import Case, Indices


@dataclass(frozen=True)
class ReviewerCase:
    """One reviewer of one article: the texts of their concerns, of the others' concerns, and of the system's."""

    article_id: str
    own: Indices
    others: Indices
    system: Indices


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
    """What `humans` asks of the similarities."""
    return [
        Counted(reviewer.article_id, (reviewer.own, reviewer.system), reviewer.others, (threshold,))
        for reviewer in reviewers
    ]


def humans(reviewers: Sequence[ReviewerCase], space: Space, threshold: float) -> Humans | None:
    """Figures of the reviewers and of the system against the others' concerns; None where nobody can be held out."""
    if not reviewers:
        return None
    return Humans(
        n_articles=len({reviewer.article_id for reviewer in reviewers}),
        n_reviewers=len(reviewers),
        reviewer=_against([(each, each.own) for each in reviewers], space, threshold),
        system=_against([(each, each.system) for each in reviewers], space, threshold),
    )


def _against(written: Sequence[tuple[ReviewerCase, Indices]], space: Space, threshold: float) -> AgainstReviewers:
    n_ref = sum(len(reviewer.others) for reviewer, _ in written)
    n_pred = sum(len(texts) for _, texts in written)
    n_matched = sum(
        max_matches(space.similarity(texts, reviewer.others, reviewer.article_id) >= threshold)
        for reviewer, texts in written
        if len(texts)
    )
    ceiling = sum(min(len(texts), len(reviewer.others)) for reviewer, texts in written)
    return AgainstReviewers(
        n_ref=n_ref,
        n_pred=n_pred,
        n_matched=n_matched,
        recall=n_matched / n_ref,
        precision=n_matched / n_pred if n_pred else None,
        f1=2 * n_matched / (n_ref + n_pred),
        match_rate=n_matched / ceiling if ceiling else None,
    )
