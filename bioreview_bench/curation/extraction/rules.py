"""Concerns of an article by rules: offline, free, the same every time, and a start for people or a model to correct."""

from __future__ import annotations

from typing import Any

from bioreview_bench.curation.extraction.labels import category, needs_figure, reaction, severity
from bioreview_bench.curation.extraction.responses import replies
from bioreview_bench.curation.extraction.segments import segments
from bioreview_bench.data.article import Article, Concern
from bioreview_bench.data.vocabulary import normalise

RULES = "rules-v1"


def extract_by_rules(article: Article) -> tuple[Concern, ...]:
    """The concerns in the article's letter, each a verbatim span of it; one that is made twice in the same words is
    kept once. None without a letter."""
    letter = article.decision_letter_raw or ""
    found = segments(letter)
    answers = replies(found, letter, article.author_response_raw, _quoted(article))
    numbers: dict[int, int] = {}
    concerns: dict[str, Concern] = {}
    for segment, reply in zip(found, answers, strict=True):
        if normalise(segment.text) in concerns:
            continue
        number = numbers[segment.reviewer] = numbers.get(segment.reviewer, 0) + 1
        label = category(segment.text)
        answered = reaction(reply) if article.author_response_raw else None
        row: dict[str, Any] = {
            "concern_id": f"{article.id}:R{segment.reviewer}C{number}",
            "concern_text": segment.text,
            "category": label,
            "severity": severity(segment.text, segment.section),
            "reviewer_num": segment.reviewer,
            "requires_figure_reading": needs_figure(segment.text, label),
        }
        if answered is not None:
            row |= {
                "author_response_text": reply,
                "author_stance": answered.stance,
                "evidence_of_change": answered.changed,
            }
        concerns[normalise(segment.text)] = Concern.model_validate(row)
    return tuple(concerns.values())


def _quoted(article: Article) -> frozenset[int]:
    """Numbers of the response's paragraphs that its markup shows as quotations, where the article says so."""
    stated = (article.model_extra or {}).get("response_quotes")
    return frozenset(n for n in stated if isinstance(n, int)) if isinstance(stated, list) else frozenset()
