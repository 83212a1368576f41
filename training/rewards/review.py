"""The reward of a review: from a completion's text to its components and their composition.

`ReviewReward` is a plain object: give it an article's id and the texts of completions, get one `Composed` for each.
It knows nothing of a trainer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioreview_bench.controls.generic import GENERIC_CONCERNS
from bioreview_bench.data.vocabulary import normalise
from bioreview_bench.errors import InputError
from bioreview_bench.llm.text.parser import Parsed, parse

from .components import confidence_reward, consistency, coverage, grounded, match, repeats
from .composer import Composed, RewardComposer
from .copying import Source
from .references import Prepared, References
from .vectors import Vectorizer

COMPONENTS = ("V1", "V2", "V3", "V4")
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
    """Scores completions of train articles. The composer may weigh V1 to V4; V4 is for prompts that ask for confidence.

    V4 applies whenever it has a weight: were it left out for reviews that state none, silence would pay.
    Raises InputError for a weight of another name.
    """

    def __init__(self, references: References, vectorizer: Vectorizer, composer: RewardComposer) -> None:
        unknown = sorted(set(composer.weights) - set(COMPONENTS))
        if unknown:
            raise InputError(f"There is no review reward {', '.join(unknown)}.", remedy=f"use {', '.join(COMPONENTS)}")
        self.references = references
        self._vectorizer = vectorizer
        self._composer = composer
        self._stock = Source(GENERIC_CONCERNS)

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

    def _read(self, completion: str, article: Prepared, asked: Source) -> _Review:
        parsed = parse(completion)
        concerns = parsed.concerns[:LOOKED_AT]
        texts = tuple(normalise(concern["text"]) for concern in concerns)
        faulty = tuple(
            repeated or any(source.copied(text) for source in (article.paper, asked, self._stock))
            for text, repeated in zip(texts, repeats(texts), strict=True)
        )
        return _Review(parsed, concerns, texts, faulty)

    def _composed(self, review: _Review, vectors: Any, article: Prepared) -> Composed:
        threshold = self.references.contract.threshold
        found = match(vectors, [not fault for fault in review.faulty], review.n_written, article, threshold)
        matched = {row for row, _, _ in found.pairs}
        n_references = len(article.references)
        stated = [(concern.get("confidence"), row in matched) for row, concern in enumerate(review.concerns)]
        values = {
            "V1": grounded(found),
            "V2": coverage(found, review.concerns, article.references),
            "V3": consistency(review.parsed.status, review.concerns, review.faulty, review.n_written, n_references),
            "V4": confidence_reward(stated),
        }
        return self._composer.score({name: values[name] for name in self._composer.weights})
