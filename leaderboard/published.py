"""Results that the predecessors published. They stand apart on a board: reported, not rescored.

`published.json` holds the figures of the result records for v3 and v4 test and of the training project's report. What
their files print as 0.0 for "not computed" is left out.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from .view import Reported

_FILE = "published.json"


def published() -> list[dict[str, Any]]:
    """All rows of the data file: system, version, data, split, n_articles, figures, n_pred, note, source."""
    text = resources.files("bioreview_bench.leaderboard").joinpath(_FILE).read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(text)["rows"]
    return rows


def reported(data: str, split: str) -> tuple[Reported, ...]:
    """What was published for a released version ("v3", "v4") and split, by falling F1; nothing for other data."""
    split = {"validation": "val"}.get(split, split)
    found = [_row(row) for row in published() if (row["data"], row["split"]) == (data, split)]
    return tuple(sorted(found, key=lambda row: (-(row.f1 or 0.0), row.system)))


def _row(row: dict[str, Any]) -> Reported:
    n_articles, n_pred = row["n_articles"], row["n_pred"]
    return Reported(
        system=row["system"],
        split=f"{row['data']}/{row['split']}",
        n_articles=n_articles,
        f1=row["f1"],
        recall=row["recall"],
        precision=row["precision"],
        recall_major=row["recall_major"],
        mean_concerns=n_pred / n_articles if n_pred and n_articles else None,
        note=row["note"],
        source=row["source"],
    )
