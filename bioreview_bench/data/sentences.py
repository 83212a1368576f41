"""Sentences of an article, and the fixed samples taken from them (scoring specification, section 4).

The echo control copies sentences of the paper; topic transforms learn the paper's subject from others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from unicodedata import is_normalized

import numpy as np

from bioreview_bench.data.article import Article
from bioreview_bench.data.vocabulary import normalise

TOPIC_SAMPLE = 60
ECHO_CONCERNS = 10
# An end of a sentence and the white space behind it. Looking behind from white space would take twice as long.
_BOUNDARY = re.compile(r"[.!?]\s+(?=[A-Z(])")
_SHORTEST, _LONGEST = 40, 400  # characters


def sentences(article: Article) -> list[str]:
    """Normalised sentences of 40 to 400 characters: abstract first, then sections in file order."""
    found = []
    for text in (article.abstract or "", *article.sections.values()):
        for line in text.split("\n"):
            for sentence in _split(line):
                if _SHORTEST <= len(sentence) <= _LONGEST:
                    found.append(sentence)
    return found


def _split(line: str) -> list[str]:
    """The normalised pieces of a line, cut behind `.`, `!` or `?` before white space and A-Z or `(`."""
    # Pieces of NFC text are NFC (Unicode Standard Annex 15), so that such a line is normalised once, not by the piece.
    # In other lines the capital of a boundary may be part of a composed letter, which is none.
    once = is_normalized("NFC", line)
    whole = normalise(line) if once else line
    pieces, start = [], 0
    for boundary in _BOUNDARY.finditer(whole):
        end, following = boundary.span()
        pieces.append(whole[start : end + 1])
        start = following
    pieces.append(whole[start:])
    return pieces if once else [normalise(piece) for piece in pieces]


def pick(n: int, k: int) -> list[int]:
    """At most k of the positions 0..n-1, evenly spread, both ends included."""
    if n <= k:
        return list(range(n))
    return sorted({round(float(position)) for position in np.linspace(0, n - 1, k)})


def topic_sample(article: Article) -> list[str]:
    """The sentences that stand for the article's subject."""
    found = sentences(article)
    return [found[position] for position in pick(len(found), TOPIC_SAMPLE)]


def echo(article: Article) -> list[str]:
    """Ten sentences of the article outside the topic sample (of all, when none is left); [] without sentences."""
    found = sentences(article)
    sampled = set(pick(len(found), TOPIC_SAMPLE))
    rest = [sentence for position, sentence in enumerate(found) if position not in sampled] or found
    return [rest[position] for position in pick(len(rest), ECHO_CONCERNS)]


def digest(texts: Iterable[str]) -> str:
    """First 12 hex digits of the sha256 of texts in order."""
    sha = hashlib.sha256()
    for text in texts:
        sha.update(text.encode("utf-8") + b"\0")
    return sha.hexdigest()[:12]
