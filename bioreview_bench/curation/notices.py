"""Notices about articles that are no articles: corrections, retractions, expressions of concern."""

from __future__ import annotations

import re

from bioreview_bench.data.article import Article

_TITLE = re.compile(
    r"(?:<[^>]*>|\W)*(?:(?:author|publisher)\W+(?:s\W+)?)?(?:(?:removal\W+)?notice\W+of\W+)?"
    r"(?:(?P<always>corrigend(?:um|a)|errat(?:um|a))\b|"
    r"(?P<kind>correction|retract(?:ion|ed)|withdraw(?:n|al)|addend(?:um|a)|"
    r"expression\W+of\W+concern|editorial\W+(?:note|expression\W+of\W+concern))"
    r"(?:\W+and\W+replacement)?(?:\W+(?:article|notice|note))?(?:</[^>]*>)?"
    r"\s*(?:$|[:\])—–-]|\b(?:to|of|for)\s*[:\"“‘']|\bto\b|\b(?:of|for)\b.{1,80}\bet al\b))",
    re.IGNORECASE,
)
_TYPES = re.compile(r"\b(?:correct|corrig|errat|retract|withdraw|addend|expression.of.concern)", re.IGNORECASE)
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
    return " ".join((match.group("always") or match.group("kind")).lower().split()) if match else None
