"""The numbers that a reader sees first: cards with intervals, the controls beside them, and the coverage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from bioreview_bench.data.vocabulary import OUTCOMES, UNANSWERED
from bioreview_bench.report.html.charts.meters import bar, interval_meter, stack
from bioreview_bench.report.html.words import DASH, bounds, figure, interval
from bioreview_bench.report.meaning import SATURATED
from bioreview_bench.results.records import ResultRecord

Bounds = tuple[float, float] | None


@dataclass(frozen=True)
class Card:
    """A headline figure. `interval` is empty when there is none."""

    name: str
    value: str
    interval: str
    meter: Markup
    meaning: str


@dataclass(frozen=True)
class Control:
    """A row of the controls: F1 and match rate, each as a figure and a bar."""

    name: str
    meaning: str
    f1: str
    f1_bar: Markup
    rate: str
    rate_bar: Markup
    own: bool = False


@dataclass(frozen=True)
class Coverage:
    """The bar of what became of the articles, and its parts as (outcome, count, answered, class)."""

    bar: Markup
    parts: list[tuple[str, str, bool, str]]
    lost: str
    n_articles: str
    f1_answered: str


def cards(record: ResultRecord) -> list[Card]:
    """F1, recall, precision, F1 macro and skill."""
    overall, controls = record.overall, record.controls
    matched = f"{overall.n_matched:,}"
    found = [
        ("F1", "overall.f1", overall.f1, "recall and precision in one figure"),
        ("Recall", "overall.recall", overall.recall, f"{matched} of {overall.n_ref:,} references found"),
        (
            "Precision",
            "overall.precision",
            overall.precision,
            f"{matched} of {overall.n_pred:,} predictions matched a reference",
        ),
        ("F1 macro", "overall.f1_macro", overall.f1_macro, "plain mean over the categories"),
        ("Skill", "controls.skill", controls.skill, "share of what accident leaves open"),
    ]
    return [
        card(name, value, bounds(record, path), meaning, saturated=name == "Skill" and controls.saturated)
        for name, path, value, meaning in found
    ]


def card(name: str, value: float | None, bounds: Bounds, meaning: str, *, saturated: bool = False) -> Card:
    """A headline figure with its interval."""
    shown = SATURATED if saturated else figure(value)
    return Card(name, shown, interval(bounds), interval_meter(value, bounds), meaning)


def control_rows(record: ResultRecord) -> list[Control]:
    """This system between what accident makes and what is possible."""
    figures = {**record.overall.model_dump(), **record.controls.model_dump()}
    return controls_beside(figures, bounds(record, "overall.f1"))


def controls_beside(figures: Mapping[str, Any], own: Bounds) -> list[Control]:
    """The same from figures by the names of the record's fields; `own` is the interval of F1."""
    ceiling_rate = None if figures["ceiling_f1"] is None else 1.0
    rows = [("This system", "", figures["f1"], figures["match_rate"], "s1")]
    rows.append(("Ceiling", "every possible match made", figures["ceiling_f1"], ceiling_rate, "s4"))
    for name, meaning, series in (
        ("Echo", "ten sentences of the paper itself", "s2"),
        ("Generic", "ten stock comments, the same for all", "s3"),
        ("Null", "predictions for other articles", "s3"),
    ):
        key = name.lower()
        rows.append((name, meaning, figures[f"{key}_f1"], figures[f"{key}_match_rate"], series))
    return [
        Control(
            name,
            meaning,
            figure(f1),
            bar(f1, series, own if name == "This system" else None),
            figure(rate),
            bar(rate, series),
            own=name == "This system",
        )
        for name, meaning, f1, rate, series in rows
    ]


def coverage(record: ResultRecord) -> Coverage:
    """Answered articles in calm colours, the others in red."""
    found = record.coverage
    counts = [(outcome, int(getattr(found, outcome))) for outcome in OUTCOMES if getattr(found, outcome)]
    lost = sum(count for outcome, count in counts if outcome in UNANSWERED)
    return Coverage(
        stack([(f"part-{outcome}", count) for outcome, count in counts]),
        [
            (outcome.replace("_", " "), f"{count:,}", outcome not in UNANSWERED, f"part-{outcome}")
            for outcome, count in counts
        ],
        f"{lost:,}" if lost else "",
        f"{found.n_articles:,}",
        figure(record.overall.f1_answered) if record.overall.f1_answered is not None else DASH,
    )
