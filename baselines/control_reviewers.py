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

from bioreview_bench.controls.generic import GENERIC_CONCERNS
from bioreview_bench.controls.lexical import neighbour, random_train
from bioreview_bench.data.article import Article
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.data.sentences import ECHO_CONCERNS, TOPIC_SAMPLE, echo
from bioreview_bench.data.vocabulary import Source
from bioreview_bench.errors import InputError, printable
from bioreview_bench.llm.review import GiveUp, Review

from .bm25 import corpus

CONTROLS = ("generic", "echo", "neighbour", "random-train")
SEED = 42


class GenericReviewer:
    """Ten stock comments, whatever the paper."""

    name = "generic"

    def describe(self) -> dict[str, Any]:
        """The comments themselves are the description."""
        return {"model": self.name, "provider": "control", "parameters": {"comments": list(GENERIC_CONCERNS)}}

    async def review(self, manuscript: Manuscript) -> Review:
        """The stock comments."""
        return _review(GENERIC_CONCERNS)

    async def close(self) -> None:
        """Nothing is held."""


class EchoReviewer:
    """Ten sentences of the paper."""

    name = "echo"

    def describe(self) -> dict[str, Any]:
        """How many sentences are copied, and how many are set aside first."""
        parameters = {"sentences": ECHO_CONCERNS, "topic_sample": TOPIC_SAMPLE, "reads": "manuscript"}
        return {"model": self.name, "provider": "control", "parameters": parameters}

    async def review(self, manuscript: Manuscript) -> Review:
        """Sentences as `bioreview_bench.data.sentences.echo` picks them; status `empty` when there is none."""
        return _review(echo(_readable(manuscript)))

    async def close(self) -> None:
        """Nothing is held."""


class _Borrowing(ABC):
    """Concerns of one train article of another family, found for all articles at once.

    `articles` are those that may be asked about: a manuscript has no DOI to tell its family by, and the core's
    functions take them together (the vectoriser of `neighbour` reads train once). Reviews of these articles are
    never looked at. `train` holds the lenders.
    """

    name: str

    def __init__(self, articles: Iterable[Article], train: Sequence[Article]) -> None:
        self._train = train
        self._asked = [_readable(Manuscript.from_article(article), article.doi) for article in articles]

    def describe(self) -> dict[str, Any]:
        """Parameters and train articles."""
        train = {"n_articles": len(self._train), "digest": corpus.digest(self._train)}
        return {"model": self.name, "provider": "control", "parameters": self._parameters(), "train": train}

    async def review(self, manuscript: Manuscript) -> Review:
        """The lender's usable concerns. Raises GiveUp for an article that was not announced."""
        if manuscript.id not in self._written:
            raise GiveUp(f"{self.name} was not told about {printable(manuscript.id)}.")
        return _review(self._written[manuscript.id])

    async def close(self) -> None:
        """Nothing is held."""
        return

    @cached_property
    def _written(self) -> Mapping[str, list[str]]:
        return self._write()

    @abstractmethod
    def _parameters(self) -> dict[str, Any]: ...

    @abstractmethod
    def _write(self) -> dict[str, list[str]]: ...


class NeighbourReviewer(_Borrowing):
    """Concerns of the lexically nearest train article of another family."""

    name = "neighbour"

    def _parameters(self) -> dict[str, Any]:
        return {"similarity": "tf-idf cosine", "reads": "manuscript"}

    def _write(self) -> dict[str, list[str]]:
        return neighbour(self._asked, self._train)


class RandomTrainReviewer(_Borrowing):
    """Concerns of a random train article of another family; the draw depends on seed and article id alone."""

    name = "random-train"

    def __init__(self, articles: Iterable[Article], train: Sequence[Article], seed: int = SEED) -> None:
        super().__init__(articles, train)
        self._seed = seed

    def _parameters(self) -> dict[str, Any]:
        return {"seed": self._seed}

    def _write(self) -> dict[str, list[str]]:
        return random_train(self._asked, self._train, self._seed)


def control_reviewer(
    name: str, articles: Iterable[Article] = (), train: Sequence[Article] = (), seed: int = SEED
) -> GenericReviewer | EchoReviewer | NeighbourReviewer | RandomTrainReviewer:
    """A control reviewer by name; `articles` and `train` matter to those that borrow. Raises InputError."""
    if name == "generic":
        return GenericReviewer()
    if name == "echo":
        return EchoReviewer()
    if name == "neighbour":
        return NeighbourReviewer(articles, train)
    if name == "random-train":
        return RandomTrainReviewer(articles, train, seed)
    raise InputError(f'There is no control reviewer "{printable(name)}".', remedy=f"use {', '.join(CONTROLS)}")


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


def _review(texts: Sequence[str]) -> Review:
    return Review(tuple({"text": text} for text in texts), status="ok" if texts else "empty")
