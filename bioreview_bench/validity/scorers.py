"""What is audited: anything that gives a score to each pair of a text and a reference, and a threshold.

A contract with an encoder scores by similarity. A matcher that gives labels is a scorer too: it scores *same* above
its threshold and *related* and *different* below.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.results.records import Encoder
from bioreview_bench.scoring.backends import Backend, Progress, choose
from bioreview_bench.scoring.fitting import Fitting
from bioreview_bench.scoring.texts import TextPool
from bioreview_bench.validity.sheets import Question

Scores = NDArray[Any]


class PairScorer(Protocol):
    """`contract` says what is compared and from which score on a pair is eligible; `encoder` what compares.

    `part` is that of the signature.
    """

    contract: Contract
    encoder: Encoder
    part: str

    def scores(self, questions: Sequence[Question]) -> list[Scores]:
        """For each question, (texts, references) scores, compared with the threshold in their own dtype."""
        ...


class ContractScorer:
    """Similarities under a contract, all texts embedded at once. Raises EncoderError before any text is."""

    def __init__(
        self,
        contract: Contract,
        encoder_path: Path | None = None,
        progress: Progress = lambda done, total: None,
        backend: Backend | None = None,
    ) -> None:
        self.contract = contract
        self._backend = backend or choose(contract, None, encoder_path, progress)
        self.encoder, self.part = self._backend.record, self._backend.part

    def scores(self, questions: Sequence[Question]) -> list[Scores]:
        """Similarities, as seen from each question's article. Raises DataError where a transform lacks sentences."""
        pool = TextPool()
        articles = {question.article.id: question.article for question in questions}
        fitting = Fitting(self.contract, list(articles.values()), pool)
        positions = [
            (pool.add(question.texts), pool.add(concern.text for concern in question.references), question.article.id)
            for question in questions
        ]
        space = self._backend.space(pool.texts, fitting.fit)
        return [
            space.similarity(rows, columns, article_id)
            if len(rows) and len(columns)
            else np.zeros((len(rows), len(columns)), np.float32)
            for rows, columns, article_id in positions
        ]
