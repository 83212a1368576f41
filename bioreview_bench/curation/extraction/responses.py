"""A response aligned to the points that it quotes: paragraphs of the letter in it, and the replies after them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bioreview_bench.curation.extraction.segments import Segment

_QUOTED = 0.6  # share of a paragraph's triples of words that stand in the letter, from which it quotes the letter
_ABOUT = 0.3  # share of the smaller text's triples that quote and concern must share


def replies(segments: Sequence[Segment], letter: str, response: str | None) -> list[str | None]:
    """The reply to each segment, paragraphs separated by blank lines; None where none follows a quotation of it.

    Several segments share a reply where the authors answered a paragraph of the letter at once.
    """
    found: list[list[str]] = [[] for _ in segments]
    known = _triples(letter)
    concerns = [_triples(segment.text) for segment in segments]
    about: list[int] = []
    fresh = True
    for paragraph in re.split(r"\n\s*\n", response or ""):
        text = paragraph.strip()
        triples = _triples(text)
        if not triples:
            continue
        if len(triples & known) >= _QUOTED * len(triples):
            mine = [n for n, concern in enumerate(concerns) if _share(triples, concern) >= _ABOUT]
            about = mine if fresh else list(dict.fromkeys([*about, *mine]))
            fresh = False
            continue
        fresh = True
        for number in about:
            found[number].append(text)
    return ["\n\n".join(texts) or None for texts in found]


def _triples(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return set(zip(words, words[1:], words[2:], strict=False)) if len(words) > 2 else {tuple(words)} if words else set()


def _share(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    smaller = min(len(one), len(other))
    return len(one & other) / smaller if smaller else 0.0
