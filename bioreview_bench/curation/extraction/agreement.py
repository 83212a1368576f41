"""How well extracted concerns agree with those of people: spans, and the labels of spans that meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from bioreview_bench.data.article import Concern
from bioreview_bench.data.vocabulary import normalise
from bioreview_bench.stats.agreement import label_agreement

MEETS = 0.5  # intersection over union of characters from which two spans are the same concern


@dataclass(frozen=True)
class ExtractionAgreement:
    """Counts over articles; kappas are over the pairs of spans that meet, None where they are undefined."""

    n_articles: int
    n_extracted: int
    n_human: int
    n_same: int
    covered_extracted: float
    covered_human: float
    category_kappa: float | None
    severity_kappa: float | None
    stance_kappa: float | None

    @property
    def f1(self) -> float | None:
        """F1 of spans."""
        total = self.n_extracted + self.n_human
        return 2 * self.n_same / total if total else None

    @property
    def character_f1(self) -> float | None:
        """F1 of the characters that either calls part of a concern, however they are divided."""
        total = self.covered_extracted + self.covered_human
        return 2 * self.covered_extracted * self.covered_human / total if total else None


def agreement(letters: Sequence[tuple[str, Sequence[Concern], Sequence[Concern]]]) -> ExtractionAgreement:
    """Compare (letter, extracted, human) by article: spans one to one, that share at least MEETS of their characters.

    `covered_extracted` is the share of extracted characters that people call a concern, `covered_human` the other way.
    """
    pairs: list[tuple[Concern, Concern]] = []
    n_extracted = n_human = 0
    shared = own = theirs = 0
    for letter, extracted, human in letters:
        text = normalise(letter)
        mine, others = ([_span(text, concern) for concern in said] for said in (extracted, human))
        n_extracted, n_human = n_extracted + len(mine), n_human + len(others)
        marks = np.zeros((2, len(text)), bool)
        for row, spans in zip(marks, (mine, others), strict=True):
            for start, end in spans:
                row[start:end] = True
        shared, own, theirs = shared + int(marks.all(0).sum()), own + int(marks[0].sum()), theirs + int(marks[1].sum())
        overlap = np.array([[_overlap(a, b) for b in others] for a in mine]).reshape(len(mine), len(others))
        rows, columns = linear_sum_assignment(-np.where(overlap >= MEETS, overlap, 0))
        pairs += [
            (extracted[int(row)], human[int(column)])
            for row, column in zip(rows, columns, strict=True)
            if overlap[row, column] >= MEETS
        ]
    return ExtractionAgreement(
        len(letters),
        n_extracted,
        n_human,
        len(pairs),
        shared / own if own else 0.0,
        shared / theirs if theirs else 0.0,
        *(_kappa(pairs, label) for label in ("category", "severity", "author_stance")),
    )


def _kappa(pairs: Sequence[tuple[Concern, Concern]], label: str) -> float | None:
    both = ((getattr(b, label), getattr(a, label)) for a, b in pairs)
    found = label_agreement(
        (human, extracted) for human, extracted in both if human is not None and extracted is not None
    )
    kappa: float | None = found["kappa"]
    return kappa


def _span(letter: str, concern: Concern) -> tuple[int, int]:
    start = letter.find(concern.text)
    return (start, start + len(concern.text)) if start >= 0 else (0, 0)


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    common = max(0, min(one[1], other[1]) - max(one[0], other[0]))
    either = one[1] - one[0] + other[1] - other[0] - common
    return common / either if either else 0.0
