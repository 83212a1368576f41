"""Control reviewers that borrow from train articles: the lexically nearest one, and one at random.

Nobody judged the paper at hand, so what they score is what its neighbourhood, or nothing, gives away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from bioreview_bench.data.article import Article
from bioreview_bench.errors import DataError


def neighbour(articles: Sequence[Article], train: Sequence[Article]) -> dict[str, list[str]]:
    """Article id to the concerns of the lexically nearest train article of another family.

    Nearness is the cosine of TF-IDF vectors (sub-linear term frequency) of title, abstract and sections.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    donors = _donors(train)
    vectoriser = TfidfVectorizer(sublinear_tf=True, stop_words="english", dtype=np.float32)
    held = vectoriser.fit_transform(_text(article) for article in donors)
    wanted = vectoriser.transform(_text(article) for article in articles)
    similarity = (wanted @ held.T).toarray()
    return {
        article.id: _concerns(donors, article, np.argsort(-row, kind="stable").tolist())
        for article, row in zip(articles, similarity, strict=True)
    }


def random_train(articles: Sequence[Article], train: Sequence[Article], seed: int = 42) -> dict[str, list[str]]:
    """Article id to the concerns of a train article of another family, drawn at random.

    The draw depends on seed and article id alone, so that a subset of articles gets the same concerns.
    """
    donors = _donors(train)
    found = {}
    for article in articles:
        digest = hashlib.sha256(f"{seed}\0{article.id}".encode()).digest()
        order = np.random.default_rng(int.from_bytes(digest[:8], "big")).permutation(len(donors))
        found[article.id] = _concerns(donors, article, order.tolist())
    return found


def _donors(train: Sequence[Article]) -> list[Article]:
    donors = [article for article in train if any(not concern.figure for concern in article.concerns)]
    if not donors:
        raise DataError("No train article has a usable concern to borrow.", remedy="name data with a train split")
    return sorted(donors, key=lambda article: article.id)


def _concerns(donors: Sequence[Article], article: Article, order: Sequence[int]) -> list[str]:
    chosen = next((donors[place] for place in order if donors[place].family != article.family), None)
    return [] if chosen is None else [concern.text for concern in chosen.concerns if not concern.figure]


def _text(article: Article) -> str:
    return "\n".join([article.title or "", article.abstract or "", *article.sections.values()])
