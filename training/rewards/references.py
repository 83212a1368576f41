"""What completions of a train article are compared with, and the refusals that keep the board out of training.

An article's references stand beside those of other train articles (donors) and the stock comments: what is as close to
them as to the article's own references says nothing of the article.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.contracts.transforms import Transform, Vectors
from bioreview_bench.controls.reviewers import GENERIC_CONCERNS
from bioreview_bench.data.article import Article, Concern
from bioreview_bench.data.sentences import pick
from bioreview_bench.data.split import Split
from bioreview_bench.encoders.cache import VectorCache, embed
from bioreview_bench.encoders.files import resolve
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.errors import DataError, InputError, printable
from bioreview_bench.files.paths import vectors_root
from bioreview_bench.scoring.fitting import Fitting
from bioreview_bench.scoring.other_article import donors
from bioreview_bench.scoring.spaces import CosineSpace, normalised
from bioreview_bench.scoring.texts import TextPool, counted_references

from .copying import Source
from .praise import PraiseTest
from .substance import PaperSubject, common

_KEPT = 32  # prepared articles; GRPO samples many completions of one article before it goes on
_PAPERS = 50  # of which the common words are taken
_CHUNK = 64  # articles embedded at a time when the cache is filled
_SPACE = (
    "encoder", "revision", "weights_sha256", "adapter", "files_sha256", "max_length", "dtype", "pooling", "transform",
    "basis", "similarity",
)  # fmt: skip


class CachedVectorizer:
    """The contract's encoder, loaded once: raw vectors (n, d), float32, L2-normalised.

    Raises EncoderError when it is unavailable, InputError for a contract that has none.
    """

    def __init__(
        self,
        contract: Contract,
        encoder_path: Path | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        if contract.similarity != "cos" or contract.max_length is None:
            raise InputError(
                f"Contract {contract.name} compares words, not vectors.",
                remedy="use a contract with an encoder, such as reader",
            )
        self._encoder = LocalEncoder(resolve(contract, encoder_path), contract.max_length)
        self._progress = progress

    def known(self, texts: Sequence[str]) -> Vectors:
        """Of texts that are asked for again and again: from the cache, else encoded and stored."""
        return embed(texts, self._encoder, VectorCache(vectors_root(), self._encoder.identity), self._progress)

    def new(self, texts: Sequence[str]) -> Vectors:
        """Of texts that were just written: encoded in one batch, not stored, which would only make the cache grow."""
        return self._encoder.encode(texts)


@dataclass(frozen=True)
class PreparedArticle:
    """One article: `vectors` (n, d) of its references, `others` (one matrix per donor), `stock` (10, d).

    All are transformed for this article and L2-normalised; `transform` does the same to a completion's raw vectors.
    """

    article: Article
    references: tuple[Concern, ...]
    vectors: Vectors
    others: tuple[Vectors, ...]
    stock: Vectors
    paper: Source
    subject: PaperSubject
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

    def __init__(self, split: Split, contract: Contract, board: Contract, vectorizer: CachedVectorizer) -> None:
        refuse_board(contract, board)
        if split.name != "train" or split.held_out:
            raise DataError(
                f"Rewards read references, and {split.data}/{printable(split.name)} is not a train split.",
                remedy="load the split train",
            )
        self.contract = contract
        self._vectorizer = vectorizer
        counted = {article.id: counted_references(article, contract) for article in split}
        self._articles = {article.id: article for article in split if counted[article.id]}
        self._references = {article_id: counted[article_id] for article_id in self._articles}
        if not self._articles:
            raise DataError("No train article has a reference that counts.", remedy="name data with a train split")
        unlabelled = [name for name, own in self._references.items() if not all(c.category and c.severity for c in own)]
        if unlabelled:  # the reward coverage is about labels
            raise DataError(
                f"{len(unlabelled):,} train articles have references without category or severity, which the reward "
                f"`coverage` needs; the first is {printable(unlabelled[0])}.",
                remedy="label them, or leave these articles out of train",
            )
        articles = list(self._articles.values())
        Fitting(contract, articles, TextPool())  # an article without a sentence to fit to stops the run here
        lent = donors(articles, contract.null)
        self._donors = {
            article.id: [articles[place].id for place in places] for article, places in zip(articles, lent, strict=True)
        }
        self._common = common([_paper(articles[place]) for place in pick(len(articles), _PAPERS)])
        self._prepared: OrderedDict[str, PreparedArticle] = OrderedDict()
        self._fill(articles)
        told = [concern.text for references in self._references.values() for concern in references]
        self.praise = PraiseTest(told, vectorizer.known)

    @property
    def ids(self) -> tuple[str, ...]:
        """Articles that can be scored: those with a counted reference."""
        return tuple(self._articles)

    def of(self, article_id: str) -> PreparedArticle:
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

    def _prepare(self, article: Article) -> PreparedArticle:
        pool = TextPool()
        groups = [
            pool.add(texts)
            for texts in (self._texts(article.id), *map(self._texts, self._donors[article.id]), GENERIC_CONCERNS)
        ]
        fitting = Fitting(self.contract, [article], pool)
        raw = self._vectorizer.known(pool.texts)
        transform = fitting.fit(raw)
        space = CosineSpace(raw, transform)
        ends = np.cumsum([len(group) for group in groups])[:-1]
        own, *others, stock = np.split(space.compared(np.concatenate(groups), article.id), ends)
        paper = _paper(article)
        return PreparedArticle(
            article=article,
            references=self._references[article.id],
            vectors=own,
            others=tuple(others),
            stock=stock,
            paper=Source(paper),
            subject=PaperSubject(paper, self._common),
            transform=transform,
        )

    def _texts(self, article_id: str) -> list[str]:
        return [concern.text for concern in self._references[article_id]]

    def _fill(self, articles: Sequence[Article]) -> None:
        """Embed all that will be asked for, so that no training step waits for it."""
        for start in range(0, len(articles), _CHUNK):
            pool = TextPool()
            pool.add(GENERIC_CONCERNS)
            for article in articles[start : start + _CHUNK]:
                pool.add(self._texts(article.id))
                Fitting(self.contract, [article], pool)
            self._vectorizer.known(pool.texts)


def _paper(article: Article) -> tuple[str, ...]:
    return (article.title or "", article.abstract or "", *article.sections.values())


def refuse_board(contract: Contract, board: Contract) -> None:
    """Raise InputError when training would be rewarded in the very space that the board scores in."""
    if all(getattr(contract, field) == getattr(board, field) for field in _SPACE):
        raise InputError(
            f"The reward's contract {printable(contract.name)} compares texts as the board's contract "
            f"{printable(board.name)} does: a model trained on it would be trained on the score.",
            remedy="give the reward another encoder or transform, for example the contract "
            f"{'demo-topic' if contract.name == 'reader' else 'reader'}",
        )
