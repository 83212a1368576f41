"""Sums of the ArticleCounts columns, plain or weighted: the only thing that metrics are computed from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.data.vocabulary import sources_in_order
from bioreview_bench.results.counts import LABELLED, ArticleCounts

# Column name to value: a scalar, or an array with one value for each draw of a bootstrap.
Sums = Mapping[str, NDArray[np.float64]]

# Of articles whose reviewers are held out in turn: `scoring.humans` makes them, where there are any.
HUMAN_COLUMNS = ("humans.R", "humans.reviewer.P", "humans.reviewer.M", "humans.system.P", "humans.system.M")

_LETTER = {"ref": "R", "pred": "P", "matched": "M", "ceiling": "C"}


def columns(counts: ArticleCounts) -> dict[str, NDArray[np.float64]]:
    """Every summable column, each of length n (articles).

    `R`, `P`, `M`, `C`, `S`: references, predictions, matches, ceiling, matched similarity; prefixed `donor.`
    over the articles with a donor, `answered.` over scored and empty rows, `category.X.`, `severity.X.`,
    `source.X.` over those.
    """
    base = {"R": counts.n_ref, "P": counts.n_pred, "M": counts.n_matched, "C": counts.ceiling, "S": counts.similarity}
    found = dict(base)
    donor = counts.has_donor.astype(np.float64)
    found.update({f"donor.{name}": column * donor for name, column in base.items() if name != "S"})
    found["donor.count"] = donor
    found["null.M"] = counts.null_matched
    found["null.C"] = counts.null_ceiling
    answered = np.array([status in ("scored", "empty") for status in counts.status], np.float64)
    found.update({f"answered.{name}": base[name] * answered for name in ("R", "P", "M")})
    for control in ("echo", "generic", "near_miss"):
        for count in ("pred", "matched", "ceiling"):
            found[f"{control}.{_LETTER[count]}"] = getattr(counts, f"{control}_{count}")
    for kind, labels, names in LABELLED:
        for position, label in enumerate(labels):
            for count in names:
                found[f"{kind}.{label}.{_LETTER[count]}"] = getattr(counts, f"{kind}_{count}")[:, position]
    for source in sources_in_order(counts.source):
        member = np.array([name == source for name in counts.source], np.float64)
        found.update({f"source.{source}.{name}": base[name] * member for name in ("R", "P", "M")})
    return found


def sums(counts: ArticleCounts) -> Sums:
    """Plain sums over the articles."""
    return {name: np.asarray(column.sum()) for name, column in columns(counts).items()}
