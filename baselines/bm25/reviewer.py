"""`bm25`: borrows single concerns of train articles that share their words with the paper.

No concern was written about the paper at hand, so the score says how far a library of review comments goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from bioreview_bench.data.article import Article, Concern
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import DataError, InputError, printable
from bioreview_bench.llm.review import GiveUp, Review

from ..registry import DAY, Job, Registration
from . import index
from .corpus import CHARACTERS, LexicalReviewer, as_prediction
from .index import Bm25Index, paper_text, ranked, tokens

POOL = 200  # the most relevant concerns, among which n are chosen
# Relevance comes first: on the eLife pilot no two concerns of different articles share a fifth of their words (Jaccard
# at most 0.18, 99th percentile 0.07), which costs 0.05 of the scale at 0.7; a near-copy (0.6 and more) costs 0.18.
WEIGHT = 0.7


class Bm25Reviewer(LexicalReviewer):
    """The n concerns of train that are most relevant to the paper, near-copies set back.

    Every usable (non-figure) concern of `train` is a document, the paper's distinct words are the query
    (`Bm25Index`). Concerns of the paper's own family are left out; `families` says which family each article
    belongs to that may be asked about. Of the POOL best, n are chosen by `index.select` with
    `weight`. A concern without a shared word is never returned, and equal texts are one concern, with the labels
    of the first. Ties fall in file order. Raises DataError when train has no usable concern, InputError for an
    impossible n or weight, EncoderError when bm25s is not installed.
    """

    name = "bm25"

    def __init__(
        self, train: Sequence[Article], families: Mapping[str, str], n: int = 12, weight: float = WEIGHT
    ) -> None:
        if n < 1 or not 0 <= weight <= 1:
            raise InputError(
                f"bm25 cannot choose {n} concerns with a weight of {weight}.", remedy="n from 1, weight from 0 to 1"
            )
        super().__init__(train)
        self._families = families
        self._n = n
        self._weight = weight
        self._lent = [
            (concern, article.family) for article in train for concern in article.concerns if not concern.figure
        ]
        if not self._lent:
            raise DataError("No train article has a usable concern to borrow.", remedy="name data with a train split")

    def describe(self) -> dict[str, Any]:
        """Parameters, library and train articles."""
        parameters = {"n": self._n, "weight": self._weight, "pool": POOL}
        return self._described(parameters, leaky=False, n_concerns=len(self._lent))

    async def review(self, manuscript: Manuscript) -> Review:
        """Borrowed concerns, most relevant first. Raises GiveUp for an article whose family is not known."""
        own = self._families.get(manuscript.id)
        if own is None:  # the article's own reviews could come back as predictions
            raise GiveUp(f"The reviewer does not know the family of {printable(manuscript.id)}.")
        text = paper_text(manuscript.title, manuscript.abstract, manuscript.sections, CHARACTERS)
        scores = self._index.scores(tokens(text, self._stop_words))
        pool = self._candidates(ranked(scores), own)
        places = list(pool.values())
        words = [frozenset(self._words(self._lent[place][0])) for place in places]
        chosen = index.select([float(scores[place]) for place in places], words, self._n, self._weight)
        concerns = tuple(as_prediction(self._lent[places[position]][0]) for position in chosen)
        return Review(concerns, status="ok" if concerns else "empty")

    def _candidates(self, order: Sequence[int], own: str) -> dict[str, int]:
        """Case-folded text to place, for the POOL best concerns of other families."""
        found: dict[str, int] = {}
        for place in order:
            concern, family = self._lent[place]
            if family != own:
                found.setdefault(concern.text.casefold(), place)
                if len(found) == POOL:
                    break
        return found

    @cached_property
    def _index(self) -> Bm25Index:
        return Bm25Index([self._words(concern) for concern, _ in self._lent])

    @cached_property
    def _stop_words(self) -> frozenset[str]:
        from bm25s.stopwords import STOPWORDS_EN_PLUS

        return frozenset(STOPWORDS_EN_PLUS)

    def _words(self, concern: Concern) -> list[str]:
        return tokens(concern.text, self._stop_words)


def _build(job: Job) -> Bm25Reviewer:
    families = {article.id: article.family for article in job.articles}
    return Bm25Reviewer(job.train, families, **job.take(n=int, weight=float))


REVIEWERS = (
    Registration(
        "bm25",
        "concerns of train articles that share words with the paper",
        _build,
        frozenset({"parameters"}),
        module="bm25s",
        timeout=DAY,
    ),
)
