"""Two systems of a table side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from bioreview_bench.stats.comparison import LEVEL

from ...ranking.view import BoardTable, Row
from ...store.shown import Figure
from ..charts.pairs import Pair, pair_chart
from ..charts.strips import Axis, axis_of, strip
from ..site import Site, bounded, figure, name, p_value, part_name, short
from .table import part_figure

_FIGURES: tuple[tuple[str, Callable[[Row], Figure]], ...] = (
    ("F1", lambda row: row.f1),
    ("Skill", lambda row: row.skill),
    ("Recall", lambda row: row.recall),
    ("Precision", lambda row: row.precision),
    ("Recall, major", lambda row: row.recall_major),
    ("F1 macro", lambda row: row.f1_macro),
    ("Null F1", lambda row: Figure(value=row.null_f1)),
    ("Match rate", lambda row: Figure(value=row.match_rate)),
)
_PARTS = (
    ("per_category", "F1 by category", "f1"),
    ("per_source", "F1 by source", "f1"),
    ("per_severity", "Recall by severity", "recall"),
)


@dataclass(frozen=True)
class Measure:
    """A figure of both systems; `difference` is the first minus the second."""

    name: str
    a: str
    a_detail: str
    a_strip: Markup
    b: str
    b_detail: str
    b_strip: Markup
    difference: str


def compare_page(site: Site, table: BoardTable, a: Row, b: Row) -> str:
    """The comparison of two rows of a table."""
    return site.render(
        "compare.html",
        "compare",
        table=table,
        a=a,
        b=b,
        measures=measures(a, b),
        others=_others(a, b),
        test=verdict(table, a, b),
        charts=_charts(a, b),
        pairs=[],
    )


def choose_page(site: Site, table: BoardTable) -> str:
    """Which two? Two lists to choose from, and a link for every tested pair."""
    known = {row.submission: row for row in table.rows}
    pairs = []
    for test in table.tests:
        href = site.links.compare(table, test.a, test.b)
        if href is not None:
            pairs.append((name(known[test.a].system), name(known[test.b].system), href, test))
    return site.render("choose.html", "compare", table=table, pairs=pairs, level=LEVEL)


def verdict(table: BoardTable, a: Row, b: Row) -> str:
    """What the test of the two says, in a sentence."""
    found = next((test for test in table.tests if {test.a, test.b} == {a.submission, b.submission}), None)
    if found is None:
        return "No test was made: only ranked systems are tested against each other."
    better = a if found.a == a.submission else b
    said = f"{name(better.system)} has the higher F1 by {figure(abs(found.delta_f1))}"
    odds = (
        f"label-swap test, p {_equals(found.p_value)}, {_equals(found.p_holm)} after Holm’s correction over the table"
    )
    if found.delta_f1 == 0:
        return f"Both have the same F1 ({odds})."
    if found.p_holm < LEVEL:
        return f"{said}; the difference is significant ({odds})."
    return f"{said}; the difference is not significant ({odds})."


def measures(a: Row, b: Row) -> list[Measure]:
    """Every figure of both, on one axis each."""
    found = []
    for title, of in _FIGURES:
        one, other = of(a), of(b)
        axis = axis_of([one, other])
        null_a, null_b = (a.null_f1, b.null_f1) if title == "F1" else (None, None)
        found.append(
            Measure(
                title,
                _shown(title, one, a),
                bounded(one),
                _strip(one, axis, null_a),
                _shown(title, other, b),
                bounded(other),
                _strip(other, axis, null_b),
                _difference(one.value, other.value),
            )
        )
    return found


def _strip(value: Figure, axis: Axis, null: float | None) -> Markup:
    return strip(value, axis, null)


def _shown(title: str, value: Figure, row: Row) -> str:
    return "saturated" if title == "Skill" and row.saturated else figure(value.value)


def _difference(a: float | None, b: float | None) -> str:
    if a is None or b is None:
        return figure(None)
    return f"+{figure(a - b)}" if round(a - b, 3) > 0 else figure(a - b)


def _others(a: Row, b: Row) -> list[tuple[str, str, str]]:
    pairs: list[tuple[str, Callable[[Row], str]]] = [
        ("Concerns per article", lambda row: f"{row.mean_concerns:.1f}"),
        ("Articles answered", lambda row: f"{row.coverage:.1%}"),
        ("Band", lambda row: "not ranked" if row.band is None else str(row.band)),
        ("Base model", lambda row: name(row.base_model)),
        ("Parameters", lambda row: name(row.parameters or "not stated")),
        ("Post-processing", lambda row: name(row.postprocessing)),
        ("Submitted", lambda row: row.submitted),
    ]
    return [(title, of(a), of(b)) for title, of in pairs]


def _charts(a: Row, b: Row) -> list[tuple[str, Markup]]:
    found = []
    systems = (short(a.system, 40), short(b.system, 40))
    for kind, title, metric in _PARTS:
        one, other = getattr(a, kind), getattr(b, kind)
        pairs = [
            Pair(part_name(kind, part), part_figure(one.get(part), metric), part_figure(other.get(part), metric))
            for part in dict.fromkeys([*one, *other])
        ]
        if pairs:
            found.append((title, pair_chart(kind, title, title.partition(" ")[0], systems, pairs)))
    return found


def _equals(p: float) -> str:
    shown = p_value(p)
    return shown if shown.startswith("<") else f"= {shown}"
