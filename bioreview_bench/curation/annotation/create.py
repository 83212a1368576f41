"""Putting a pack together from articles and texts whose pairs were compared."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bioreview_bench.curation.annotation.pack import (
    CONCERN,
    LETTER,
    PAIRS,
    VERSION,
    AnnotationItem,
    AnnotationKey,
    AnnotationPack,
    AskedArticle,
    AskedReference,
    ExtractedLabels,
    PackSources,
    sealed,
)
from bioreview_bench.curation.annotation.sample import (
    PairCandidate,
    bin_edges,
    draw_concerns,
    draw_letters,
    draw_texts,
)
from bioreview_bench.data.article import Article
from bioreview_bench.errors import InputError
from bioreview_bench.files.jsonl import clean

_RATER = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True)
class PackWish:
    """How much is asked of whom. `bins` of similarity share the texts."""

    raters: tuple[str, str]
    concerns: int
    letters: int
    texts: int
    bins: int


def make_pack(
    articles: Sequence[Article], candidates: Sequence[PairCandidate], wish: PackWish, sources: PackSources
) -> tuple[AnnotationPack, AnnotationKey]:
    """A pack and its key. Raises InputError for raters that cannot be told apart, or when nothing can be asked."""
    _check_raters(wish.raters)
    seed = sources.seed
    by_id = {article.id: article for article in articles}
    edges = bin_edges(candidates, wish.bins)
    drawn = [
        *((CONCERN, article, concern, None) for article, concern in draw_concerns(articles, wish.concerns, seed)),
        *((LETTER, article, None, None) for article in draw_letters(articles, wish.letters, seed)),
        *(
            (PAIRS, by_id[text.candidate.article_id], None, text)
            for text in draw_texts(candidates, edges, wish.texts, seed)
        ),
    ]
    if not drawn:
        raise InputError(
            "There is nothing to ask: no article has a letter (decision_letter_raw), and no pairs were given.",
            remedy="--predictions FILE asks about pairs; bench data parse gives articles with their letters",
        )
    items, labels, pairs, similarities = [], {}, {}, {}
    for number, (kind, article, concern, text) in enumerate(drawn, 1):
        name = f"{kind}-{number:04d}"
        if concern is not None:
            labels[name] = ExtractedLabels(category=concern.category, severity=concern.severity)
        if text is not None:
            pairs[name], similarities[name] = text.pair, dict(text.candidate.similarities)
        items.append(
            AnnotationItem(
                id=name,
                kind=kind,
                article_id=article.id,
                concern_id=None if concern is None else concern.concern_id,
                text=None if text is None else text.candidate.text,
            )
        )
    asked = {item.article_id: by_id[item.article_id] for item in items}
    pack = AnnotationPack(
        schema_version=VERSION,
        raters=wish.raters,
        sources=sources,
        articles=tuple(_asked(article) for article in asked.values()),
        items=tuple(items),
    )
    tokens = {rater: secrets.token_urlsafe(18) for rater in wish.raters}
    key = AnnotationKey(
        pack_sha256=sealed(pack),
        secret=secrets.token_hex(32),
        tokens=tokens,
        labels=labels,
        drawn=pairs,
        similarities=similarities,
        edges=edges,
    )
    return pack, key


def span_of(text: str, letter: str) -> tuple[int, int] | None:
    """Where `text` stands in `letter`, whatever the white space between words; None where it does not.

    >>> span_of("two  words", "One. Two words? two\\nwords!")
    (16, 25)
    """
    words = text.split()
    match = re.search(r"\s+".join(map(re.escape, words)), letter) if words else None
    return match.span() if match else None


def _asked(article: Article) -> AskedArticle:
    letter = clean(article.decision_letter_raw or "")
    references = []
    for concern in article.concerns:
        span = span_of(clean(concern.concern_text), letter) or (None, None)
        references.append(
            AskedReference(concern_id=clean(concern.concern_id), text=clean(concern.text), start=span[0], end=span[1])
        )
    return AskedArticle(
        id=article.id,
        source=article.source,
        family=article.family,
        title=clean(article.title or ""),
        abstract=clean(article.abstract or ""),
        letter=letter,
        references=tuple(references),
    )


def _check_raters(raters: Iterable[str]) -> None:
    names = list(raters)
    wrong = [name for name in names if not _RATER.fullmatch(name)]
    if wrong or len(set(names)) < len(names):
        raise InputError(
            "Raters need two different names of 1 to 40 lower-case letters, digits, dashes and underscores.",
            remedy="--rater ann --rater bob",
        )
