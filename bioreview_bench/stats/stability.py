"""Does the ranking of systems survive another threshold, another contract? Kendall's tau of stored results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from bioreview_bench.errors import InputError
from bioreview_bench.results.result import Result


@dataclass(frozen=True)
class RankAgreement:
    """Kendall's tau-b between two rankings by F1 of `n` systems; None when a ranking is all ties."""

    a: str
    b: str
    n: int
    tau: float | None


def over_thresholds(results: Mapping[str, Result]) -> list[RankAgreement]:
    """Ranking at each threshold of the sweeps against the ranking at the contract's own.

    `results` are of one contract, by system. Raises InputError when one was made without a sweep.
    """
    without = [name for name, result in results.items() if not result.record.sweep]
    if without:
        raise InputError(
            f"{', '.join(without)}: no sweep is stored.", remedy="bench evaluate ... --sweep -o R.result.json"
        )
    own = {name: result.record.overall.f1 for name, result in results.items()}
    sweeps = {name: {point.threshold: point.f1 for point in result.record.sweep} for name, result in results.items()}
    thresholds = sorted(set.intersection(*(set(points) for points in sweeps.values())))
    return [
        agreement("contract", f"{threshold:g}", own, {name: points[threshold] for name, points in sweeps.items()})
        for threshold in thresholds
    ]


def over_contracts(results: Mapping[str, Mapping[str, Result]]) -> list[RankAgreement]:
    """Rankings of the systems that two contracts have in common; `results` are by contract, then by system."""
    f1 = {
        contract: {name: result.record.overall.f1 for name, result in systems.items()}
        for contract, systems in results.items()
    }
    return [agreement(a, b, f1[a], f1[b]) for a, b in combinations(f1, 2)]


def agreement(a: str, b: str, left: Mapping[str, float | None], right: Mapping[str, float | None]) -> RankAgreement:
    """Kendall's tau-b (Kendall 1945) over the systems with an F1 in both."""
    from scipy.stats import kendalltau

    common = [name for name in left if left[name] is not None and right.get(name) is not None]
    if len(common) < 2:
        return RankAgreement(a, b, len(common), None)
    tau = float(kendalltau(_values(left, common), _values(right, common)).statistic)
    return RankAgreement(a, b, len(common), None if math.isnan(tau) else tau)


def _values(f1: Mapping[str, float | None], names: Sequence[str]) -> list[float]:
    return [f1[name] or 0.0 for name in names]
