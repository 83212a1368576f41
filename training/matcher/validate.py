"""Cross-validation by article: what an adapter makes of papers that it was not trained on.

Each fold's papers are scored by the adapter that was trained on the others, so that the audit of a contract
(`bioreview_bench.validity.audit`) reads as for any matcher. Papers in no fold are scored by the adapter of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.article import Article
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.errors import InputError
from bioreview_bench.results.records import Encoder
from bioreview_bench.scoring.backends import CallerBackend
from bioreview_bench.scoring.calibration import LIMIT, NEAR_MISS_LIMIT, THRESHOLDS, limited_texts
from bioreview_bench.scoring.matching import max_matches
from bioreview_bench.scoring.texts import counted_references
from bioreview_bench.validity.scorers import ContractScorer, Scores
from bioreview_bench.validity.sheets import Question, Sheet

_LIMITS = {
    "echo": LIMIT, "generic": LIMIT, "other": LIMIT, "near_miss": NEAR_MISS_LIMIT,
}  # fmt: skip


@dataclass
class FoldScorer:
    """A scorer for audits: `encoders` by fold, `fold_of` by article id, `whole` for every other article."""

    contract: Contract
    encoder: Encoder
    part: str
    whole: LocalEncoder
    encoders: Sequence[LocalEncoder]
    fold_of: Mapping[str, int]

    def scores(self, questions: Sequence[Question]) -> list[Scores]:
        """Similarities, each question answered by the adapter that has not seen its article.

        Raises EncoderError; DataError where a transform lacks sentences.
        """
        found: list[Scores] = [np.empty((0, 0), np.float32)] * len(questions)
        for encoder, places in self._by_encoder(questions):
            scorer = ContractScorer(self.contract, backend=CallerBackend(encoder))
            for place, scores in zip(places, scorer.scores([questions[place] for place in places]), strict=True):
                found[place] = scores
        return found

    def _by_encoder(self, questions: Sequence[Question]) -> Iterable[tuple[LocalEncoder, list[int]]]:
        grouped: dict[int, list[int]] = {}
        for place, question in enumerate(questions):
            grouped.setdefault(self.fold_of.get(question.article.id, -1), []).append(place)
        return [(self.encoders[fold] if fold >= 0 else self.whole, places) for fold, places in grouped.items()]


def limited_questions(articles: Sequence[Article], sheets: Iterable[Sheet], contract: Contract) -> list[Question]:
    """What must not match: echo, stock comments, other articles' references; near misses of a corpus."""
    ordered = sorted(articles, key=lambda article: article.id)
    references = [counted_references(article, contract) for article in ordered]
    found = [
        Question(name, article, counted, tuple(texts))
        for name, written in limited_texts(ordered, references).items()
        for article, counted, texts in zip(ordered, references, written, strict=True)
    ]
    return found + [sheet.question for sheet in sheets if sheet.question.reviewer in _LIMITS]


def match_rates(questions: Sequence[Question], scores: Sequence[Scores]) -> dict[str, NDArray[np.float64]]:
    """Matches over possible matches at THRESHOLDS, by reviewer."""
    matched: dict[str, NDArray[np.float64]] = {}
    slots: dict[str, int] = {}
    for question, similarity in zip(questions, scores, strict=True):
        counts = [max_matches(similarity >= float(threshold)) for threshold in THRESHOLDS]
        matched[question.reviewer] = matched.get(question.reviewer, np.zeros(len(THRESHOLDS))) + counts
        slots[question.reviewer] = slots.get(question.reviewer, 0) + question.slots
    return {name: counts / max(1, slots[name]) for name, counts in matched.items()}


def operating_point(questions: Sequence[Question], scores: Sequence[Scores]) -> float:
    """The smallest of THRESHOLDS at and above which every match rate stays within its limit. Raises InputError."""
    rates = match_rates(questions, scores)
    holds = np.all([rates[name] <= _LIMITS[name] for name in rates], axis=0)
    failing = np.flatnonzero(~holds)
    first = int(failing[-1]) + 1 if len(failing) else 0
    if first == len(THRESHOLDS):
        raise InputError(
            f"No threshold up to {THRESHOLDS[-1]} keeps what must not match within its limits.",
            remedy="train longer, or on more texts",
        )
    return THRESHOLDS[first]


def by_fold(
    sheets: Sequence[Sheet],
    answers: Sequence[Scores],
    limited: tuple[Sequence[Question], Sequence[Scores]],
    fold_of: Mapping[str, int],
) -> list[dict[str, Any]]:
    """For each fold: the threshold chosen on the other folds, and the share of right matches at it by reviewer.

    `right` counts matches that the sheets call the same point, over texts that make one; `matched` counts all matches,
    over possible ones.
    """
    questions, scores = limited
    found = []
    for fold in sorted(set(fold_of.values())):
        others = [place for place, one in enumerate(questions) if fold_of.get(one.article.id) != fold]
        threshold = operating_point([questions[place] for place in others], [scores[place] for place in others])
        found.append(
            {"fold": fold, "threshold": threshold, "reviewers": _rates(sheets, answers, threshold, fold_of, fold)}
        )
    return found


def _rates(
    sheets: Sequence[Sheet], answers: Sequence[Scores], threshold: float, fold_of: Mapping[str, int], fold: int
) -> dict[str, dict[str, int]]:
    from bioreview_bench.scoring.matching import assign

    found: dict[str, dict[str, int]] = {}
    for sheet, similarity in zip(sheets, answers, strict=True):
        if fold_of.get(sheet.question.article.id) != fold:
            continue
        rows, columns = assign(similarity, threshold)
        sums = found.setdefault(sheet.question.reviewer, dict.fromkeys(("same", "right", "slots", "matched"), 0))
        sums["same"] += int(sheet.same.any(axis=1).sum())
        sums["right"] += int(sheet.same[rows, columns].sum())
        sums["slots"] += sheet.question.slots
        sums["matched"] += len(rows)
    return found
