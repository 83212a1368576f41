"""From a result to a row of the table. Nothing in a row tells of one article or of a reference's text.

Results that the predecessors published. They stand apart on a board: reported, not rescored.

`published.json` holds the figures of the result records for v3 and v4 test and of the training project's report. What
their files print as 0.0 for "not computed" is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from bioreview_bench.results.card import Card
from bioreview_bench.results.records import ResultRecord

from ..store.shown import Figure
from .badges import badges
from .entries import Entry
from .view import AfterCutoff, Reported, Row

_METRICS = ("recall", "precision", "f1")
_PARAMETERS = re.compile(
    r"(?:about |around |ca\. |~)?(\d{1,6}(?:[.,]\d{1,6})?) ?(million|billion|trillion|[mbt])", re.I
)
_IN_BILLIONS = {"m": 1e-3, "b": 1.0, "t": 1e3}


def row(entry: Entry, band: int | None, why_unranked: str | None, n_team_submissions: int) -> Row:
    """The row of an entry."""
    record, card, submitted = entry.record, entry.submitted.card, entry.submitted
    overall, controls, coverage = record.overall, record.controls, record.coverage
    answered = coverage.scored + coverage.empty
    return Row(
        band=band,
        why_unranked=why_unranked,
        submission=submitted.id,
        system=card.system_name,
        version=card.system_version,
        team=submitted.team,
        organisation=card.organisation,
        base_model=card.base_model,
        parameters=card.parameters,
        billions=billions(card.parameters),
        open_weights=card.open_weights,
        postprocessing=card.postprocessing,
        submitted=submitted.created_at.date().isoformat(),
        badges=badges(card, record, entry.extras, submitted.facts),
        f1=figure(record, "overall.f1", overall.f1),
        skill=figure(record, "controls.skill", controls.skill),
        recall=figure(record, "overall.recall", overall.recall),
        precision=figure(record, "overall.precision", overall.precision),
        recall_major=_recall_major(record),
        f1_macro=figure(record, "overall.f1_macro", overall.f1_macro),
        null_f1=controls.null_f1,
        match_rate=controls.match_rate,
        null_match_rate=controls.null_match_rate,
        echo_match_rate=controls.echo_match_rate,
        echo_f1=controls.echo_f1,
        generic_match_rate=controls.generic_match_rate,
        generic_f1=controls.generic_f1,
        ceiling_f1=overall.ceiling_f1,
        f1_answered=overall.f1_answered,
        n_ref=overall.n_ref,
        n_pred=overall.n_pred,
        n_matched=overall.n_matched,
        mean_concerns=overall.n_pred / coverage.n_articles if coverage.n_articles else 0.0,
        coverage=answered / coverage.n_articles if coverage.n_articles else 0.0,
        saturated=controls.saturated,
        gate=record.gate.model_dump() if record.gate is not None else None,
        n_team_submissions=n_team_submissions,
        exact_match_rate=float(entry.extras.get("exact_match_rate") or 0.0),
        per_category=_slices(record, "per_category", _METRICS),
        per_severity=_slices(record, "per_severity", ("recall",)),
        per_source=_slices(record, "per_source", _METRICS),
        signature=record.signature,
    )


def figure(record: ResultRecord, path: str, value: float | None) -> Figure:
    """A value with the interval of its metric path."""
    bounds = record.intervals.get(path)
    return Figure(value=value, low=bounds[0], high=bounds[1]) if bounds is not None else Figure(value=value)


def billions(parameters: str | None) -> float | None:
    """Parameters in billions, of words such as "8B", "70 b" or "350 million"; None for anything else.

    >>> billions("8B"), billions("350 million"), billions("mixture of experts")
    (8.0, 0.35, None)
    """
    found = _PARAMETERS.fullmatch((parameters or "").strip().removesuffix(" parameters"))
    if found is None:
        return None
    return round(float(found[1].replace(",", ".")) * _IN_BILLIONS[found[2][0].lower()], 6)


def public_card(card: Card) -> dict[str, Any]:
    """The card without its contact, which is for the maintainers of the board."""
    return card.model_dump(mode="json", exclude={"contact"})


def after_cutoff(extras: Mapping[str, Any]) -> AfterCutoff:
    """Figures over the articles after the training cut-off, from what scoring found beside the result."""
    found = extras.get("after_cutoff") or {}
    figures = found.get("figures") or {}
    bounds = figures.get("intervals") or {}

    def shown(name: str) -> Figure:
        low, high = bounds.get(name) or (None, None)
        return Figure(value=figures.get(name), low=low, high=high)

    return AfterCutoff(
        cutoff=found.get("cutoff"),
        n_dated=found.get("n_dated") or 0,
        n_articles=found.get("n_articles"),
        f1=shown("f1"),
        skill=shown("skill"),
        recall=shown("recall"),
        precision=shown("precision"),
        reason=found.get("reason"),
    )


def _recall_major(record: ResultRecord) -> Figure:
    found = record.per_severity.get("major")
    return figure(record, "per_severity.major.recall", found.recall if found else None)


def _slices(record: ResultRecord, kind: str, metrics: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The figures of each part with their intervals under "intervals"."""
    found: dict[str, dict[str, Any]] = {}
    for name, part in getattr(record, kind).items():
        bounds = {metric: record.intervals.get(f"{kind}.{name}.{metric}") for metric in metrics}
        intervals = {metric: None if pair is None else list(pair) for metric, pair in bounds.items()}
        found[name] = {**part.model_dump(mode="json"), "intervals": intervals}
    return found


_FILE = "published.json"


def published() -> list[dict[str, Any]]:
    """All rows of the data file: system, version, data, split, n_articles, figures, n_pred, note, source."""
    text = resources.files("bioreview_bench.leaderboard.ranking").joinpath(_FILE).read_text(encoding="utf-8")
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
