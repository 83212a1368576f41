"""The reward of a review: from a completion's text to its components and their composition.

`ReviewReward` is a plain object: give it an article's id and the texts of completions, get one `Composed` for each.
It knows nothing of a trainer. The components that have a weight are averaged, and `form` multiplies their mean: a
readable review that says nothing earns nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import or_
from types import MappingProxyType
from typing import Any

import numpy as np

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.contracts.transforms import Vectors
from bioreview_bench.controls.reviewers import GENERIC_CONCERNS
from bioreview_bench.data.comparable import comparable
from bioreview_bench.data.split import Split
from bioreview_bench.data.vocabulary import normalise
from bioreview_bench.errors import DataError, InputError, printable
from bioreview_bench.llm.text.parser import Parsed, parse

from .components import confidence, coverage, form, groundedness, match
from .composer import Composed, RewardComposer
from .copying import Source
from .polarity import criticises
from .praise import parts
from .references import CachedVectorizer, PreparedArticle, References, refuse_board
from .repetition import repeats, rewords

# Components, under the names that they had in configurations.
COMPONENTS = {"V1": "groundedness", "V2": "coverage", "V3": "form", "V4": "confidence"}
FORM = "form"
LOOKED_AT = 60  # concerns of one completion; more are counted as written and earn nothing
READ = 2_000  # characters of a concern; a longer one earns nothing, and what is behind them is not looked at


@dataclass(frozen=True)
class _Review:
    """A parsed completion: its first concerns, how many it has, and which of those can earn nothing."""

    parsed: Parsed
    concerns: tuple[Mapping[str, Any], ...]
    texts: tuple[str, ...]
    faulty: tuple[bool, ...]

    @property
    def n_written(self) -> int:
        return len(self.parsed.concerns)

    @property
    def worthy_places(self) -> list[int]:
        """Positions of the concerns that may earn something."""
        return [place for place, fault in enumerate(self.faulty) if not fault]

    @property
    def worthy(self) -> list[str]:
        """Their texts; no other is encoded."""
        return [self.texts[place] for place in self.worthy_places]


@dataclass(frozen=True)
class _Encoded:
    """Raw vectors (n, d) of texts, by their places."""

    places: Mapping[str, int]
    vectors: Vectors

    def rows(self, texts: Sequence[str]) -> Vectors:
        """(m, d), those of some texts."""
        return self.vectors[[self.places[text] for text in texts]]


class ReviewReward:
    """Scores completions of train articles by components; confidence is for prompts that ask for it.

    It applies whenever it has a weight: were it left out for reviews that state none, silence would pay.
    Raises InputError for a weight of another name, and for one of `form`, which is a factor.
    """

    def __init__(self, references: References, vectorizer: CachedVectorizer, composer: RewardComposer) -> None:
        self._composer = composer.renamed(COMPONENTS, "review reward")
        if FORM in self._composer.weights:
            raise InputError("A review's form multiplies its reward and has no weight.", remedy=f"leave {FORM} out")
        self.references = references
        self._vectorizer = vectorizer
        self._stock = Source(GENERIC_CONCERNS)

    @classmethod
    def load(cls, split: Split, contract: str, board: str, composer: RewardComposer) -> ReviewReward:
        """References of `split` embedded now, compared by `contract`, which must not be that of the `board`.

        Raises InputError, DataError, EncoderError.
        """
        by, other = Contract.load(contract), Contract.load(board)
        refuse_board(by, other)
        vectorizer = CachedVectorizer(by)
        return cls(References(split, by, other, vectorizer), vectorizer, composer)

    def require_known(self, articles: Iterable[str], data: str, remedy: str) -> None:
        """Raise DataError where an article of a corpus has no counted reference in the train split of `data`."""
        absent = sorted(set(articles) - set(self.references.ids))
        if absent:
            raise DataError(
                f"{len(absent)} articles of the corpus have no counted reference in {data}/train: "
                f"{', '.join(map(printable, absent[:5]))}.",
                remedy=remedy,
            )

    @property
    def weights(self) -> Mapping[str, float]:
        """By component."""
        return self._composer.weights

    @property
    def names(self) -> tuple[str, ...]:
        """Of the components that are returned."""
        return (*self.weights, FORM)

    def score(self, article_id: str, completions: Sequence[str], prompt: str = "") -> list[Composed]:
        """One reward for each completion of one article; `prompt` is what the model was asked, to know it again.

        All new texts are encoded in one batch. Raises DataError for an article without counted references.
        """
        article = self.references.of(article_id)
        asked = Source([prompt])
        reviews = [self._read(completion, article, asked) for completion in completions]
        encoded = self._encoded(text for review in reviews for text in review.worthy)
        reviews = [self._without_praise(review, encoded) for review in reviews]
        empty = np.empty((0, article.vectors.shape[1]), np.float32)
        return [
            self._composed(review, article.compared(encoded.rows(review.worthy)) if review.worthy else empty, article)
            for review in reviews
        ]

    def _encoded(self, texts: Iterable[str]) -> _Encoded:
        """Raw vectors of texts and of their parts, in one batch."""
        wanted = list(dict.fromkeys(each for text in texts for each in (text, *parts(text))))
        vectors = self._vectorizer.new(wanted) if wanted else np.empty((0, 0), np.float32)
        return _Encoded({text: place for place, text in enumerate(wanted)}, vectors)

    def _without_praise(self, review: _Review, encoded: _Encoded) -> _Review:
        praise = [
            not fault and bool(self.references.praise.praises(encoded.rows(parts(text))).any())
            for text, fault in zip(review.texts, review.faulty, strict=True)
        ]
        return replace(review, faulty=tuple(map(or_, review.faulty, praise)))

    def _read(self, completion: str, article: PreparedArticle, asked: Source) -> _Review:
        parsed = parse(completion)
        concerns = tuple({**one, "text": one["text"][: READ + 1]} for one in parsed.concerns[:LOOKED_AT])
        texts = tuple(normalise(concern["text"]) for concern in concerns)
        sources = (article.paper, asked, self._stock)
        repeated = map(or_, repeats(texts), rewords(texts, article.paper, article.subject))
        faulty = tuple(
            again
            or len(text) > READ
            or not criticises(comparable(text))
            or article.subject.has_filler(text)
            or any(source.copied(text) for source in sources)
            for text, again in zip(texts, repeated, strict=True)
        )
        return _Review(parsed, concerns, texts, faulty)

    def _composed(self, review: _Review, vectors: Vectors, article: PreparedArticle) -> Composed:
        pairing = match(vectors, review.worthy_places, review.n_written, article, self.references.contract.threshold)
        matched = {row for row, _, _ in pairing.pairs}
        stated = [(concern.get("confidence"), row in matched) for row, concern in enumerate(review.concerns)]
        values = {
            "groundedness": groundedness(pairing),
            "coverage": coverage(pairing, review.concerns, article.references),
            "confidence": confidence(stated),
        }
        composed = self._composer.score({name: values[name] for name in self.weights})
        shape = form(review.parsed.status, review.concerns, review.faulty, review.n_written, len(article.references))
        total = composed.total
        if total is not None and total > 0:  # a loss is a loss in any form
            total *= shape
        return Composed(total, MappingProxyType({**composed.components, FORM: shape}))
