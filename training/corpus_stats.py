"""What a corpus holds, in numbers: concerns by label, lengths, and an audit of what was cut."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .corpus import Row
from .recipes import Chosen

PERCENTILES = (50, 90, 95, 99, 100)
_MOST_SECTIONS = 10


def statistics(chosen: Sequence[Chosen]) -> dict[str, Any]:
    """Articles and concerns of a split by source and label."""
    concerns = [concern for one in chosen for concern in one.concerns]
    return {
        "articles": len(chosen),
        "concerns": len(concerns),
        "articles_by_source": _counted(str(one.article.source) for one in chosen),
        "concerns_by_category": _counted(str(concern.category) for concern in concerns),
        "concerns_by_severity": _counted(str(concern.severity) for concern in concerns),
        "concerns_per_article": percentiles([len(one.concerns) for one in chosen]),
    }


def lengths(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """Percentiles of tokens of prompt, target, and both."""
    return {
        "prompt": percentiles([row.n_prompt_tokens for row in rows]),
        "target": percentiles([row.n_target_tokens for row in rows]),
        "total": percentiles([row.n_prompt_tokens + row.n_target_tokens for row in rows]),
    }


def truncation(rows: Sequence[Row]) -> dict[str, Any]:
    """What of the papers is missing from the prompts. Targets are never cut: `targets_cut` counts none by making.

    `kept_share` are percentiles, lowest first, of the share of a paper's tokens that its prompt holds, over the cut
    ones. `fits_budget` is the largest paper budget under which no target would have needed room of the paper.
    """
    cut = [row for row in rows if row.fitted.cut]
    shortened = [row.fitted.n_tokens for row in rows if row.shortened]
    shares = [row.fitted.n_tokens / row.fitted.n_tokens_full for row in cut]
    lost = collections.Counter(name for row in cut for name in set(row.fitted.cut_sections))
    return {
        "papers": len(rows),
        "papers_cut": len(cut),
        "tokens_cut": sum(row.fitted.n_tokens_full - row.fitted.n_tokens for row in cut),
        "kept_share": {f"p{p}": round(float(np.percentile(shares, p)), 3) for p in (0, 10, 50)} if shares else {},
        "sections_cut": dict(lost.most_common(_MOST_SECTIONS)),
        "papers_shortened_for_target": len(shortened),
        "fits_budget": min(shortened) if shortened else None,
        "targets_cut": 0,
    }


def percentiles(values: Sequence[int]) -> dict[str, int]:
    """`p50` .. `p100` by the nearest rank above (an observed value each); {} for no values."""
    if not values:
        return {}
    found = np.percentile(np.array(values), PERCENTILES, method="inverted_cdf")
    return {f"p{p}": int(value) for p, value in zip(PERCENTILES, found, strict=True)}


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(collections.Counter(values).items()))
