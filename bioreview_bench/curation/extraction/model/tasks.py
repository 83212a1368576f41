"""One article as questions of both stages, and as concerns once these are answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bioreview_bench.curation.extraction.model.questions import (
    ConcernLabels,
    LabelsQuestion,
    SegmentsQuestion,
    StageQuestion,
)
from bioreview_bench.curation.extraction.model.spans import ReviewerReport, paragraphs_of, reports_of
from bioreview_bench.data.article import Article, Concern
from bioreview_bench.data.vocabulary import normalise

Answers = Mapping[str, Any]  # what valid answers say, by question


@dataclass(frozen=True)
class ArticleTask:
    """An article with a letter. `segments` are the questions of the first stage, `response` its paragraphs."""

    article: Article
    segments: tuple[SegmentsQuestion, ...]
    response: tuple[str, ...]

    @classmethod
    def of(cls, article: Article) -> ArticleTask:
        """One question for each report of the letter."""
        reports = reports_of(article.decision_letter_raw or "")
        response = tuple(paragraphs_of(article.author_response_raw or ""))
        return cls(article, tuple(SegmentsQuestion(report, article.id) for report in reports), response)

    def labels(self, answers: Answers) -> list[LabelsQuestion]:
        """The questions of the second stage; none while a report is not divided."""
        if any(question.id not in answers for question in self.segments):
            return []
        return [
            self.labels_of(question.report, answers[question.id]) for question in self.segments if answers[question.id]
        ]

    def labels_of(self, report: ReviewerReport, concerns: tuple[str, ...]) -> LabelsQuestion:
        """The question about the concerns of one report."""
        return LabelsQuestion(report, concerns, self.response, self.article.id)

    def missing(self, answers: Answers) -> list[StageQuestion]:
        """The questions that have no answer, as far as they are known."""
        needed: list[StageQuestion] = [*self.segments, *self.labels(answers)]
        return [question for question in needed if question.id not in answers]

    def concerns(self, answers: Answers) -> tuple[Concern, ...]:
        """The concerns of all reports; one that several make in the same words is kept once. All must be answered."""
        numbers: dict[int, int] = {}
        kept: dict[str, Concern] = {}
        for question in self.labels(answers):
            reviewer = question.report.reviewer
            for text, labels in zip(question.concerns, answers[question.id], strict=True):
                if normalise(text) in kept:
                    continue
                numbers[reviewer] = numbers.get(reviewer, 0) + 1
                concern_id = f"{self.article.id}:R{reviewer}C{numbers[reviewer]}"
                kept[normalise(text)] = self._concern(concern_id, reviewer, text, labels)
        return tuple(kept.values())

    def _concern(self, concern_id: str, reviewer: int, text: str, labels: ConcernLabels) -> Concern:
        row: dict[str, Any] = {
            "concern_id": concern_id,
            "concern_text": text,
            "category": labels.category,
            "severity": labels.severity,
            "reviewer_num": reviewer,
            "requires_figure_reading": labels.figure,
        }
        if self.response:
            row |= {
                "author_response_text": "\n\n".join(self.response[place] for place in labels.reply) or None,
                "author_stance": labels.stance,
                "evidence_of_change": labels.changed,
            }
        return Concern.model_validate(row)
