"""Preference pairs out of several reviews of each train article, by their rewards.

The rule. Samples of an article that read alike are one; errors, and texts that were cut off, are left out. A pair is
two samples whose rewards differ by `margin` or more and of which the longer has at most `ratio` times the characters of
the shorter; of an article the pair with the greatest difference is taken (then the one whose lengths are closest). At
the end pairs are dropped, smallest difference first, until the chosen text is the longer one as often as it is the
shorter: a model that learns nothing but length gains nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from bioreview_bench.errors import InputError


@dataclass(frozen=True)
class Sample:
    """One review of an article: where it comes from, its text, and its reward."""

    source: str
    text: str
    reward: float


@dataclass(frozen=True)
class Choice:
    """The pair of an article."""

    article_id: str
    chosen: Sample
    rejected: Sample

    @property
    def margin(self) -> float:
        """Difference of the rewards."""
        return self.chosen.reward - self.rejected.reward

    @property
    def longer(self) -> int:
        """1 when the chosen text is the longer one, -1 when it is the shorter, 0 when they are equal."""
        difference = len(self.chosen.text) - len(self.rejected.text)
        return (difference > 0) - (difference < 0)


@dataclass(frozen=True)
class Chosen:
    """Pairs by article, and how many articles gave none, by reason."""

    pairs: tuple[Choice, ...]
    dropped: Mapping[str, int]


def choose(samples: Mapping[str, Sequence[Sample]], margin: float, ratio: float) -> Chosen:
    """Pairs by the rule above, in the order of `samples`. Raises InputError for impossible limits."""
    if margin <= 0 or ratio < 1:
        raise InputError(
            f"A margin of {margin:g} and a ratio of {ratio:g} are no limits.", remedy="--margin above 0, --ratio from 1"
        )
    found: list[Choice] = []
    dropped = {"fewer than two samples": 0, "margin": 0, "lengths": 0, "balance": 0}
    for article_id, given in samples.items():
        distinct = list({sample.text: sample for sample in reversed(given)}.values())[::-1]
        apart = [pair for pair in _ordered(article_id, distinct) if pair.margin >= margin]
        alike = [pair for pair in apart if _ratio(pair) <= ratio]
        if alike:
            found.append(max(alike, key=lambda pair: (pair.margin, -_ratio(pair))))
        elif len(distinct) < 2:
            dropped["fewer than two samples"] += 1
        else:
            dropped["lengths" if apart else "margin"] += 1
    kept = balanced(found)
    dropped["balance"] = len(found) - len(kept)
    return Chosen(tuple(kept), dropped)


def balanced(pairs: Sequence[Choice]) -> list[Choice]:
    """`pairs` without those of the smallest margin among the more frequent of longer and shorter, so that both are
    equally many."""
    surplus = sum(pair.longer for pair in pairs)
    side = 1 if surplus > 0 else -1
    more = sorted((pair for pair in pairs if pair.longer == side), key=lambda pair: (pair.margin, pair.article_id))
    out = {pair.article_id for pair in more[: abs(surplus)]}
    return [pair for pair in pairs if pair.article_id not in out]


def _ordered(article_id: str, samples: Iterable[Sample]) -> list[Choice]:
    return [
        Choice(article_id, *((one, other) if one.reward >= other.reward else (other, one)))
        for one, other in combinations(samples, 2)
    ]


def _ratio(pair: Choice) -> float:
    lengths = sorted((len(pair.chosen.text), len(pair.rejected.text)))
    return lengths[1] / max(1, lengths[0])
