"""From a result to a row of the table. Nothing in a row tells of one article or of a reference's text.

Results that the predecessors published. They stand apart on a board: reported, not rescored.

`published.json` holds the figures of the result records for v3 and v4 test and of the training project's report. What
their files print as 0.0 for "not computed" is left out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from importlib import resources
from typing import Any

from bioreview_bench.report.meaning import ENOUGH
from bioreview_bench.results.records import ResultRecord

from ..store.disclosure import FEW, Intervals, disclosed, rounded
from ..store.shown import Figure, filled
from .badges import badges
from .entries import Entry
from .view import AfterCutoff, Reported, Row

_METRICS = ("recall", "precision", "f1")
_COUNTS = {"n_pred": True, "n_matched": True, "controls": {"null_matched"}}  # of a part, which are not published
_PARAMETERS = re.compile(
    r"(?:about |around |ca\. |~)?(\d{1,6}(?:[.,]\d{1,6})?) ?(million|billion|trillion|[mbt])", re.I
)
_IN_BILLIONS = {"m": 1e-3, "b": 1.0, "t": 1e3}


def row(entry: Entry, band: int | None, why_unranked: str | None, n_team_submissions: int) -> Row:
    """The row of an entry: what view.Row says of where its fields stand, and the few that are worked out."""
    full, card, submitted = entry.record, entry.submitted.card, entry.submitted
    alone = why_unranked is None and not submitted.facts.get("near_elsewhere")
    record = disclosed(full, *shown_beside(entry), parts=alone)
    coverage = record.coverage
    n = max(1, coverage.n_articles)
    return Row(
        **filled(Row, record, card),
        band=band,
        why_unranked=why_unranked,
        disqualified=submitted.disqualified,
        submission=submitted.id,
        team=submitted.team,
        billions=billions(card.parameters),
        submitted=submitted.created_at.date().isoformat(),
        badges=badges(card, full, entry.extras, submitted.facts),
        mean_concerns=record.overall.n_pred / n,
        coverage=(coverage.scored + coverage.empty) / n,
        few_matches=full.overall.n_matched < ENOUGH,
        n_team_submissions=n_team_submissions,
        gate=record.gate.model_dump() if record.gate is not None else None,
        per_category=_slices(record, "per_category", _METRICS),
        per_severity=_slices(record, "per_severity", ("recall",)),
        per_source=_slices(record, "per_source", _METRICS),
    )


def shown_beside(entry: Entry) -> tuple[Intervals, Mapping[str, int]]:
    """(the intervals that are shown, articles by source) as scoring noted them beside the record."""
    extras, record = entry.extras, entry.record
    articles = extras.get("n_articles") or Counter(row["source"] for row in record.articles)
    return extras.get("intervals", record.intervals), articles


def billions(parameters: str | None) -> float | None:
    """Parameters in billions, of words such as "8B", "70 b" or "350 million"; None for anything else.

    >>> billions("8B"), billions("350 million"), billions("mixture of experts")
    (8.0, 0.35, None)
    """
    found = _PARAMETERS.fullmatch((parameters or "").strip().removesuffix(" parameters"))
    if found is None:
        return None
    return round(float(found[1].replace(",", ".")) * _IN_BILLIONS[found[2][0].lower()], 6)


def after_cutoff(extras: Mapping[str, Any]) -> AfterCutoff:
    """Figures over the articles after the training cut-off, from what scoring found beside the result.

    Without intervals where the result has none that may be shown: those of earlier releases are of a public seed.
    """
    found = extras.get("after_cutoff") or {}
    figures = found.get("figures") or {}
    ranges = (figures.get("intervals") or {}) if "intervals" in extras else {}
    shown = {}
    for name in ("f1", "skill", "recall", "precision"):
        low, high = ranges.get(name) or (None, None)
        shown[name] = Figure(value=rounded(figures.get(name)), low=rounded(low), high=rounded(high))
    stated = {name: found.get(name) for name in ("cutoff", "n_articles", "reason")}
    return AfterCutoff(n_dated=found.get("n_dated") or 0, **stated, **shown)


def disclosed_cutoff(after: AfterCutoff, row: Row, n_articles: int) -> AfterCutoff:
    """The same as far as it is published.

    A team chooses the date. So figures are shown only where those of parts are, and not where so few articles are older
    that subtracting would reveal theirs.
    """
    if after.f1.value is None or after.n_articles is None:
        return after
    if row.has_parts and not 0 < n_articles - after.n_articles < FEW:
        return after
    shown = f"they are shown for ranked submissions with {FEW} matches or more that repeat no other team's"
    why = f"fewer than {FEW} articles are older" if row.has_parts else shown
    none = Figure(value=None)
    return after.model_copy(update={"reason": why, "f1": none, "skill": none, "recall": none, "precision": none})


def _slices(record: ResultRecord, kind: str, metrics: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The figures of each part with their intervals under "intervals"."""
    found: dict[str, dict[str, Any]] = {}
    for name, part in getattr(record, kind).items():
        bounds = {metric: record.intervals.get(f"{kind}.{name}.{metric}") for metric in metrics}
        intervals = {metric: None if pair is None else list(pair) for metric, pair in bounds.items()}
        found[name] = {**part.model_dump(mode="json", exclude=_COUNTS), "intervals": intervals}
    return found


def published() -> list[dict[str, Any]]:
    """All rows of the data file: system, version, data, split, n_articles, figures, n_pred, note, source."""
    text = resources.files("bioreview_bench.leaderboard.ranking").joinpath("published.json").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(text)["rows"]
    return rows


def reported(data: str, split: str) -> tuple[Reported, ...]:
    """What was published for a released version ("v3", "v4") and split, by falling F1; nothing for other data."""
    split = {"validation": "val"}.get(split, split)
    found = []
    for one in published():
        if (one["data"], one["split"]) == (data, split):
            mean = one["n_pred"] / one["n_articles"] if one["n_pred"] and one["n_articles"] else None
            kept = {name: value for name, value in one.items() if name in Reported.model_fields}
            found.append(Reported(**{**kept, "split": f"{data}/{split}", "mean_concerns": mean}))
    return tuple(sorted(found, key=lambda row: (-(row.f1 or 0.0), row.system)))
