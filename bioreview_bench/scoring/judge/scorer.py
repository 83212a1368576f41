"""Scores of pairs by a judge: what an audit of it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.article import Article, Concern
from bioreview_bench.llm.calls.watching import Watcher
from bioreview_bench.scoring.judge.calls import JudgeSettings
from bioreview_bench.scoring.judge.plan import JudgePlan
from bioreview_bench.scoring.judge.request import SAME, JudgeRequest
from bioreview_bench.scoring.judge.space import JudgeBackend


class Compared(Protocol):
    """Texts about an article and the references that they are compared with, both normalised."""

    @property
    def article(self) -> Article:
        """The article, for messages."""
        ...

    @property
    def references(self) -> tuple[Concern, ...]:
        """The references that count."""
        ...

    @property
    def texts(self) -> tuple[str, ...]:
        """What one reviewer wrote."""
        ...


class OnlyPlanned(Exception):
    """Raised in the place of asking, on a dry run; `plan` says what would have been asked."""

    def __init__(self, plan: JudgePlan) -> None:
        super().__init__("dry run")
        self.plan = plan


class JudgeScorer:
    """Scores of pairs for an audit: 1 for the same point, 0.5 for a related one, 0 for a different one.

    One call for each reviewer and article, as a score of that reviewer would make it.
    """

    def __init__(
        self,
        contract: Contract,
        settings: JudgeSettings | None = None,
        *,
        announce: Callable[[JudgePlan], None] = lambda plan: None,
        watcher: Watcher | None = None,
        dry_run: bool = False,
    ) -> None:
        self.contract = contract
        self._backend = JudgeBackend(contract, settings, announce, watcher)
        self.encoder, self.part = self._backend.record, self._backend.part
        self._dry_run = dry_run

    def scores(self, questions: Sequence[Compared]) -> list[NDArray[Any]]:
        """For each question, (texts, references). Raises as `ask_judge`; OnlyPlanned on a dry run."""
        requests = [
            JudgeRequest(
                question.article.id, tuple(question.texts), tuple(concern.text for concern in question.references)
            )
            for question in questions
        ]
        asked = [request for request in requests if request.predictions and request.references]
        if self._dry_run:
            raise OnlyPlanned(self._backend.judge.plan(asked))
        answers = self._backend.ask(asked)
        return [
            answers[request.id].labels / SAME
            if request.id in answers
            else np.zeros((len(request.predictions), len(request.references)))
            for request in requests
        ]
