"""One set of concerns from several systems: concerns that say the same are clustered, and clusters are voted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.data.article import canonical_id
from bioreview_bench.data.vocabulary import STATUSES_WITHOUT_CONCERNS
from bioreview_bench.errors import InputError, printable

from .postprocess import ROUNDING, Similarity, text_of

UNION, INTERSECTION, VOTE = "union", "intersection", "vote"
Linkage = Literal["complete", "single"]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class MergedArticle:
    """The row of one article, how many clusters its concerns formed, and how many of these several systems share."""

    row: dict[str, Any]
    n_clusters: int
    n_shared: int


def votes_needed(strategy: str, n_systems: int) -> int:
    """From how many systems a cluster must come: 1 for union, all for intersection, N for vote:N. Raises InputError."""
    kind, _, number = strategy.partition(":")
    if strategy == UNION:
        return 1
    if strategy == INTERSECTION:
        return n_systems
    if kind == VOTE and number.isascii() and number.isdigit() and 1 <= int(number) <= n_systems:
        return int(number)
    raise InputError(
        f'Unknown strategy "{printable(strategy)}" for {n_systems} systems.',
        remedy=f"use union, intersection, or vote:N with N from 1 to {n_systems}",
    )


def clusters(similarity: NDArray[np.float64], linkage: Linkage, threshold: float) -> list[list[int]]:
    """Positions grouped by hierarchical clustering on cosine distance, cut at 1 - threshold; first occurrence first.

    Complete linkage: every two members of a cluster are at least `threshold` similar. Single linkage, the published
    recipe: a chain of such pairs is enough, so that its ends may have little in common.
    """
    n = len(similarity)
    if n < 2:
        return [[0]] * n
    from scipy.cluster.hierarchy import fcluster
    from scipy.cluster.hierarchy import linkage as merge
    from scipy.spatial.distance import squareform

    distance = np.clip(1 - (similarity + similarity.T) / 2, 0, None)
    np.fill_diagonal(distance, 0)
    tree = merge(squareform(distance, checks=False), method=linkage)
    labels = fcluster(tree, 1 - threshold + ROUNDING, criterion="distance")
    found: dict[int, list[int]] = {}
    for place, label in enumerate(labels):
        found.setdefault(int(label), []).append(place)
    return list(found.values())


def representative(members: Sequence[tuple[int, Any]]) -> Any:
    """Of (system, concern) pairs: the longest text of the first system (0), else the longest; the earlier on ties."""
    first = [concern for system, concern in members if system == 0]
    return max(first or [concern for _, concern in members], key=lambda concern: len(text_of(concern)))


def merge_systems(
    systems: Sequence[Sequence[dict[str, Any]]], similarity: Similarity, **settings: Any
) -> list[MergedArticle]:
    """Every article that any system has, in order of first occurrence; `settings` are those of `merge_rows`."""
    by_id = [{canonical_id(row["article_id"]): row for row in rows} for rows in systems]
    return [
        merge_rows(article_id, [rows.get(article_id) for rows in by_id], similarity, **settings)
        for article_id in dict.fromkeys(article_id for rows in by_id for article_id in rows)
    ]


def merge_rows(
    article_id: str,
    rows: Sequence[Row | None],
    similarity: Similarity,
    *,
    needed: int,
    linkage: Linkage,
    threshold: float,
) -> MergedArticle:
    """One article from the rows of all systems, in their order; None where a system has no row.

    A concern that is kept stays as its system wrote it, with `support`, the number of systems in its cluster. The
    status is `ok`; without concerns it is the first failure when every row that there is failed, else `empty`.
    """
    said = [
        (system, concern)
        for system, row in enumerate(rows)
        for concern in (row or {}).get("concerns") or ()
        if text_of(concern)
    ]
    grouped = clusters(similarity([text_of(concern) for _, concern in said]), linkage, threshold)
    support = [len({said[place][0] for place in group}) for group in grouped]
    kept = [
        {**_as_object(representative([said[place] for place in group])), "support": count}
        for group, count in zip(grouped, support, strict=True)
        if count >= needed
    ]
    row = {"article_id": article_id, "concerns": kept, "status": "ok" if kept else _status(rows)}
    return MergedArticle(row, len(grouped), sum(count > 1 for count in support))


def _status(rows: Sequence[Row | None]) -> str:
    failures = [failure for row in rows if row is not None if (failure := _failure(row)) is not None]
    answered = sum(row is not None for row in rows) > len(failures)
    return "empty" if answered or not failures else failures[0]


def _failure(row: Row) -> str | None:
    status = row.get("status")
    return str(status) if status in STATUSES_WITHOUT_CONCERNS and status != "empty" else None


def _as_object(concern: Any) -> dict[str, Any]:
    return {"text": concern} if isinstance(concern, str) else dict(concern)
