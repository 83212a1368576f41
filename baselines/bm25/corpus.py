"""Train articles as lenders of concerns, and which family an article to be reviewed belongs to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bioreview_bench.data.article import Article, Concern
from bioreview_bench.errors import printable
from bioreview_bench.llm.review import GiveUp


def families(articles: Iterable[Article]) -> dict[str, str]:
    """Article id to family. A manuscript carries no DOI, so whoever asks for reviews says this beforehand."""
    return {article.id: article.family for article in articles}


def family_of(known: Mapping[str, str], article_id: str) -> str:
    """The family of an article. Raises GiveUp: without it the article's own reviews could come back as predictions."""
    try:
        return known[article_id]
    except KeyError:
        raise GiveUp(f"The reviewer was not told the family of {printable(article_id)}.") from None


def usable(article: Article) -> list[Concern]:
    """Concerns that can be judged without a figure."""
    return [concern for concern in article.concerns if not concern.figure]


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
