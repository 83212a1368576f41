"""Which texts, or words of them, are copied from others (the paper, the prompt, a question): runs word for word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

WORD = re.compile(r"[^\W_]+")
RUN = 6  # words; shorter runs are shared by chance ("in the absence of a control")
MOST = 0.5  # a concern may quote; more than half of it quoted is a copy


class Source:
    """The runs of `length` words (of the pattern `word`) in some texts."""

    def __init__(self, texts: Iterable[str], length: int = RUN, word: re.Pattern[str] = WORD) -> None:
        self._length, self._word = length, word
        self._runs = {run for text in texts for run in self._runs_of(self._words(text))}

    def covered(self, words: Sequence[str]) -> set[int]:
        """Positions of the words, in lower case, that stand inside a run of the source."""
        starts = [start for start, run in enumerate(self._runs_of(words)) if run in self._runs]
        return {place for start in starts for place in range(start, start + self._length)}

    def share(self, text: str) -> float:
        """The share of the text's words inside a run that stands in the source; 0 for a text shorter than a run."""
        words = self._words(text)
        return len(self.covered(words)) / len(words) if words else 0.0

    def copied(self, text: str) -> bool:
        """True when more than half of the text stands in the source.

        >>> Source(["Cells were imaged every ten minutes for two hours."]).copied("cells were imaged every ten minutes")
        True
        """
        return self.share(text) > MOST

    def _words(self, text: str) -> list[str]:
        return self._word.findall(text.casefold())

    def _runs_of(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        return [tuple(words[start : start + self._length]) for start in range(len(words) - self._length + 1)]
