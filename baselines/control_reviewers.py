"""The core's control reviewers (`bioreview_bench.controls`) behind the interface of a reviewer.

A reviewer receives a Manuscript, and these write from what it shows. The controls inside a score are made from the
Article, with the sections that a Manuscript withholds (acknowledgements, funding, assessments ...). So rows equal
the core's wherever nothing is withheld; elsewhere `echo` cannot copy, nor `neighbour` search for, what no reviewer
may read. Were they given the Article, an `echo` row could hold sentences of a decision letter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

from bioreview_bench.controls.lexical import neighbour, random_train
from bioreview_bench.controls.reviewers import GENERIC_CONCERNS
from bioreview_bench.data.article import Article
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.data.sentences import ECHO_CONCERNS, TOPIC_SAMPLE, echo
from bioreview_bench.errors import printable
from bioreview_bench.llm.review import GiveUp, Review

from .bm25 import corpus
from .registry import DAY, Registration

SEED = 42


class ControlReviewer:
    """A reviewer without a model: `write` returns its concerns about a manuscript."""

    def __init__(self, name: str, parameters: Mapping[str, Any], write: Callable[[Manuscript], Sequence[str]]) -> None:
        self.name, self._parameters, self._write = name, parameters, write

    def describe(self) -> dict[str, Any]:
        """Name and parameters."""
        return {"model": self.name, "provider": "control", "parameters": dict(self._parameters)}

    async def review(self, manuscript: Manuscript) -> Review:
        """The control's texts; status `empty` when there is none."""
        texts = self._write(manuscript)
        return Review(tuple({"text": text} for text in texts), status="ok" if texts else "empty")

    async def close(self) -> None:
        """Nothing is held."""


class BorrowingReviewer(ControlReviewer):
    """Concerns of one train article of another family, looked up by `borrow` for all articles at once.

    `articles` are those that may be asked about: a manuscript has no DOI to tell its family by, and the core's
    functions take them together (the vectoriser of `neighbour` reads train once). Reviews of these articles are
    never looked at. `train` holds the donors.
    """

    def __init__(
        self,
        name: str,
        parameters: Mapping[str, Any],
        borrow: Callable[[Sequence[Article], Sequence[Article]], dict[str, list[str]]],
        articles: Iterable[Article],
        train: Sequence[Article],
    ) -> None:
        super().__init__(name, parameters, self._borrowed)
        self._borrow, self._train = borrow, train
        self._articles = [_readable(Manuscript.from_article(article), article.doi) for article in articles]

    def describe(self) -> dict[str, Any]:
        """Name, parameters and train articles."""
        return super().describe() | {"train": {"n_articles": len(self._train), "digest": corpus.digest(self._train)}}

    def _borrowed(self, manuscript: Manuscript) -> Sequence[str]:
        """The donor's usable concerns. Raises GiveUp for an article that was not announced."""
        if manuscript.id not in self._donated:
            raise GiveUp(f"{self.name} knows nothing about {printable(manuscript.id)}.")
        return self._donated[manuscript.id]

    @cached_property
    def _donated(self) -> Mapping[str, list[str]]:
        return self._borrow(self._articles, self._train)


def generic_reviewer() -> ControlReviewer:
    """Ten stock comments, whatever the paper."""
    return ControlReviewer("generic", {"comments": list(GENERIC_CONCERNS)}, lambda manuscript: GENERIC_CONCERNS)


def echo_reviewer() -> ControlReviewer:
    """Ten sentences of the paper, as `bioreview_bench.data.sentences.echo` picks them."""
    parameters = {"sentences": ECHO_CONCERNS, "topic_sample": TOPIC_SAMPLE, "reads": "manuscript"}
    return ControlReviewer("echo", parameters, lambda manuscript: echo(_readable(manuscript)))


def neighbour_reviewer(articles: Iterable[Article], train: Sequence[Article]) -> BorrowingReviewer:
    """Concerns of the lexically nearest train article of another family."""
    parameters = {"similarity": "tf-idf cosine", "reads": "manuscript"}
    return BorrowingReviewer("neighbour", parameters, neighbour, articles, train)


def random_train_reviewer(articles: Iterable[Article], train: Sequence[Article], seed: int = SEED) -> BorrowingReviewer:
    """Concerns of a random train article of another family; the draw depends on seed and article id alone."""
    return BorrowingReviewer("random-train", {"seed": seed}, partial(random_train, seed=seed), articles, train)


def _readable(manuscript: Manuscript, doi: str | None = None) -> Article:
    """What a manuscript shows, as the Article that the core's functions take; it has no concerns and no letters."""
    return Article.model_construct(
        id=manuscript.id,
        source=manuscript.id.partition(":")[0],
        concerns=(),
        doi=doi,
        title=manuscript.title,
        abstract=manuscript.abstract,
        paper_text_sections={**manuscript.sections},
    )


REVIEWERS = (
    Registration("generic", "control: ten stock comments", lambda job: generic_reviewer(), timeout=DAY),
    Registration("echo", "control: ten sentences of the paper", lambda job: echo_reviewer(), timeout=DAY),
    Registration(
        "neighbour",
        "control: concerns of the lexically nearest train article",
        lambda job: neighbour_reviewer(job.articles, job.train),
        timeout=DAY,
    ),
    Registration(
        "random-train",
        "control: concerns of a train article drawn at random",
        lambda job: random_train_reviewer(job.articles, job.train, **job.take(seed=int)),
        frozenset({"parameters"}),
        timeout=DAY,
    ),
)
