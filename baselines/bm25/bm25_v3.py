"""`bm25-v3`: the lexical baseline of the predecessor benchmark, as published. **Leaky.**

It does not exclude an article's family: another version of the same manuscript lends the reviews of that version,
which are partly those it is scored against. Use `bm25`; this one exists so that published numbers can be checked.

The recipe was read off the public code (github.com/jang1563/bioreview-bench, `bioreview_bench/baseline/lexical.py`
at 991b96c): its idf is Lucene's, ln(1 + (N - df + 0.5) / (df + 0.5)), not Robertson's; its term-frequency part has
a factor k1 + 1, which scales every score alike and is left out here. Not known: which commit made the published
figures (their record names none). Two differences remain: that code reads every section of the paper at hand, a
reviewer only those that a Manuscript shows (seldom within the first 40,000 characters); and it breaks ties between
documents by the order in which words were met, here it is file order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from bioreview_bench.data.article import Article, Concern
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import DataError
from bioreview_bench.llm.review import Review

from ..registry import DAY, Registration
from .corpus import CHARACTERS, LexicalReviewer, as_prediction
from .index import Bm25Index, paper_text, ranked, tokens

DOCUMENTS = 8
CONCERNS = 12
_STOP_WORDS = """
a also an and are as at be by can for from in into is it of on or our than that the their then these this those to use
used using was we were which while with
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


class Bm25V3Reviewer(LexicalReviewer):
    """Concerns of the 8 train articles with the highest BM25 score, 12 of them. Leaky: see the module.

    The article itself is dropped after the cut to 8, and keeps its rank. A document's weight, score / rank, goes
    to each of its concerns, figure concerns too; equal texts add up; order is (-weight, text). Labels, which the
    published files lack, are those of the highest-ranked document. Raises DataError when no train article has both
    a concern and a word, EncoderError when bm25s is not installed.
    """

    name = "bm25-v3"

    def __init__(self, train: Sequence[Article]) -> None:
        super().__init__(train)
        if not any(article.concerns for article in train):
            raise DataError("No train article has a concern to borrow.", remedy="name data with a train split")

    def describe(self) -> dict[str, Any]:
        """Parameters, library and train articles."""
        described = self._described({"documents": DOCUMENTS, "n": CONCERNS}, leaky=True)
        return {**described, "leak": "the article's family is not excluded"}

    async def review(self, manuscript: Manuscript) -> Review:
        """Borrowed concerns, heaviest first."""
        documents, index = self._documents
        scores = index.scores(_words(manuscript.title, manuscript.abstract, manuscript.sections))
        weights: dict[str, float] = {}
        first: dict[str, Concern] = {}
        for rank, place in enumerate(ranked(scores)[:DOCUMENTS], start=1):
            if documents[place].id == manuscript.id:
                continue
            for concern in documents[place].concerns:
                weights[concern.text] = weights.get(concern.text, 0.0) + float(scores[place]) / rank
                first.setdefault(concern.text, concern)
        texts = sorted(weights, key=lambda text: (-weights[text], text))[:CONCERNS]
        return Review(tuple(as_prediction(first[text]) for text in texts), status="ok" if texts else "empty")

    @cached_property
    def _documents(self) -> tuple[list[Article], Bm25Index]:
        lenders = [article for article in self._train if article.concerns]
        words = [_words(article.title, article.abstract, article.sections) for article in lenders]
        kept = [place for place, found in enumerate(words) if found]
        return [lenders[place] for place in kept], Bm25Index([words[place] for place in kept])


def _words(title: str | None, abstract: str | None, sections: dict[str, str]) -> list[str]:
    return tokens(paper_text(title, abstract, sections, CHARACTERS), STOP_WORDS)


REVIEWERS = (
    Registration(
        "bm25-v3",
        "the published lexical recipe (leaky)",
        lambda job: Bm25V3Reviewer(job.train),
        module="bm25s",
        timeout=DAY,
    ),
)
