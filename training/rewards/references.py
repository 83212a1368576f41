"""What completions of a train article are compared with, and the refusals that keep the board out of training.

An article's references stand beside those of other train articles (donors) and the stock comments: what is as close to
them as to the article's own references says nothing of the article.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bioreview_bench.contract import Contract
from bioreview_bench.controls.generic import GENERIC_CONCERNS
from bioreview_bench.data.article import Article, Concern
from bioreview_bench.data.sentences import topic_sample
from bioreview_bench.data.split import Split
from bioreview_bench.data.vocabulary import normalise
from bioreview_bench.errors import DataError, InputError, printable
from bioreview_bench.scoring.other_article import offsets
from bioreview_bench.scoring.spaces import normalised
from bioreview_bench.scoring.texts import counted_references
from bioreview_bench.transforms import CENTER, Center, Topic, Transform, Vectors, decode_basis, topic_basis, topic_rank

from .copying import Source
from .vectors import Vectorizer

_KEPT = 32  # prepared articles; GRPO samples many completions of one article before it goes on
_CHUNK = 64  # articles embedded at a time when the cache is filled
_SPACE = (
    "encoder", "revision", "weights_sha256", "adapter", "files_sha256", "max_length", "dtype", "pooling", "transform",
    "basis", "similarity",
)  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """One article: `vectors` (n, d) of its references, `others` (one matrix per donor), `stock` (10, d).

    All are transformed for this article and L2-normalised; `transform` does the same to a completion's raw vectors.
    """

    article: Article
    references: tuple[Concern, ...]
    vectors: Vectors
    others: tuple[Vectors, ...]
    stock: Vectors
    paper: Source
    transform: Transform | None

    def compared(self, raw: Vectors) -> Vectors:
        """Raw vectors of completions in this article's space."""
        return normalised(raw if self.transform is None else self.transform(self.article.id, raw))


class References:
    """The references of a train split under a contract.

    Raises InputError when `contract` compares texts as `board` does (a threshold apart is no other contract), and
    DataError when the split is not train, has no article with a counted reference, or lacks sentences that the
    contract's transform needs.
    """

    def __init__(self, split: Split, contract: Contract, board: Contract, vectorizer: Vectorizer) -> None:
        refuse_board(contract, board)
        if split.name != "train" or split.held_out:
            raise DataError(
                f"Rewards read references, and {split.data}/{printable(split.name)} is not a train split.",
                remedy="load the split train",
            )
        self.contract = contract
        self._vectorizer = vectorizer
        found = {article.id: counted_references(article, contract) for article in split}
        self._articles = {article.id: article for article in split if found[article.id]}
        self._references = {article_id: found[article_id] for article_id in self._articles}
        if not self._articles:
            raise DataError("No train article has a reference that counts.", remedy="name data with a train split")
        self._rank = topic_rank(contract.transform)
        if self._rank is not None:
            empty = [article.id for article in self._articles.values() if not topic_sample(article)]
            if empty:
                raise DataError(
                    f"{contract.transform} needs sentences of every article; {len(empty)} have none: "
                    f"{', '.join(map(printable, empty[:5]))}.",
                    remedy="use a contract without a topic transform, or data with article texts",
                )
        self._donors = _donors(self._articles, contract.null)
        self._prepared: OrderedDict[str, Prepared] = OrderedDict()
        self._fill()

    @property
    def ids(self) -> tuple[str, ...]:
        """Articles that can be scored: those with a counted reference."""
        return tuple(self._articles)

    def of(self, article_id: str) -> Prepared:
        """The article, prepared; recent ones are kept. Raises DataError for an article that cannot be scored."""
        if article_id in self._prepared:
            self._prepared.move_to_end(article_id)
            return self._prepared[article_id]
        if article_id not in self._articles:
            raise DataError(
                f"{printable(article_id)} has no counted reference in the train split, so nothing can be scored.",
                remedy="leave it out of the training prompts",
            )
        prepared = self._prepare(self._articles[article_id])
        self._prepared[article_id] = prepared
        if len(self._prepared) > _KEPT:
            self._prepared.popitem(last=False)
        return prepared

    def _prepare(self, article: Article) -> Prepared:
        transform = self._transform(article)

        def ready(texts: Sequence[str]) -> Vectors:
            raw = self._vectorizer.known(texts)
            return normalised(raw if transform is None else transform(article.id, raw))

        groups = [self._texts(article.id), *map(self._texts, self._donors[article.id]), list(GENERIC_CONCERNS)]
        ends = np.cumsum([len(group) for group in groups])[:-1]
        own, *others, stock = np.split(ready([text for group in groups for text in group]), ends)
        paper = Source((article.title or "", article.abstract or "", *article.sections.values()))
        return Prepared(article, self._references[article.id], own, tuple(others), stock, paper, transform)

    def _transform(self, article: Article) -> Transform | None:
        if self.contract.transform == CENTER:
            return Center(decode_basis(self.contract.basis or ""))
        if self._rank is None:
            return None
        sample = self._vectorizer.known(topic_sample(article))
        return Topic({article.id: topic_basis(sample, self._rank)})

    def _texts(self, article_id: str) -> list[str]:
        return [concern.text for concern in self._references[article_id]]

    def _fill(self) -> None:
        """Embed all that will be asked for, so that no training step waits for it."""
        articles = list(self._articles.values())
        for start in range(0, len(articles), _CHUNK):
            texts = [normalise(text) for text in GENERIC_CONCERNS]
            for article in articles[start : start + _CHUNK]:
                texts += self._texts(article.id)
                texts += topic_sample(article) if self._rank is not None else []
            self._vectorizer.known(list(dict.fromkeys(texts)))


def refuse_board(contract: Contract, board: Contract) -> None:
    """Raise InputError when training would be rewarded in the very space that the board scores in."""
    if all(getattr(contract, field) == getattr(board, field) for field in _SPACE):
        raise InputError(
            f"The reward's contract {printable(contract.name)} compares texts as the board's contract "
            f"{printable(board.name)} does: a model trained on it would be trained on the score.",
            remedy="give the reward another encoder or transform, for example the contract demo-topic",
        )


def _donors(articles: dict[str, Article], count: int) -> dict[str, list[str]]:
    """Up to `count` other articles of another family for each, evenly spread over the ids of its source."""
    found: dict[str, list[str]] = {}
    sources: dict[str, list[str]] = {}
    for article_id in sorted(articles):
        sources.setdefault(articles[article_id].source, []).append(article_id)
    for members in sources.values():
        shifts = offsets(len(members), count)
        for place, article_id in enumerate(members):
            shifted = (members[(place + shift) % len(members)] for shift in shifts)
            family = articles[article_id].family
            found[article_id] = [other for other in shifted if articles[other].family != family]
    return found
