"""Notices about articles that are no articles: corrections, retractions, expressions of concern."""

from __future__ import annotations

import re

from bioreview_bench.data.article import Article

_TITLE = re.compile(
    r"\W*(?:author\W+|publisher\W+)?(?P<kind>correction|corrigend(?:um|a)|errat(?:um|a)|retract(?:ion|ed)|withdraw(?:n|al)|"
    r"addend(?:um|a)|expression\W+of\W+concern|editorial\W+(?:note|expression\W+of\W+concern))"
    r"(?:\W+(?:article|notice|note))?\s*(?:$|[:\])—–-]|\b(?:to|of|for)\s*[:\"“‘']|\bto\b)",
    re.IGNORECASE,
)
_TYPES = re.compile(r"correct|corrig|errat|retract|withdraw|addend|expression.of.concern", re.IGNORECASE)
TYPE_FIELDS = ("article_type", "publication_type", "type")


def notice(article: Article) -> str | None:
    """What kind of notice this is ("correction", ...), by its type or by how its title begins; None for an article.

    >>> notice(Article(id="a:1", source="a", title="Correction: Actin foci in T cells"))
    'correction'
    >>> notice(Article(id="a:1", source="a", title="Correction of optical aberrations in microscopy"))
    """
    for field in TYPE_FIELDS:
        value = (article.model_extra or {}).get(field)
        if isinstance(value, str) and _TYPES.search(value):
            return value[:40].lower()
    match = _TITLE.match(article.title or "")
    return " ".join(match.group("kind").lower().split()) if match else None
