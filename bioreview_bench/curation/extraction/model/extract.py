"""Concerns of articles by a model: every report is asked about, or its article fails with the reason.

Answers are stored under `extractions/` of the cache, so the same command goes on where it was interrupted, and asks
again for what failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bioreview_bench.contracts.judge_names import ModelName
from bioreview_bench.curation.extraction.model.asking import StageModel
from bioreview_bench.curation.extraction.model.plan import Expected, ExtractionPlan
from bioreview_bench.curation.extraction.model.questions import LabelsQuestion, SegmentsQuestion, StageQuestion
from bioreview_bench.curation.extraction.model.tasks import ArticleTask
from bioreview_bench.data.article import Article, Concern
from bioreview_bench.errors import InputError
from bioreview_bench.files.paths import extractions_root
from bioreview_bench.llm import stored
from bioreview_bench.llm.calls.watching import Watcher
from bioreview_bench.llm.review import Usage
from bioreview_bench.llm.run.store import RunStore
from bioreview_bench.llm.stored import CallSettings

# Of the pilot's letters: a concern for each 600 characters, and three fifths of the text are concerns.
_CHARS_A_CONCERN, _SHARE, _CHARS_A_TOKEN = 600, 0.6, 4
_TOKENS_A_LABEL = 70


@dataclass(frozen=True)
class StoredAnswer:
    """A valid answer as it is kept: verbatim spans of a report, or labels of its concerns."""

    value: Any
    served_model: str | None
    usage: Usage


@dataclass(frozen=True)
class Extraction:
    """Concerns by article id, and for the articles that failed the reasons; every article is in one of the two.

    `answers` are the valid ones, also of articles that failed for another report.
    """

    concerns: Mapping[str, tuple[Concern, ...]]
    failed: Mapping[str, tuple[str, ...]]
    answers: Sequence[StoredAnswer] = field(default=(), repr=False)

    @property
    def served_models(self) -> list[str]:
        """The models that the service says have answered, where they are not the one that was asked."""
        return sorted({answer.served_model for answer in self.answers if answer.served_model})


class ModelExtractor:
    """Extracts with one model."""

    def __init__(self, model: ModelName, settings: CallSettings) -> None:
        """Raises InputError for an address or parameters that cannot be."""
        self.model, self.settings = model, settings
        self._segments = StageModel(model, SegmentsQuestion.stage, settings)
        self._labels = StageModel(model, LabelsQuestion.stage, settings)
        self.folder = stored.answers_folder(extractions_root(), model.provider, model.model, self.describe())

    def describe(self) -> dict[str, Any]:
        """What could change an answer: provider, model, address, parameters, and the prompts of both stages."""
        described, labels = self._segments.describe(), self._labels.describe()
        return {**described, "prompt": {"segments": described["prompt"], "labels": labels["prompt"]}}

    def plan(self, articles: Sequence[Article]) -> ExtractionPlan:
        """How many questions there are, how many of them are answered already, and what the others cost."""
        tasks = [ArticleTask.of(article) for article in articles]
        return self._plan(tasks, self._answers(tasks))

    def extract(
        self,
        articles: Sequence[Article],
        announce: Callable[[ExtractionPlan], None] = lambda plan: None,
        watcher: Watcher | None = None,
    ) -> Extraction:
        """Ask what is not stored. Raises InputError without key or over budget, EncoderError without the client's
        library, RemoteError when the service refuses every call."""
        tasks = [ArticleTask.of(article) for article in articles]
        answers = self._answers(tasks)
        plan = self._plan(tasks, answers)
        announce(plan)
        plan.require_affordable(self.settings.max_cost)
        if not plan.left:
            return _result(tasks, answers, {}, None)
        stored.require_no_loop("A model", "run bench data extract --with MODEL")
        self._segments.connect()
        first = _segments(tasks)
        with stored.open_command(
            self.folder, name=self.model.name, described=self.describe(), kind="extractions", ids=first
        ) as store:
            stopped = self._ask(self._segments, first, answers, store, watcher or Watcher())
            answers = self._answers(tasks)
            if stopped is None:
                stopped = self._ask(self._labels, _labels(tasks, answers), answers, store, watcher or Watcher())
        return _result(tasks, self._answers(tasks), stored.reasons_of(store.folder), stopped)

    def _ask(
        self,
        caller: StageModel,
        questions: Mapping[str, StageQuestion],
        answers: Mapping[str, StoredAnswer],
        store: RunStore,
        watcher: Watcher,
    ) -> str | None:
        left = [question for name, question in questions.items() if name not in answers]
        return stored.ask_left(caller, left, store, self.settings, watcher, len(questions)) if left else None

    def _answers(self, tasks: Sequence[ArticleTask]) -> dict[str, StoredAnswer]:
        """The stored answers of both stages. Raises InputError for one that was changed on disk."""
        answers = self._read(_segments(tasks))
        return answers | self._read(_labels(tasks, answers))

    def _read(self, questions: Mapping[str, StageQuestion]) -> dict[str, StoredAnswer]:
        answers: dict[str, StoredAnswer] = {}
        for where, row in stored.stored_answers(self.folder, questions):
            name = row["article_id"]
            if name not in answers:
                answers[name] = _answer(row, questions[name], where)
        return answers

    def _plan(self, tasks: Sequence[ArticleTask], answers: Mapping[str, StoredAnswer]) -> ExtractionPlan:
        first = _segments(tasks)
        expected = [self._expected_segments(asked) for name, asked in first.items() if name not in answers]
        expected += [
            self._expected_labels(question, len(question.concerns))
            for name, question in _labels(tasks, answers).items()
            if name not in answers
        ]
        # What the second stage will be asked about reports that are not divided yet is guessed.
        undivided = [task for task in tasks if any(asked.id not in answers for asked in task.segments)]
        for task in undivided:
            for report in (asked.report for asked in task.segments):
                whole = task.labels_of(report, (report.text,))
                expected.append(self._expected_labels(whole, max(1, len(report.text) // _CHARS_A_CONCERN)))
        counts = {"articles": len(tasks), "reports": len(first), "stored": len(answers)}
        return ExtractionPlan.of(self.model.name, counts, expected, self.settings.price)

    def _expected_segments(self, question: SegmentsQuestion) -> Expected:
        written = round(len(question.report.text) * _SHARE / _CHARS_A_TOKEN)
        return Expected(self._segments.tokens(question), written, self._segments.estimate(question))

    def _expected_labels(self, question: LabelsQuestion, n_concerns: int) -> Expected:
        return Expected(self._labels.tokens(question), n_concerns * _TOKENS_A_LABEL, self._labels.estimate(question))


def _segments(tasks: Iterable[ArticleTask]) -> dict[str, SegmentsQuestion]:
    return {question.id: question for task in tasks for question in task.segments}


def _labels(tasks: Iterable[ArticleTask], answers: Mapping[str, StoredAnswer]) -> dict[str, LabelsQuestion]:
    values = _values(answers)
    return {question.id: question for task in tasks for question in task.labels(values)}


def _values(answers: Mapping[str, StoredAnswer]) -> dict[str, Any]:
    return {name: answer.value for name, answer in answers.items()}


def _result(
    tasks: Sequence[ArticleTask], answers: Mapping[str, StoredAnswer], reasons: Mapping[str, str], stopped: str | None
) -> Extraction:
    values = _values(answers)
    concerns: dict[str, tuple[Concern, ...]] = {}
    failed: dict[str, tuple[str, ...]] = {}
    for task in tasks:
        missing = task.missing(values)
        if not missing:
            concerns[task.article.id] = task.concerns(values)
            continue
        said = [f"{question.where}: {reasons[question.id]}" for question in missing if question.id in reasons]
        not_asked = f"{missing[0].where}: not asked{f' ({stopped})' if stopped else ''}"
        failed[task.article.id] = tuple(said or [not_asked])
    return Extraction(concerns, failed, list(answers.values()))


def _answer(row: Mapping[str, Any], question: StageQuestion, where: str) -> StoredAnswer:
    try:
        notes, usage = row.get("notes") or {}, row.get("usage") or {}
        spent = Usage(usage.get("input_tokens"), usage.get("output_tokens"), usage.get("cost_usd"))
        return StoredAnswer(question.read(row["raw_output"]), notes.get("served_model"), spent)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{where}: this stored answer was changed by something else ({error}).",
            remedy="remove the line; the model is then asked again",
        ) from error
