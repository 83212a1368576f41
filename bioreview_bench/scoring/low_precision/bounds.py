"""Similarity bounds: which counts could an error change, and which texts must be exact so that none can?

Every question knows its similarities to within a margin E: the true ones lie in a box. A count is *certain* when it is
the same for every matrix in that box, which is decided exactly:

- The largest number of matches only grows with eligibility, so it is certain when the lowest and the highest matrix
  give the same number.
- An assignment whose pairs are exact stays best for every matrix of the box exactly when it is best where all other
  pairs are at their highest: whatever two assignments share cancels out of their difference. (This is the worst case
  of robust linear optimisation with interval costs.) Matched pairs are made exact first, for sums of matched
  similarities are part of a result.

Where a count is not certain, the texts of the pairs at fault are named. With all texts exact everything is certain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.scoring.matching import assign, max_matches
from bioreview_bench.scoring.other_article import donors
from bioreview_bench.scoring.texts import Case, Indices

Matrix = NDArray[np.floating]
# Similarities of texts, and how far each may be off, as seen from an article.
Look = Callable[[Indices, Indices, str], tuple[Matrix, Matrix]]


@dataclass(frozen=True)
class Assigned:
    """Which predictions match which references, what that adds up to, and what the others are nearest to.

    `labels` are those of the references by which unmatched predictions are counted, None where it has none.
    """

    article_id: str
    predictions: Indices
    references: Indices
    threshold: float
    labels: tuple[str | None, ...]

    def doubtful(self, look: Look) -> set[int]:
        """Texts to make exact; empty when all is certain."""
        if not len(self.predictions) or not len(self.references):
            return set()
        similarity, margin = look(self.predictions, self.references, self.article_id)
        matched = _pairs(assign(similarity, self.threshold))
        rough = {pair for pair in matched if margin[pair] > 0}
        if rough:
            return self._texts(rough)
        rivals = _pairs(assign(similarity + margin, self.threshold))
        disputed = {pair for pair in rivals - matched if margin[pair] > 0}
        if not disputed and (matched != rivals or (matched and self._repeats())):
            disputed = _pairs(np.nonzero(margin))  # a tie of exact pairs, which scipy breaks by the whole matrix
        unmatched = set(range(len(similarity))) - {row for row, _ in matched}
        return self._texts(disputed | self._nearest(similarity, margin, unmatched))

    def _nearest(self, similarity: Matrix, margin: Matrix, unmatched: set[int]) -> set[tuple[int, int]]:
        """Pairs that leave open under which label an unmatched prediction is counted."""
        labels = np.array(self.labels)
        found = set()
        for row in unmatched:
            best = int(similarity[row].argmax())
            low = similarity[row, best] - margin[row, best]
            others = (labels != labels[best]) & (similarity[row] + margin[row] >= low)
            close = [best, *np.flatnonzero(others).tolist()] if others.any() else []
            found |= {(row, column) for column in close if margin[row, column] > 0}
        return found

    def _repeats(self) -> bool:
        """True when a text stands twice on one side, so that assignments tie."""
        return any(len(np.unique(side)) < len(side) for side in (self.predictions, self.references))

    def _texts(self, pairs: set[tuple[int, int]]) -> set[int]:
        return {int(self.predictions[row]) for row, _ in pairs} | {int(self.references[column]) for _, column in pairs}


@dataclass(frozen=True)
class Counted:
    """How many of some texts match an article's references, at one threshold or several.

    `groups` are counted apart (the predictions of each donor, in turn).
    """

    article_id: str
    groups: tuple[Indices, ...]
    references: Indices
    thresholds: tuple[float, ...]

    def doubtful(self, look: Look) -> set[int]:
        """Texts to make exact; empty when all is certain."""
        written = np.concatenate([*self.groups, np.empty(0, np.intp)])
        if not len(written) or not len(self.references):
            return set()
        similarity, margin = look(written, self.references, self.article_id)
        found: set[int] = set()
        start = 0
        for group in self.groups:
            part = slice(start, start := start + len(group))
            for threshold in self.thresholds:
                for row, column in _deciding(similarity[part], margin[part], threshold):
                    found |= {int(group[row]), int(self.references[column])}
        return found


Question = Assigned | Counted


def _pairs(indices: tuple[Indices, ...]) -> set[tuple[int, int]]:
    rows, columns = indices
    return set(zip(rows.tolist(), columns.tolist(), strict=True))


def questions(
    cases: Sequence[Case], contract: Contract, sweep: Sequence[float], written: Iterable[Sequence[Indices]]
) -> list[Question]:
    """Everything that a score asks of the similarities.

    `sweep`: further thresholds; `written`: by control reviewer, the texts that it wrote about each case.
    """
    found: list[Question] = []
    by_case = donors([case.article for case in cases], contract.null)
    thresholds = (contract.threshold, *sweep)
    for position, case in enumerate(cases):
        name, references = case.article.id, case.reference_texts
        labels = tuple(concern.category for concern in case.references)
        found.append(Assigned(name, case.prediction_texts, references, contract.threshold, labels))
        if sweep:
            found.append(Counted(name, (case.prediction_texts,), references, tuple(sweep)))
        donated = tuple(cases[donor].prediction_texts for donor in by_case[position])
        found.append(Counted(name, donated, references, thresholds))
    for texts in written:
        found += [
            Counted(case.article.id, (own,), case.reference_texts, thresholds)
            for case, own in zip(cases, texts, strict=True)
        ]
    return found


def _deciding(similarity: Matrix, margin: Matrix, threshold: float) -> Sequence[tuple[int, int]]:
    """Pairs on whose eligibility the number of matches depends; none when it is certain."""
    low, high = similarity - margin >= threshold, similarity + margin >= threshold
    if (low == high).all() or max_matches(low) == max_matches(high):
        return ()
    # The most matches there could be, made with as few uncertain pairs as possible: these are at fault.
    weight = high * (min(high.shape) + 1.0) + low
    rows, columns = linear_sum_assignment(weight, maximize=True)
    uncertain = high[rows, columns] & ~low[rows, columns]
    return list(zip(rows[uncertain].tolist(), columns[uncertain].tolist(), strict=True))
