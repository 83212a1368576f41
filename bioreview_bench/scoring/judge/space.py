"""Scoring under a judge's contract: which questions a score needs, and their answers in the place of similarities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts.contract import Contract, encoder_part
from bioreview_bench.contracts.judge_prompt import prompt_sha256
from bioreview_bench.controls.reviewers import SCORED_CONTROLS
from bioreview_bench.data.near_misses import near_miss_reviewer, read_near_misses
from bioreview_bench.data.predictions import Predictions
from bioreview_bench.data.split import Split
from bioreview_bench.results.records import Encoder, JudgedBy, OrderAgreement
from bioreview_bench.scoring.judge.request import SAME, JudgeRequest, Labels
from bioreview_bench.scoring.other_article import donors
from bioreview_bench.scoring.texts import Case, Indices, TextPool, cases

if TYPE_CHECKING:
    from bioreview_bench.llm.calls.watching import Watcher
    from bioreview_bench.scoring.judge.calls import JudgeAnswer, JudgeSettings
    from bioreview_bench.scoring.judge.plan import JudgePlan

_Place = tuple[str, bytes, bytes]  # article, positions of the predictions and of the references


class JudgeBackend:
    """A language model in the place of an encoder.

    `announce` receives the plan with its cost, `watcher` how the calls go. `note` says afterwards who judged
    and at what cost. Its scores of control reviewers are not stored as counts: the answers themselves are stored.
    """

    reusable = False
    device = None

    def __init__(
        self,
        contract: Contract,
        settings: JudgeSettings | None = None,
        announce: Callable[[JudgePlan], None] = lambda plan: None,
        watcher: Watcher | None = None,
    ) -> None:
        """Raises InputError for a contract without a judge, or settings that cannot be."""
        from bioreview_bench.contracts.judge_names import JudgeName
        from bioreview_bench.scoring.judge.calls import JudgeSettings, ModelJudge

        self.name = JudgeName.parse(contract.name)
        self.settings = settings or JudgeSettings()
        self.judge = ModelJudge(self.name, self.settings)
        self.contract = contract
        self.record = Encoder(id=contract.encoder, revision=None, weights_sha256=None, verified=False)
        self.part = encoder_part(contract.encoder, None, contract.weights_sha256)
        self.note: JudgedBy | None = None
        self._announce, self._watcher = announce, watcher

    def space(self, texts: Sequence[str], fit: Any) -> JudgedSpace:
        """The space of the texts; `settle` asks the judge. There is nothing to fit."""
        return JudgedSpace(self, texts)

    def serves(self, contract: Contract) -> bool:
        """True for the contract that it was made for."""
        return contract == self.contract

    def ask(self, requests: Sequence[JudgeRequest]) -> dict[str, JudgeAnswer]:
        """Answers by the ids of the questions. Raises as `ask_judge`."""
        from bioreview_bench.scoring.judge.calls import ask_judge

        return ask_judge(self.judge, requests, announce=self._announce, watcher=self._watcher)


class JudgedSpace:
    """Texts that a judge compares: similarity 1 for the same point, 0.5 for a related one, 0 for a different one."""

    def __init__(self, backend: JudgeBackend, texts: Sequence[str]) -> None:
        self._backend = backend
        self._texts = texts
        self._labels: dict[_Place, Labels] = {}

    def settle(self, case_list: Sequence[Case], controls: Iterable[Sequence[Indices]]) -> None:
        """Ask everything that a score of these cases and control reviewers needs. Raises as `ask_judge`."""
        questions, again = self.questions(case_list, controls)
        answers = self._backend.ask([*questions.values(), *again.values()])
        self._labels = {place: answers[request.id].labels for place, request in questions.items()}
        order = None
        if again:
            from bioreview_bench.scoring.judge.consistency import order_agreement

            order = order_agreement(
                [self._labels[place] for place in again],
                [answers[request.id].labels[::-1, ::-1] for request in again.values()],
            )
        self._backend.note = _note(self._backend, answers, order)

    def questions(
        self, case_list: Sequence[Case], controls: Iterable[Sequence[Indices]]
    ) -> tuple[dict[_Place, JudgeRequest], dict[_Place, JudgeRequest]]:
        """All questions, and those about the cases' own predictions once more in reverse order, if asked for.

        A question that is the same either way, one prediction and one reference, says nothing about order.
        """
        questions = self._compare(case_list, controls)
        if not self._backend.settings.consistency:
            return questions, {}
        own = [_place(case, case.prediction_texts) for case in case_list]
        again = {place: questions[place].swapped() for place in own if place in questions}
        return questions, {place: request for place, request in again.items() if request != questions[place]}

    def _compare(self, case_list: Sequence[Case], controls: Iterable[Sequence[Indices]]) -> dict[_Place, JudgeRequest]:
        """What the judge must be asked: each article's references with its own predictions, its donor's, and controls'.

        Where there is no prediction or no reference there is no question.
        """
        found = {}
        for case, texts in _compared(case_list, controls, self._backend.contract.null):
            if len(texts) and len(case.reference_texts):
                predictions = tuple(self._texts[position] for position in texts)
                references = tuple(self._texts[position] for position in case.reference_texts)
                found[_place(case, texts)] = JudgeRequest(case.article.id, predictions, references)
        return found

    def similarity(self, rows: Indices, columns: Indices, article_id: str) -> NDArray[np.floating]:
        """(len(rows), len(columns)) of 0, 0.5 and 1."""
        if not len(rows) or not len(columns):
            return np.zeros((len(rows), len(columns)))
        found: NDArray[np.floating] = self._labels[article_id, rows.tobytes(), columns.tobytes()] / SAME
        return found


def score_questions(
    split: Split, predictions: Predictions, backend: JudgeBackend, *, controls: bool
) -> list[JudgeRequest]:
    """Everything that scoring these predictions asks; nothing is sent."""
    pool = TextPool()
    case_list = cases(split.articles, predictions, backend.contract, pool)
    writers = {**SCORED_CONTROLS, **near_miss_reviewer(read_near_misses(split))} if controls else {}
    written = [[pool.add(write(case.article)) for case in case_list] for write in writers.values()]
    questions, again = backend.space(pool.texts, None).questions(case_list, written)
    return [*questions.values(), *again.values()]


def _compared(
    case_list: Sequence[Case], controls: Iterable[Sequence[Indices]], null: int
) -> Iterator[tuple[Case, Indices]]:
    for case in case_list:
        yield case, case.prediction_texts
    for case, lenders in zip(case_list, donors([case.article for case in case_list], null), strict=True):
        for lender in lenders:
            yield case, case_list[lender].prediction_texts
    for written in controls:
        yield from zip(case_list, written, strict=True)


def _place(case: Case, texts: Indices) -> _Place:
    return case.article.id, texts.tobytes(), case.reference_texts.tobytes()


def _note(backend: JudgeBackend, answers: dict[str, JudgeAnswer], order: OrderAgreement | None) -> JudgedBy:
    def total(values: Iterable[float | None]) -> Any:
        known = list(values)
        return None if None in known else sum(value or 0 for value in known)

    usages = [answer.usage for answer in answers.values()]
    return JudgedBy(
        name=backend.name.name,
        prompt_sha256=prompt_sha256(),
        parameters=dict(backend.name.parameters),
        served_models=sorted({answer.served_model or backend.name.model for answer in answers.values()}),
        n_calls=len(answers),
        input_tokens=total(usage.input_tokens for usage in usages),
        output_tokens=total(usage.output_tokens for usage in usages),
        cost_usd=total(usage.cost_usd for usage in usages),
        order=order,
    )
