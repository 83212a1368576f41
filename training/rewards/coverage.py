"""V2, coverage: the major concerns, and the kinds of concern, that were raised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bioreview_bench.data.article import Concern

from .consistency import allowed
from .grounded import Match


def coverage(found: Match, concerns: Sequence[Mapping[str, Any]], references: Sequence[Concern]) -> float:
    """Mean of two shares, each scaled down as the review grows beyond the allowed length.

    Majors: worth of the pairs whose reference is major, over the number of major references (left out when there is
    none). Kinds: over the categories of the references, the mean of the greatest worth of a pair whose concern names
    its reference's category; a concern without the right label covers nothing.
    """
    major = [concern.severity == "major" for concern in references]
    kinds = dict.fromkeys((concern.category for concern in references), 0.0)
    raised = 0.0
    for row, column, value in found.pairs:
        raised += value * major[column]
        category = references[column].category
        if concerns[row].get("category") == category:
            kinds[category] = max(kinds[category], value)
    shares = [sum(kinds.values()) / len(kinds)]
    if any(major):
        shares.append(raised / sum(major))
    return sum(shares) / len(shares) * min(1.0, allowed(len(references)) / max(1, found.n_written))
