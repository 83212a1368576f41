"""Fitting a contract's transform to the articles at hand, in two steps: name its texts, then use their vectors."""

from __future__ import annotations

from collections.abc import Sequence

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.contracts.transforms import (
    CENTER,
    Center,
    Topic,
    Transform,
    Vectors,
    decode_basis,
    topic_basis,
    topic_rank,
)
from bioreview_bench.data.article import Article
from bioreview_bench.data.sentences import digest, sentences, topic_sample
from bioreview_bench.errors import DataError
from bioreview_bench.scoring.texts import Indices, TextPool


class Fitting:
    """Made before texts are embedded, so that the sentences a transform learns from are among them.

    `text_digest` goes into the signature; None when no article text enters the score. Raises DataError when an
    article has no sentence to learn from.
    """

    def __init__(self, contract: Contract, articles: Sequence[Article], pool: TextPool) -> None:
        self._rank = topic_rank(contract.transform)
        self._mean = decode_basis(contract.basis or "") if contract.transform == CENTER else None
        self._samples: dict[str, Indices] = {}
        self.text_digest: str | None = None
        if self._rank is None:
            return
        ordered = sorted(articles, key=lambda article: article.id)
        self._samples = {article.id: pool.add(topic_sample(article)) for article in ordered}
        empty = [article_id for article_id, sample in self._samples.items() if not len(sample)]
        if empty:
            raise DataError(
                f"{contract.transform} needs sentences of every article; "
                f"{len(empty)} have none: {', '.join(empty[:5])}.",
                remedy="name a contract without a topic transform (--contract demo), or data with article texts",
            )
        self.text_digest = digest(sentence for article in ordered for sentence in sentences(article))

    def fit(self, vectors: Vectors) -> Transform | None:
        """The transform, from the raw vectors of the pool's texts; None for `none`."""
        if self._mean is not None:
            return Center(self._mean)
        if self._rank is None:
            return None
        rank = self._rank
        return Topic({article_id: topic_basis(vectors[sample], rank) for article_id, sample in self._samples.items()})
