"""The numbers that a reader sees first: cards with intervals, the controls beside them, and the coverage.

Bars are drawn in per cents, so that they stretch with their cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from bioreview_bench.data.vocabulary import OUTCOMES, UNANSWERED
from bioreview_bench.report.html.svg import element, joined
from bioreview_bench.report.html.words import DASH, bounds, figure, interval
from bioreview_bench.report.meaning import SATURATED
from bioreview_bench.results.records import ResultRecord

Bounds = tuple[float, float] | None


@dataclass(frozen=True)
class HeadlineCard:
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
class CoverageBar:
    """The bar of what became of the articles, and its parts as (outcome, count, answered, class)."""

    bar: Markup
    parts: list[tuple[str, str, bool, str]]
    lost: str
    n_articles: str
    f1_answered: str


def cards(record: ResultRecord) -> list[HeadlineCard]:
    """F1 and skill, then what F1 is made of."""
    overall, controls = record.overall, record.controls
    matched = f"{overall.n_matched:,}"
    found = [
        ("F1", "overall.f1", overall.f1, "recall and precision in one figure"),
        ("Skill", "controls.skill", controls.skill, "share made of the matches beyond chance"),
        ("Recall", "overall.recall", overall.recall, f"{matched} of {overall.n_ref:,} references found"),
        (
            "Precision",
            "overall.precision",
            overall.precision,
            f"{matched} of {overall.n_pred:,} predictions matched a reference",
        ),
        ("Macro F1", "overall.f1_macro", overall.f1_macro, "unweighted mean over the categories"),
    ]
    return [
        card(name, value, bounds(record, path), meaning, saturated=name == "Skill" and controls.saturated)
        for name, path, value, meaning in found
    ]


def card(name: str, value: float | None, bounds: Bounds, meaning: str, *, saturated: bool = False) -> HeadlineCard:
    """A headline figure with its interval."""
    shown = SATURATED if saturated else figure(value)
    return HeadlineCard(name, shown, interval(bounds), interval_meter(value, bounds), meaning)


def control_rows(record: ResultRecord) -> list[Control]:
    """This system between what chance makes and what is possible."""
    figures = {**record.overall.model_dump(), **record.controls.model_dump()}
    return controls_beside(figures, bounds(record, "overall.f1"))


def controls_beside(figures: Mapping[str, Any], own: Bounds) -> list[Control]:
    """The same from figures by the names of the record's fields; `own` is the interval of F1."""
    rows = [("This system", "", figures["f1"], figures["match_rate"], "s1")]
    if figures["ceiling_f1"] is not None:
        rows.append(("Ceiling", "every possible match made", figures["ceiling_f1"], 1.0, "s4"))
    for name, meaning, series in (
        ("Echo", "ten sentences of the paper itself", "s2"),
        ("Generic", "ten stock comments, the same for all", "s3"),
        ("Null", "predictions for other articles", "s3"),
    ):
        key = name.lower()
        rows.append((name, meaning, figures[f"{key}_f1"], figures[f"{key}_match_rate"], series))
    if (near := figures.get("near_miss_match_rate")) is not None:
        rows.append(("Near misses", "other points in the references' words", None, near, "s2"))
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


def coverage(record: ResultRecord) -> CoverageBar:
    """Answered articles in calm colours, the others in red."""
    found = record.coverage
    counts = [(outcome, int(getattr(found, outcome))) for outcome in OUTCOMES if getattr(found, outcome)]
    lost = sum(count for outcome, count in counts if outcome in UNANSWERED)
    return CoverageBar(
        stack([(f"part-{outcome}", count) for outcome, count in counts]),
        [
            (outcome.replace("_", " "), f"{count:,}", outcome not in UNANSWERED, f"part-{outcome}")
            for outcome, count in counts
        ],
        f"{lost:,}" if lost else "",
        f"{found.n_articles:,}",
        figure(record.overall.f1_answered) if record.overall.f1_answered is not None else DASH,
    )


def interval_meter(value: float | None, bounds: tuple[float, float] | None) -> Markup:
    """A track from 0 to 1 (from -1 where something is negative) with the interval and the value on it."""
    low = -1.0 if min([0.0, *([value] if value is not None else []), *(bounds or ())]) < 0 else 0.0

    def at(position: float) -> str:
        return f"{(min(1.0, max(low, position)) - low) / (1 - low) * 100:.2f}%"

    parts = [element("line", class_="track", x1="0%", x2="100%", y1=8, y2=8)]
    if low < 0:
        parts.append(element("line", class_="zero", x1=at(0), x2=at(0), y1=2, y2=14))
    if bounds is not None:
        parts.append(element("line", class_="span", x1=at(bounds[0]), x2=at(bounds[1]), y1=8, y2=8))
    if value is not None:
        parts.append(element("circle", class_="pin", cx=at(value), cy=8, r=5.5))
    return element("svg", joined(*parts), class_="meter", height=16, aria_hidden="true")


def bar(value: float | None, series: str, bounds: tuple[float, float] | None = None) -> Markup:
    """A bar from 0 to 1."""
    parts = [element("rect", class_="track", x="0%", y=3, width="100%", height=10, rx=2)]
    if value is not None and value > 0:
        parts.append(
            element(
                "rect", class_=f"fill {series}", x="0%", y=3, width=f"{min(1.0, value) * 100:.2f}%", height=10, rx=2
            )
        )
    if bounds is not None:
        low, high = (f"{min(1.0, max(0.0, bound)) * 100:.2f}%" for bound in bounds)
        parts += [element("line", class_=class_, x1=low, x2=high, y1=8, y2=8) for class_ in ("halo", "span")]
    return element("svg", joined(*parts), class_="bar", height=16, aria_hidden="true")


def stack(parts: Sequence[tuple[str, int]]) -> Markup:
    """One bar of (class, count) parts, as wide as the page."""
    total = sum(count for _, count in parts) or 1
    drawn, start = [], 0.0
    for class_, count in parts:
        share = count / total * 100
        drawn.append(element("rect", class_=class_, x=f"{start:.3f}%", y=0, width=f"{share:.3f}%", height=22))
        start += share
    return element("svg", joined(*drawn), class_="stack", height=22, aria_hidden="true")
