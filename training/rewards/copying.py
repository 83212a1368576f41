"""Which texts, or words of them, are copied from others (the paper, the prompt, a question).

Two rules. *Runs*: more than half of the words stand in runs of six from the source. *Sentences*: the text holds most of
what is rare in one sentence of the source, or is made of two of them, whatever stands between and around the words.
Texts are compared without format characters and look-alikes (`data.comparable`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.data.comparable import comparable

WORD = re.compile(r"[^\W_]+")
RUN = 6  # words; shorter runs are shared by chance ("in the absence of a control")
MOST = 0.5  # a concern may quote; more than half of it quoted is a copy
PIECE = 4  # letters; pieces of words survive endings, typing errors, and hyphens or spaces within words
ALIKE = 0.5  # see `Source.likeness`; of what people wrote of the pilot's train articles 2 % are above it
TWO = 0.8  # share of a text in two sentences of a source
_FEWEST = 8  # pieces in common; fewer are two words
_SHORTEST = 16  # pieces of a sentence, of about five content words; shorter ones are headings and asides
_LONGEST = 40  # words of a sentence; longer ones are cut, so that lists and unpunctuated texts are sentences too
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")


class Source:
    """Texts that may have been copied: their runs of `length` words (of the pattern `word`), and their sentences."""

    def __init__(self, texts: Iterable[str], length: int = RUN, word: re.Pattern[str] = WORD) -> None:
        self._length, self._word = length, word
        self._texts = tuple(texts)
        self._runs = {run for text in self._texts for run in self._runs_of(self._words(text))}

    def covered(self, words: Sequence[str]) -> set[int]:
        """Positions of the words, in lower case, that stand inside a run of the source."""
        starts = [start for start, run in enumerate(self._runs_of(words)) if run in self._runs]
        return {place for start in starts for place in range(start, start + self._length)}

    def foreign_runs(self, text: str) -> set[tuple[str, ...]]:
        """Runs of the text that do not stand in the source."""
        return {run for run in self._runs_of(self._words(text)) if run not in self._runs}

    def holds(self, part: str) -> bool:
        """Whether the part, in lower case, stands in the source, and not inside longer words."""
        return re.search(rf"(?<!\w){re.escape(part)}(?!\w)", self._whole) is not None

    def share(self, text: str) -> float:
        """The share of the text's words inside a run that stands in the source; 0 for a text shorter than a run."""
        words = self._words(text)
        return len(self.covered(words)) / len(words) if words else 0.0

    def likeness(self, text: str) -> tuple[float, float]:
        """(likeness to the sentence of the source that is most like the text, share of the text in two sentences).

        Of content words, by their pieces p, each weighed by log(1 + sentences / sentences that have p): the weight in
        common over the geometric mean of the weights of text and sentence (A. Ochiai 1957), and over that of the text.
        Both are from 0 to 1, and 0 where fewer than eight pieces are in common.
        """
        own = pieces(text)
        weights = {piece: self._sentences.weight(piece) for piece in own}
        whole = sum(weights.values())
        shared, numbers = self._sentences.shared(weights)
        if not whole or not len(shared):
            return 0.0, 0.0
        likeness = np.where(numbers >= _FEWEST, shared / np.sqrt(whole * self._sentences.totals), 0.0)
        best = int(np.argmax(shared))
        left = {piece: weight for piece, weight in weights.items() if piece not in self._sentences.members[best]}
        more, further = self._sentences.shared(left)
        two = np.where(further >= _FEWEST, shared[best] + more, 0.0).max() if numbers[best] >= _FEWEST else 0.0
        return float(likeness.max()), float(two / whole)

    def copied(self, text: str) -> bool:
        """True when more than half of the text stands in runs of the source, or when it holds a sentence of it.

        >>> source = Source(["Cells were imaged every ten minutes for two hours under the microscope."])
        >>> source.copied("cells were imaged every ten minutes")
        True
        >>> source.copied("It is unclear that cells, perhaps, were imaged, as said, every ten, or so, minutes.")
        True
        >>> source.copied("Mitosis may be missed when frames are ten minutes apart.")
        False
        """
        if self.share(text) > MOST:
            return True
        likeness, two = self.likeness(text)
        return likeness > ALIKE or two > TWO

    @cached_property
    def _whole(self) -> str:
        return "\n".join(map(comparable, self._texts))

    @cached_property
    def _sentences(self) -> _Sentences:
        return _Sentences(
            [part for text in self._texts for sentence in _SENTENCE.split(text) for part in _cut(sentence)]
        )

    def _words(self, text: str) -> list[str]:
        return self._word.findall(comparable(text))

    def _runs_of(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        return [tuple(words[start : start + self._length]) for start in range(len(words) - self._length + 1)]


class _Sentences:
    """Sentences as sets of pieces, and where each piece stands."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.members = [found for text in texts if len(found := pieces(text)) >= _SHORTEST]
        self._n = len(self.members)
        self._number = Counter(piece for member in self.members for piece in member)
        places: dict[str, list[int]] = {}
        for place, member in enumerate(self.members):
            for piece in member:
                places.setdefault(piece, []).append(place)
        self._places = {piece: np.array(found) for piece, found in places.items()}
        self.totals = np.array([sum(map(self.weight, sorted(member))) for member in self.members])

    def weight(self, piece: str) -> float:
        """Of a piece that no sentence has: that of one in a single sentence."""
        return math.log1p(self._n / self._number.get(piece, 1))

    def shared(self, weights: dict[str, float]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """For each sentence the weight of the pieces that it has of these, and their number."""
        total, number = np.zeros(self._n), np.zeros(self._n, np.int64)
        for piece, weight in sorted(weights.items()):
            places = self._places.get(piece)
            if places is not None:
                total[places] += weight
                number[places] += 1
        return total, number


def pieces(text: str) -> frozenset[str]:
    """Runs of four letters within the content words of a text; a shorter word is a piece of its own."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    words = {word for word in WORD.findall(comparable(text)) if word not in ENGLISH_STOP_WORDS}
    return frozenset(word[start : start + PIECE] for word in words for start in range(max(1, len(word) - PIECE + 1)))


def _cut(sentence: str) -> list[str]:
    words = sentence.split()
    return [" ".join(words[start : start + _LONGEST]) for start in range(0, len(words), _LONGEST)]
