"""Judged texts laid out as matrices, and the questions that a matcher is asked about them.

The gold label of a pair is the highest one that more than half of its raters reach (`same` counts as `related` too):
with two raters both must say *same*, with three two of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.article import Article, Concern
from bioreview_bench.scoring.texts import counted_references
from bioreview_bench.validity.judgements import DIFFERENT, RELATED, SAME, JudgedText, Judgements

Gold = NDArray[np.int8]


@dataclass(frozen=True)
class Question:
    """Which of an article's counted references does each text of one reviewer match?"""

    reviewer: str
    article: Article
    references: tuple[Concern, ...]
    texts: tuple[str, ...]

    @property
    def slots(self) -> int:
        """How many matches are possible."""
        return min(len(self.texts), len(self.references))


@dataclass(frozen=True)
class Sheet:
    """A question with its answers: `gold` is (texts, references) of DIFFERENT, RELATED, SAME.

    `own_words`: no text was written from a reference, so the reviewer wrote what it thought of the paper.
    """

    question: Question
    gold: Gold
    own_words: bool

    @property
    def same(self) -> NDArray[np.bool_]:
        """(texts, references): True for pairs that make the same point."""
        agreed: NDArray[np.bool_] = self.gold == SAME
        return agreed


def sheets(judgements: Judgements, articles: Iterable[Article], contract: Contract) -> list[Sheet]:
    """One for each reviewer and article with judged texts, by reviewer, then by article id.

    Texts of which the raters saw some references only have sheets of their own, with these references. Labels of
    references that the contract does not count are left out.
    """
    by_id = {article.id: article for article in articles}
    grouped: dict[tuple[str, str, tuple[str, ...]], list[JudgedText]] = {}
    for text in judgements.texts:
        grouped.setdefault((text.reviewer, text.article_id, text.judged or ()), []).append(text)
    guided = {text.reviewer for text in judgements.texts if text.written_from is not None}
    laid_out = []
    for (reviewer, article_id, _), texts in sorted(grouped.items(), key=_place):
        article = by_id[article_id]
        references = tuple(one for one in counted_references(article, contract) if texts[0].saw(one.concern_id))
        gold = np.array([gold_labels(text, references) for text in texts], np.int8).reshape(len(texts), len(references))
        question = Question(reviewer, article, references, tuple(text.text for text in texts))
        laid_out.append(Sheet(question, gold, reviewer not in guided))
    return laid_out


def _place(group: tuple[tuple[str, str, tuple[str, ...]], list[JudgedText]]) -> tuple[str, str, tuple[str, ...]]:
    return group[0]


def gold_labels(text: JudgedText, references: Sequence[Concern]) -> list[int]:
    """The label of each reference that more than half of the text's raters reach."""
    half = len(text.labels) / 2
    gold = []
    for concern in references:
        given = [labels.get(concern.concern_id, DIFFERENT) for labels in text.labels.values()]
        reached = [level for level in (SAME, RELATED) if sum(label >= level for label in given) > half]
        gold.append(reached[0] if reached else DIFFERENT)
    return gold
