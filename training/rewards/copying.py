"""Which texts are copies of the paper or of the prompt: runs of words that stand there word for word."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+")
RUN = 6  # words; shorter runs are shared by chance ("in the absence of a control")
MOST = 0.5  # a concern may quote; more than half of it quoted is a copy


class Source:
    """The runs of RUN words in some texts."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._runs: set[tuple[str, ...]] = set()
        for text in texts:
            self._runs.update(_runs(_words(text)))

    def share(self, text: str) -> float:
        """The share of the text's words inside a run that stands in the source; 0 for a text shorter than a run."""
        words = _words(text)
        covered: set[int] = set()
        for start, run in enumerate(_runs(words)):
            if run in self._runs:
                covered.update(range(start, start + RUN))
        return len(covered) / len(words) if words else 0.0

    def copied(self, text: str) -> bool:
        """True when more than half of the text stands in the source.

        >>> Source(["Cells were imaged every ten minutes for two hours."]).copied("cells were imaged every ten minutes")
        True
        """
        return self.share(text) > MOST


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs(words: list[str]) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1)]
