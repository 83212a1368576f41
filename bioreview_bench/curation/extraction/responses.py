"""A response aligned to the points that it quotes: paragraphs of the letter in it, and the replies after them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from bioreview_bench.curation.extraction.segments import Segment

_QUOTED = 0.6  # share of a paragraph's triples of words that stand in the letter, from which it quotes the letter
# The heading of another part of the reviews, which the letter need not have: recommendations to the authors of a
# reviewed preprint stand only in the response.
_HEADING = re.compile(
    r"\W*(?:reviewer|referee)\s*#?\s*\d{1,2}\s*(?:\([^()]{1,100}\))?\s*:?\W*"
    r"|\W*(?:(?:joint|consensus) )?(?:public reviews?|recommendations? for the authors?)\W*",
    re.I,
)
_ABOUT = 0.3  # share of the smaller text's triples that quote and concern must share


def replies(
    segments: Sequence[Segment], letter: str, response: str | None, quoted: Collection[int] = ()
) -> list[str | None]:
    """The reply to each segment, paragraphs separated by blank lines; None where none follows a quotation of it.

    Several segments share a reply where the authors answered a paragraph of the letter at once. A reply ends where
    the authors quote another point, though it is not in the letter (`quoted` are the numbers, from 0, of paragraphs
    that are known for quotations), and where another reviewer's part begins.
    """
    found: list[list[str]] = [[] for _ in segments]
    known = _triples(letter)
    concerns = [_triples(segment.text) for segment in segments]
    about: list[int] = []
    fresh = True
    for number, paragraph in enumerate(re.split(r"\n\s*\n", response or "")):
        text = paragraph.strip()
        triples = _triples(text)
        if not triples:
            continue
        if _HEADING.fullmatch(text):
            about, fresh = [], True
            continue
        if number in quoted or len(triples & known) >= _QUOTED * len(triples):
            mine = [place for place, concern in enumerate(concerns) if _share(triples, concern) >= _ABOUT]
            about = mine if fresh else list(dict.fromkeys([*about, *mine]))
            fresh = False
            continue
        fresh = True
        for place in about:
            found[place].append(text)
    return ["\n\n".join(texts) or None for texts in found]


def _triples(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return set(zip(words, words[1:], words[2:], strict=False)) if len(words) > 2 else {tuple(words)} if words else set()


def _share(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    smaller = min(len(one), len(other))
    return len(one & other) / smaller if smaller else 0.0
