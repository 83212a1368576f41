"""Preference pairs out of several reviews of each train article, by their rewards.

The rule. Samples of an article that read alike are one; errors, and texts that were cut off, are left out. A pair is
two samples whose rewards differ by `margin` or more and of which the longer has at most `ratio` times the characters of
the shorter; of an article the pair with the greatest difference is taken (then the one whose lengths are closest).

At the end the chosen text is the longer one as often as it is the shorter, so that a model that learns nothing but
length gains nothing: articles that have a pair of the other kind change to it, smallest loss of difference first, and
what is then still too much is dropped, smallest difference first.
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
    found: list[list[Choice]] = []
    dropped = {"fewer than two samples": 0, "margin": 0, "lengths": 0, "balance": 0}
    for article_id, given in samples.items():
        distinct = list({sample.text: sample for sample in reversed(given)}.values())[::-1]
        apart = [pair for pair in _ordered(article_id, distinct) if pair.margin >= margin]
        alike = [pair for pair in apart if _ratio(pair) <= ratio]
        if alike:
            found.append(sorted(alike, key=lambda pair: (-pair.margin, _ratio(pair))))
        elif len(distinct) < 2:
            dropped["fewer than two samples"] += 1
        else:
            dropped["lengths" if apart else "margin"] += 1
    kept = balanced(found)
    dropped["balance"] = len(found) - len(kept)
    return Chosen(tuple(kept), dropped)


def balanced(pairs: Sequence[Sequence[Choice]]) -> list[Choice]:
    """One pair of each article, of which `pairs` has all that may be taken, best first: longer and shorter equally
    often, by changing and then by dropping."""
    taken = {given[0].article_id: given[0] for given in pairs}
    surplus = sum(pair.longer for pair in taken.values())
    side = 1 if surplus > 0 else -1
    others = [
        (given[0].margin - other.margin, other)
        for given in pairs
        if given[0].longer == side
        for other in [next((pair for pair in given if pair.longer == -side), None)]
        if other is not None
    ]
    for _, other in sorted(others, key=lambda one: (one[0], one[1].article_id))[: abs(surplus) // 2]:
        taken[other.article_id] = other
    surplus = sum(pair.longer for pair in taken.values())
    more = sorted(
        (pair for pair in taken.values() if pair.longer == side), key=lambda pair: (pair.margin, pair.article_id)
    )
    for pair in more[: abs(surplus)]:
        del taken[pair.article_id]
    return list(taken.values())


def _ordered(article_id: str, samples: Iterable[Sample]) -> list[Choice]:
    return [
        Choice(article_id, *((one, other) if one.reward >= other.reward else (other, one)))
        for one, other in combinations(samples, 2)
    ]


def _ratio(pair: Choice) -> float:
    lengths = sorted((len(pair.chosen.text), len(pair.rejected.text)))
    return lengths[1] / max(1, lengths[0])
