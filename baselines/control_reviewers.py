"""The core's control reviewers (`bioreview_bench.controls`) behind the interface of a reviewer.

A reviewer receives a Manuscript, and these write from what it shows. The controls inside a score are made from the
Article, with the sections that a Manuscript withholds (acknowledgements, funding, assessments ...). So rows equal
the core's wherever nothing is withheld; elsewhere `echo` cannot copy, nor `neighbour` search for, what no reviewer
may read. Were they given the Article, an `echo` row could hold sentences of a decision letter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, cast

from bioreview_bench.controls.lexical import neighbour, random_train
from bioreview_bench.controls.reviewers import GENERIC_CONCERNS
from bioreview_bench.data.article import Article
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.data.sentences import ECHO_CONCERNS, TOPIC_SAMPLE, echo
from bioreview_bench.data.vocabulary import Source
from bioreview_bench.errors import printable
from bioreview_bench.llm.review import GiveUp, Review

from .bm25 import corpus
from .registry import DAY, Job, Registration

SEED = 42


class _Control(ABC):
    """A reviewer without a model."""

    name: str

    def describe(self) -> dict[str, Any]:
        """Name and parameters."""
        return {"model": self.name, "provider": "control", "parameters": self._parameters()}

    async def review(self, manuscript: Manuscript) -> Review:
        """The control's texts; status `empty` when there is none."""
        texts = self._texts(manuscript)
        return Review(tuple({"text": text} for text in texts), status="ok" if texts else "empty")

    async def close(self) -> None:  # noqa: B027 - nothing is held
        """Nothing is held."""

    @abstractmethod
    def _parameters(self) -> dict[str, Any]: ...

    @abstractmethod
    def _texts(self, manuscript: Manuscript) -> Sequence[str]: ...


class GenericReviewer(_Control):
    """Ten stock comments, whatever the paper."""

    name = "generic"

    def _parameters(self) -> dict[str, Any]:
        return {"comments": list(GENERIC_CONCERNS)}

    def _texts(self, manuscript: Manuscript) -> Sequence[str]:
        return GENERIC_CONCERNS


class EchoReviewer(_Control):
    """Ten sentences of the paper, as `bioreview_bench.data.sentences.echo` picks them."""

    name = "echo"

    def _parameters(self) -> dict[str, Any]:
        return {"sentences": ECHO_CONCERNS, "topic_sample": TOPIC_SAMPLE, "reads": "manuscript"}

    def _texts(self, manuscript: Manuscript) -> Sequence[str]:
        return echo(_readable(manuscript))


class _Borrowing(_Control):
    """Concerns of one train article of another family, looked up for all articles at once.

    `articles` are those that may be asked about: a manuscript has no DOI to tell its family by, and the core's
    functions take them together (the vectoriser of `neighbour` reads train once). Reviews of these articles are
    never looked at. `train` holds the donors.
    """

    def __init__(self, articles: Iterable[Article], train: Sequence[Article]) -> None:
        self._train = train
        self._articles = [_readable(Manuscript.from_article(article), article.doi) for article in articles]

    def describe(self) -> dict[str, Any]:
        """Name, parameters and train articles."""
        return super().describe() | {"train": {"n_articles": len(self._train), "digest": corpus.digest(self._train)}}

    def _texts(self, manuscript: Manuscript) -> Sequence[str]:
        """The donor's usable concerns. Raises GiveUp for an article that was not announced."""
        if manuscript.id not in self._written:
            raise GiveUp(f"{self.name} was not told about {printable(manuscript.id)}.")
        return self._written[manuscript.id]

    @cached_property
    def _written(self) -> Mapping[str, list[str]]:
        return self._write()

    @abstractmethod
    def _write(self) -> dict[str, list[str]]: ...


class NeighbourReviewer(_Borrowing):
    """Concerns of the lexically nearest train article of another family."""

    name = "neighbour"

    def _parameters(self) -> dict[str, Any]:
        return {"similarity": "tf-idf cosine", "reads": "manuscript"}

    def _write(self) -> dict[str, list[str]]:
        return neighbour(self._articles, self._train)


class RandomTrainReviewer(_Borrowing):
    """Concerns of a random train article of another family; the draw depends on seed and article id alone."""

    name = "random-train"

    def __init__(self, articles: Iterable[Article], train: Sequence[Article], seed: int = SEED) -> None:
        super().__init__(articles, train)
        self._seed = seed

    def _parameters(self) -> dict[str, Any]:
        return {"seed": self._seed}

    def _write(self) -> dict[str, list[str]]:
        return random_train(self._articles, self._train, self._seed)


def _readable(manuscript: Manuscript, doi: str | None = None) -> Article:
    """What a manuscript shows, as the Article that the core's functions take; it has no concerns and no letters."""
    return Article.model_construct(
        id=manuscript.id,
        source=cast(Source, manuscript.id.partition(":")[0]),
        concerns=(),
        doi=doi,
        title=manuscript.title,
        abstract=manuscript.abstract,
        paper_text_sections={**manuscript.sections},
    )


def _random_train(job: Job) -> RandomTrainReviewer:
    return RandomTrainReviewer(job.articles, job.train, **job.take(seed=int))


REVIEWERS = (
    Registration("generic", "control: ten stock comments", lambda job: GenericReviewer(), timeout=DAY),
    Registration("echo", "control: ten sentences of the paper", lambda job: EchoReviewer(), timeout=DAY),
    Registration(
        "neighbour",
        "control: concerns of the lexically nearest train article",
        lambda job: NeighbourReviewer(job.articles, job.train),
        timeout=DAY,
    ),
    Registration(
        "random-train",
        "control: concerns of a train article drawn at random",
        _random_train,
        frozenset({"parameters"}),
        timeout=DAY,
    ),
)
