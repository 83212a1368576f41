"""What is asked: concerns and letters in proportion to their strata, texts evenly over the similarity of their pairs.

Everything is drawn in the order of sha256(seed, name), as splits are: it depends neither on the order of the input nor
on the version of a random generator.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from bioreview_bench.curation.annotation.pack import DrawnPair
from bioreview_bench.data.article import Article, Concern

T = TypeVar("T")
Stratum = tuple[str, ...]


@dataclass(frozen=True)
class PairCandidate:
    """A predicted text, and its similarity with every reference of its article, by concern id."""

    article_id: str
    text: str
    similarities: Mapping[str, float]


@dataclass(frozen=True)
class DrawnText:
    """A text that is asked about, and the pair for which it was drawn."""

    candidate: PairCandidate
    pair: DrawnPair


def draw_concerns(articles: Iterable[Article], n: int, seed: int) -> list[tuple[Article, Concern]]:
    """At most `n` concerns of articles with a letter, in proportion to source, category and severity."""
    known = [(article, concern) for article in articles if article.decision_letter_raw for concern in article.concerns]
    return _spread(
        known,
        lambda pair: (pair[0].source, pair[1].category or "", pair[1].severity or ""),
        lambda pair: f"{pair[0].id}\n{pair[1].concern_id}",
        seed,
    )[:n]


def draw_letters(articles: Iterable[Article], n: int, seed: int) -> list[Article]:
    """At most `n` articles with a letter whose concerns are known, in proportion to source and format of review."""
    known = [article for article in articles if article.decision_letter_raw and article.reviewed]
    return _spread(known, lambda a: (a.source, a.review_format or ""), lambda a: f"letter\n{a.id}", seed)[:n]


def bin_edges(candidates: Iterable[PairCandidate], n_bins: int) -> tuple[float, ...]:
    """Edges of `n_bins` bins of one width, from the lowest similarity of all pairs to the highest."""
    values = [value for candidate in candidates for value in candidate.similarities.values()]
    if not values:
        return ()
    return tuple(float(edge) for edge in np.linspace(min(values), max(values), n_bins + 1))


def draw_texts(candidates: Sequence[PairCandidate], edges: Sequence[float], n: int, seed: int) -> list[DrawnText]:
    """At most `n` texts, each for one of its pairs: the bins of similarity take turns, each in the drawn order.

    A text is drawn once. Where a bin has no pair left, the others go on.
    """
    bins: dict[int, list[DrawnText]] = defaultdict(list)
    for candidate in candidates:
        for concern_id, value in candidate.similarities.items():
            place = bin_of(value, edges)
            bins[place].append(DrawnText(candidate, DrawnPair(concern_id=concern_id, bin=place)))

    def name(drawn: DrawnText) -> str:
        return f"{drawn.candidate.article_id}\n{drawn.candidate.text}\n{drawn.pair.concern_id}"

    queues = [iter(_drawn(bins[place], name, seed)) for place in sorted(bins, reverse=True)]
    taken: dict[tuple[str, str], DrawnText] = {}
    while queues and len(taken) < n:
        for queue in list(queues):
            fresh = next((d for d in queue if (d.candidate.article_id, d.candidate.text) not in taken), None)
            if fresh is None:
                queues.remove(queue)
            elif len(taken) < n:
                taken[fresh.candidate.article_id, fresh.candidate.text] = fresh
    return list(taken.values())


def bin_of(value: float, edges: Sequence[float]) -> int:
    """The bin of a similarity; each includes its lower edge, the last its upper edge too."""
    return int(np.clip(np.searchsorted(edges, value, side="right") - 1, 0, max(len(edges) - 2, 0)))


def _drawn(members: Iterable[T], name: Callable[[T], str], seed: int) -> list[T]:
    return sorted(members, key=lambda member: _digest(name(member), seed))


def _digest(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogatepass")).digest()


def _spread(members: Iterable[T], stratum: Callable[[T], Stratum], name: Callable[[T], str], seed: int) -> list[T]:
    """The members so ordered that every prefix has about the mixture of strata of the whole.

    Strata of which less than one is due take turns as the seed draws them, not by their names.
    """
    strata: dict[Stratum, list[T]] = defaultdict(list)
    for member in _drawn(members, name, seed):
        strata[stratum(member)].append(member)
    keyed = itertools.chain.from_iterable(
        (
            ((place + _offset(key, seed)) / len(part), _digest(name(member), seed), member)
            for place, member in enumerate(part)
        )
        for key, part in strata.items()
    )
    return [member for _, _, member in sorted(keyed, key=lambda entry: entry[:2])]


def _offset(key: Stratum, seed: int) -> float:
    """A number from 0 to 1 for a stratum: with it small strata are drawn as often as their size says (systematic
    sampling with a random start)."""
    return int.from_bytes(_digest("\n".join(key), seed)[:8], "big") / 2**64
