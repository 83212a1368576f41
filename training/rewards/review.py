"""The reward of a review: from a completion's text to its components and their composition.

`ReviewReward` is a plain object: give it an article's id and the texts of completions, get one `Composed` for each.
It knows nothing of a trainer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.controls.reviewers import GENERIC_CONCERNS
from bioreview_bench.data.split import Split
from bioreview_bench.data.vocabulary import normalise
from bioreview_bench.errors import DataError, printable
from bioreview_bench.llm.text.parser import Parsed, parse

from .components import confidence, coverage, form, groundedness, match, repeats
from .composer import Composed, RewardComposer
from .copying import Source
from .references import CachedVectorizer, PreparedArticle, References, refuse_board

# Components, under the names that they had in configurations.
COMPONENTS = {"V1": "groundedness", "V2": "coverage", "V3": "form", "V4": "confidence"}
LOOKED_AT = 60  # concerns of one completion; more are counted as written and earn nothing


@dataclass(frozen=True)
class _Review:
    """A parsed completion: its first concerns, how many it has, and which of those are copies, stock or repeated."""

    parsed: Parsed
    concerns: tuple[Mapping[str, Any], ...]
    texts: tuple[str, ...]
    faulty: tuple[bool, ...]

    @property
    def n_written(self) -> int:
        return len(self.parsed.concerns)


class ReviewReward:
    """Scores completions of train articles by components; confidence is for prompts that ask for it.

    It applies whenever it has a weight: were it left out for reviews that state none, silence would pay.
    Raises InputError for a weight of another name.
    """

    def __init__(self, references: References, vectorizer: CachedVectorizer, composer: RewardComposer) -> None:
        self._composer = composer.renamed(COMPONENTS, "review reward")
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

    def score(self, article_id: str, completions: Sequence[str], prompt: str = "") -> list[Composed]:
        """One reward for each completion of one article; `prompt` is what the model was asked, to know it again.

        All new texts are encoded in one batch. Raises DataError for an article without counted references.
        """
        article = self.references.of(article_id)
        asked = Source([prompt])
        reviews = [self._read(completion, article, asked) for completion in completions]
        places: dict[str, int] = {}
        for review in reviews:
            for text in review.texts:
                places.setdefault(text, len(places))
        raw = self._vectorizer.new(list(places)) if places else np.empty((0, article.vectors.shape[1]), np.float32)
        vectors = article.compared(raw)
        return [self._composed(review, vectors[[places[text] for text in review.texts]], article) for review in reviews]

    def _read(self, completion: str, article: PreparedArticle, asked: Source) -> _Review:
        parsed = parse(completion)
        concerns = parsed.concerns[:LOOKED_AT]
        texts = tuple(normalise(concern["text"]) for concern in concerns)
        faulty = tuple(
            repeated or any(source.copied(text) for source in (article.paper, asked, self._stock))
            for text, repeated in zip(texts, repeats(texts), strict=True)
        )
        return _Review(parsed, concerns, texts, faulty)

    def _composed(self, review: _Review, vectors: Any, article: PreparedArticle) -> Composed:
        threshold = self.references.contract.threshold
        pairing = match(vectors, [not fault for fault in review.faulty], review.n_written, article, threshold)
        matched = {row for row, _, _ in pairing.pairs}
        n_references = len(article.references)
        stated = [(concern.get("confidence"), row in matched) for row, concern in enumerate(review.concerns)]
        values = {
            "groundedness": groundedness(pairing),
            "coverage": coverage(pairing, review.concerns, article.references),
            "form": form(review.parsed.status, review.concerns, review.faulty, review.n_written, n_references),
            "confidence": confidence(stated),
        }
        return self._composer.score({name: values[name] for name in self.weights})
