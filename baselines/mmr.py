"""Maximal marginal relevance: a selection that is relevant and does not repeat itself."""

from __future__ import annotations

from collections.abc import Sequence


def select(relevance: Sequence[float], words: Sequence[frozenset[str]], n: int, weight: float) -> list[int]:
    """Positions of at most n candidates, in the order chosen (Carbonell and Goldstein, SIGIR 1998).

    Each step takes the candidate with the greatest weight * relevance - (1 - weight) * s, s being its greatest
    Jaccard similarity to those already chosen; the earlier candidate on ties. Relevance is divided by its maximum
    first, so that both parts lie in [0, 1].
    """
    top = max(relevance, default=0.0) or 1.0
    nearest = [0.0] * len(relevance)
    left = list(range(len(relevance)))
    chosen: list[int] = []
    while left and len(chosen) < n:
        best = max(left, key=lambda place: (weight * relevance[place] / top - (1 - weight) * nearest[place], -place))
        left.remove(best)
        chosen.append(best)
        for place in left:
            nearest[place] = max(nearest[place], jaccard(words[place], words[best]))
    return chosen


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """|intersection| / |union|; 0 for two empty sets."""
    union = len(left | right)
    return len(left & right) / union if union else 0.0
