"""The fingerprint of a split: equal exactly when everything that can enter a score is equal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from bioreview_bench.data.article import Article


def fingerprint(articles: Iterable[Article]) -> str:
    """First 12 hex digits of the sha256 of the references in canonical JSON (scoring specification, section 6).

    All concerns enter, figure ones too, in file order; articles are sorted by id.

    >>> from bioreview_bench import load_split
    >>> fingerprint(load_split("demo", "test"))
    '2dc7cdf65777'
    """
    rows = [
        {
            "id": article.id,
            "source": article.source,
            "concerns": [
                {
                    "id": concern.concern_id,
                    "text": concern.text,
                    "category": concern.category,
                    "severity": concern.severity,
                    "figure": concern.figure,
                }
                for concern in article.concerns
            ],
        }
        for article in sorted(articles, key=lambda article: article.id)
    ]
    canonical = json.dumps(rows, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:12]
