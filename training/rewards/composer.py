"""One reward out of several components, weighed over those that apply.

A component that says nothing of a sample is None: it neither helps nor hurts, because the weights of the others are
renormalised. Components are returned beside the total, so that what is logged is what was composed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bioreview_bench.errors import InputError, printable


@dataclass(frozen=True)
class Composed:
    """`total` is None when no component applies; `components` holds every one that was given, None included."""

    total: float | None
    components: Mapping[str, float | None]


class RewardComposer:
    """Weighs components by name.

    `weights` need not sum to 1; a component of weight 0 is recorded and does not count. Raises InputError for
    weights that are empty, negative, not finite or all zero.

    >>> RewardComposer({"facts": 3, "consistency": 1}).score({"facts": 0.5, "consistency": None}).total
    0.5
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        for name, weight in weights.items():
            number = isinstance(weight, int | float) and not isinstance(weight, bool)
            if not number or not math.isfinite(weight) or weight < 0:
                raise InputError(
                    f"The weight of reward {printable(name)} is {printable(weight)}.",
                    remedy="give every component a finite weight from 0",
                )
        if not sum(weights.values()):
            raise InputError("No reward has a weight above 0.", remedy="give at least one component a weight above 0")
        self.weights: Mapping[str, float] = MappingProxyType({name: float(given) for name, given in weights.items()})

    def renamed(self, names: Mapping[str, str], what: str) -> RewardComposer:
        """The same weights, under the values of `names`, which name a `what` each.

        Raises InputError for two weights of one component, and for one of another name.
        """
        given = {names.get(name, name): weight for name, weight in self.weights.items()}
        if len(given) != len(self.weights):
            raise InputError("A reward has two weights.", remedy=f"use one name of each: {', '.join(given)}")
        unknown = sorted(set(given) - set(names.values()))
        if unknown:
            raise InputError(f"There is no {what} {', '.join(unknown)}.", remedy=f"use {', '.join(names.values())}")
        return RewardComposer(given)

    def score(self, components: Mapping[str, float | None]) -> Composed:
        """sum(w_k * r_k) / sum(w_k) over the components k that apply and have a weight above 0.

        Raises InputError for a component without weight, or one that is not finite.
        """
        unknown = sorted(set(components) - set(self.weights))
        if unknown:
            raise InputError(
                f"No weight is given for {', '.join(map(printable, unknown))}.",
                remedy=f"weights are given for {', '.join(self.weights)}",
            )
        for name, value in components.items():
            if value is not None and not math.isfinite(value):
                raise InputError(f"Reward {printable(name)} is {value}.", remedy="a reward is finite, or None")
        # In the order of the weights, so that equal components give equal totals to the last bit.
        counted = [
            (weight, value)
            for name, weight in self.weights.items()
            if weight > 0 and (value := components.get(name)) is not None
        ]
        total = sum(weight * value for weight, value in counted) / sum(w for w, _ in counted) if counted else None
        return Composed(total, MappingProxyType(dict(components)))
