"""Unique texts and who says them: each text is embedded once, however often it occurs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.article import Article, Concern
from bioreview_bench.data.predictions import PredictedConcern, PredictionRow, Predictions
from bioreview_bench.data.split import require_reviews

Indices = NDArray[np.intp]


@dataclass
class TextPool:
    """Distinct normalised texts in order of first use."""

    texts: list[str] = field(default_factory=list)
    _positions: dict[str, int] = field(default_factory=dict)

    def add(self, texts: Iterable[str]) -> Indices:
        """Positions of `texts` in the pool."""
        return np.array([self._position(text) for text in texts], np.intp)

    def _position(self, text: str) -> int:
        position = self._positions.setdefault(text, len(self.texts))
        if position == len(self.texts):
            self.texts.append(text)
        return position


@dataclass(frozen=True)
class Case:
    """One article with the references that count and what was predicted for it."""

    article: Article
    references: tuple[Concern, ...]
    reference_texts: Indices
    predictions: tuple[PredictedConcern, ...]
    prediction_texts: Indices
    outcome: str
    n_excluded: int


def cases(articles: Sequence[Article], predictions: Predictions, contract: Contract, pool: TextPool) -> list[Case]:
    """One Case for each article, in the order of `articles`; their texts go into `pool`.

    Raises DataError for articles whose concerns are not known.
    """
    require_reviews(articles)
    found = []
    for article in articles:
        references = counted_references(article, contract)
        row = predictions.get(article.id) or PredictionRow(article.id, ())
        found.append(
            Case(
                article=article,
                references=references,
                reference_texts=pool.add(concern.text for concern in references),
                predictions=row.concerns,
                prediction_texts=pool.add(concern.text for concern in row.concerns),
                outcome=row.outcome if article.id in predictions else "missing",
                n_excluded=len(article.concerns) - len(references),
            )
        )
    return found


def counted_references(article: Article, contract: Contract) -> tuple[Concern, ...]:
    """The article's concerns that count under the contract. Raises DataError when they are not known."""
    require_reviews([article])
    if contract.figures == "included":
        return article.concerns
    return tuple(concern for concern in article.concerns if not concern.figure)
