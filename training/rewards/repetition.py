"""Which concerns of a review repeat earlier ones, or wordings of them.

A policy that finds a wording that pays writes it in every concern; reviewers do not say the same six words twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bioreview_bench.data.comparable import comparable

from .copying import WORD, Source
from .polarity import finds_fault
from .praise import split
from .substance import PaperSubject, stems

SAME = 0.7  # a concern with at least this share of words in common repeats an earlier one
_INNER = re.compile(r",|\bthat\b")
_FEWEST = 3  # words between two commas, or before "that": "however" is no wording
_SHORTEST = 2  # characters of a part; shorter ones number things
_EDGES = " .,!?'\"*-"


def repeats(texts: Sequence[str]) -> list[bool]:
    """Which texts share 70 % of their words (Jaccard) with an earlier one.

    >>> repeats(["The sample is too small.", "The sample is far too small.", "Nobody was blinded."])
    [False, True, False]
    """
    words = [set(WORD.findall(comparable(text))) for text in texts]
    return [any(_overlap(own, earlier) >= SAME for earlier in words[:place]) for place, own in enumerate(words)]


def rewords(texts: Sequence[str], paper: Source, subject: PaperSubject) -> list[bool]:
    """Which texts have a wording of an earlier one: six words running, a sentence, or a part of one.

    Runs that stand in the paper, and parts that do and say nothing but its own words, are no wordings; nor is a phrase
    between commas or before "that" that finds fault ("the authors should show").

    >>> said = ["Rest assured: no control was run.", "No mouse was blinded.", "Rest assured: the sample is small."]
    >>> rewords(said, Source([]), PaperSubject([]))
    [False, False, True]
    """
    seen: set[object] = set()
    found = []
    for text in texts:
        own: set[object] = {part for part in _wordings(text) if not _is_of_the_paper(part, paper, subject)}
        own |= paper.foreign_runs(text)
        found.append(not seen.isdisjoint(own))
        seen |= own
    return found


def _wordings(text: str) -> Iterator[str]:
    for part in split(text):
        yield part.strip(_EDGES)
        for phrase in _INNER.split(part):
            if len(WORD.findall(phrase)) >= _FEWEST and not finds_fault(phrase):
                yield phrase.strip(_EDGES)


def _is_of_the_paper(part: str, paper: Source, subject: PaperSubject) -> bool:
    return len(part) < _SHORTEST or part.isdigit() or (paper.holds(part) and stems(part) <= subject.own)


def _overlap(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0
