"""Parts of a concern that neither criticise nor say anything of the paper: praise in whatever words, and other filler.

Praise has no end of wordings, but what belongs in a concern can be told: it finds fault, asks or demands (`polarity`),
or it has a word of the paper's own, one that most papers do not have.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from unicodedata import category

from bioreview_bench.data.comparable import comparable

from .copying import WORD
from .polarity import finds_fault, introduces
from .praise import parts

_FEWEST_PAPERS = 10  # to tell which words most papers have
_FEWEST_WORDS = 400  # of a paper; an abstract alone has not the words that its reviewers need
_STEM = 6  # letters: "silencing" is "silenced"
_SHORTEST = 3  # letters of a word that says something
_LATIN = 0xFF  # signs up to here are no pictures: "°"
# Words before "that", unless a verb follows it: "a drug that blocks it" says nothing of what is claimed.
_FRAME = re.compile(
    r"(.*?\w),? that (?!(?:is|are|was|were|has|have|had|do|does|did|can|could|may|might|will|would|\w+ed|\w\w+[^s]s)\b)"
)
_FEWEST_BEFORE = 3
_PLACES = frozenset({"figure", "figures", "fig", "figs", "table", "tables", "panel", "panels", "page", "line", "lines"})


def stems(text: str) -> frozenset[str]:
    """First letters of the words of a text that say something: not "the", "our", "figure" or a number."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(
        word[:_STEM]
        for word in WORD.findall(comparable(text))
        if len(word) >= _SHORTEST or not word.isascii()
        if word not in ENGLISH_STOP_WORDS and word not in _PLACES and not word.isdigit()
    )


def common(papers: Sequence[Iterable[str]]) -> frozenset[str]:
    """Stems that more than half of these papers (texts each) have; none when there are fewer than ten papers."""
    if len(papers) < _FEWEST_PAPERS:
        return frozenset()
    number = Counter(stem for texts in papers for stem in stems("\n".join(texts)))
    return frozenset(stem for stem, times in number.items() if times > len(papers) / 2)


class PaperSubject:
    """What a paper is about: `own`, its words less those that are `common` to papers."""

    def __init__(self, texts: Iterable[str], common: frozenset[str] = frozenset()) -> None:
        whole = "\n".join(texts)
        words = stems(whole)
        self.own = words - common
        self._is_known = len(words) >= _FEWEST_WORDS
        self._signs = frozenset(comparable(whole))

    def has_filler(self, text: str) -> bool:
        """True when a part of the text, without a word of the subject, finds no fault, though it says something.

        A single word says something when it is a sentence, or of another script. What stands before "that" must demand
        or say what is claimed. A picture that the paper does not have is filler as well; of papers of which little is
        known, only pictures are.
        """
        if any(ord(sign) > _LATIN and category(sign) == "So" and sign not in self._signs for sign in comparable(text)):
            return True
        return self._is_known and any(self._says_nothing(part) or self._leads_nowhere(part) for part in parts(text))

    def _says_nothing(self, part: str) -> bool:
        said = stems(part)
        is_sentence = part.endswith((".", "!", "?")) or any(not stem.isascii() for stem in said)
        return len(said) >= (1 if is_sentence else 2) and self.own.isdisjoint(said) and not finds_fault(part)

    def _leads_nowhere(self, part: str) -> bool:
        found = _FRAME.match(part)
        if not found or "?" in part or len(WORD.findall(found[1])) < _FEWEST_BEFORE:
            return False
        return self.own.isdisjoint(stems(found[1])) and not introduces(found[1])
