"""Train articles as lenders of concerns, and what the two lexical reviewers that borrow from them share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from bioreview_bench.data.article import Article, Concern

from .index import K1, B, library, require_library

CHARACTERS = 40_000  # of a paper that are read, as in the published recipe


class LexicalReviewer:
    """Borrows concerns of `train`. Raises EncoderError when bm25s is not installed."""

    name: str

    def __init__(self, train: Sequence[Article]) -> None:
        require_library()
        self._train = train

    def _described(self, parameters: dict[str, Any], *, leaky: bool, **counts: int) -> dict[str, Any]:
        return {
            "model": self.name,
            "provider": "local",
            "parameters": {**parameters, "k1": K1, "b": B, "idf": "lucene", "characters": CHARACTERS},
            "libraries": library(),
            "train": {"n_articles": len(self._train), **counts, "digest": self._digest},
            "leaky": leaky,
        }

    async def close(self) -> None:
        """Nothing is held."""

    @cached_property
    def _digest(self) -> str:
        return digest(self._train)


def as_prediction(concern: Concern) -> dict[str, Any]:
    """A concern with the labels that it carries in train."""
    return {"text": concern.text, "category": concern.category, "severity": concern.severity}


def digest(train: Sequence[Article]) -> str:
    """First 12 hex digits of the sha256 of everything that a lexical reviewer reads of `train`, in file order."""
    sha = hashlib.sha256()
    for article in train:
        texts = [article.title, article.abstract, list(article.sections.values())]
        concerns = [[concern.text, concern.category, concern.severity, concern.figure] for concern in article.concerns]
        sha.update(json.dumps([article.id, article.family, texts, concerns]).encode())
    return sha.hexdigest()[:12]
