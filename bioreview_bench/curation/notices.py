"""Notices about articles that are no articles: corrections, retractions, expressions of concern."""

from __future__ import annotations

import re

from bioreview_bench.data.article import TYPE_FIELDS, Article

_TITLE = re.compile(
    r"(?:<[^>]*>|\W)*(?:(?:author|publisher|editor)(?:\W*s)?\W+)?"
    r"(?:(?:formal|partial|interim|temporary|article)\W+)?(?:(?:removal\W+)?(?:notice|note|statement)\W+of\W+)?"
    r"(?:(?P<always>corrigend(?:um|a)|errat(?:um|a)|removal\W+notice"
    r"|this\W+(?:article|paper)\W+(?:has\W+been|was|is)\W+(?:retracted|withdrawn))\b|"
    r"(?P<kind>correction|retract(?:ion|ed)|withdraw(?:n|al)|addend(?:um|a)|remov(?:ed|al)(?=\s*:)|"
    r"(?:corrections|retractions)(?=\s*(?:$|[:\])]|to\W+the\W+(?:paper|article)\b))|"
    r"(?:editorial\W+)?expressions?\W+of\W+concern|editorial\W+note|(?<=s\W)note(?=\s*:))"
    r"(?:\W+and\W+(?:replacement|republication))?(?:\W+(?:article|notice|note|statement))?(?:</[^>]*>)?"
    r"\s*(?:$|[:\])—–]|\.(?:\s|$)|(?<=\s)-\s|\b(?:to|of|for|in)\s*[:\"“‘']|\bto\b|\b(?:of|for)\b.{1,80}\bet al\b))",
    re.IGNORECASE,
)
_AT_THE_END = re.compile(r"[\[(](?P<kind>retracted|withdrawn)\b[^\])]{0,80}[\])]\W*$", re.IGNORECASE)
_TYPES = re.compile(r"\b(?:correct|corrig|errat|retract|withdraw|addend|expression.of.concern)", re.IGNORECASE)


def notice(article: Article) -> str | None:
    """What kind of notice this is ("correction", ...), by its type or its title; None for an article.

    >>> notice(Article(id="a:1", source="a", title="Correction: Actin foci in T cells"))
    'correction'
    >>> notice(Article(id="a:1", source="a", title="Correction of optical aberrations in microscopy"))
    """
    for field in TYPE_FIELDS:
        value = (article.model_extra or {}).get(field)
        if isinstance(value, str) and _TYPES.search(value):
            return value[:40].lower()
    title = article.title or ""
    match = _TITLE.match(title[:500])
    if match:
        return " ".join((match.group("always") or match.group("kind")).lower().split())
    ended = _AT_THE_END.search(title[-120:])
    return ended.group("kind").lower() if ended else None
