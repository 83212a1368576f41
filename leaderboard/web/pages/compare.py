"""Systems of a table side by side: two in every detail, or several in their figures and tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from bioreview_bench.report.html.axes import Plot, Scale, legend, ticks, x_axis
from bioreview_bench.report.html.charts.whiskers import WhiskerRow, whisker
from bioreview_bench.report.html.svg import NARROW, Drawing, chart, element, joined, text
from bioreview_bench.report.html.words import figure, name

from ...ranking.view import SOURCES, BoardTable, PairTest, Row
from ...store.shown import Figure
from ..charts.strips import axis_of, strip
from ..site import Site, bounded, p_value, part_name, short, skill
from .table import part_figure

_FIGURES = ("f1", "skill", "recall", "precision", "recall_major", "f1_macro", "null_f1", "match_rate")
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


def compare_page(site: Site, table: BoardTable, a: Row, b: Row, test: PairTest | None) -> str:
    """The comparison of two rows of a table; `test` is theirs, a first."""
    return site.render(
        "compare.html",
        "compare",
        table=table,
        a=a,
        b=b,
        measures=measures(a, b, test),
        others=[(title, of(a), of(b)) for title, of in _OTHERS],
        test=verdict(test, a, b),
        charts=_charts(a, b),
    )


def several_page(site: Site, table: BoardTable, rows: Sequence[Row], tests: Sequence[PairTest]) -> str:
    """Three systems or more: their figures in columns, and what the test of every two (`tests`) says."""
    order = sorted(rows, key=lambda row: -(row.f1.value or 0.0))
    figures = [(SOURCES[field].title, [_several(field, row) for row in order]) for field in _FIGURES]
    others = [(title, [of(row) for row in order]) for title, of in _OTHERS]
    parts = [
        (part_name("source", one), [part_figure(row.per_source.get(one), "f1") for row in order])
        for one in dict.fromkeys(one for row in order for one in row.per_source)
    ]
    parts = [(title, shown) for title, shown in parts if any(one.value is not None for one in shown)]
    by_pair = {pair: test for test in tests for pair in ((test.a, test.b), (test.b, test.a))}
    matrix = [(row, [_in_short(site, table, row, other, by_pair) for other in order]) for row in order]
    return site.render(
        "several.html", "compare", table=table, rows=order, figures=figures, parts=parts, others=others, tests=matrix
    )


def _several(field: str, row: Row) -> tuple[str, str]:
    value = getattr(row, field)
    shown = value if isinstance(value, Figure) else Figure(value=value)
    return skill(row) if field == "skill" else figure(shown.value), bounded(shown)


def _in_short(
    site: Site, table: BoardTable, row: Row, other: Row, tests: Mapping[tuple[str, str], PairTest]
) -> tuple[str, str, str]:
    """(how much higher the F1 of `row` is, p, the address of the comparison of the two)."""
    href = site.links.compare(table, row.submission, other.submission) or ""
    if row is other:
        return "", "", ""
    found = tests.get((row.submission, other.submission))
    if found is None:
        return "not tested", "", href
    sign = 1 if found.a == row.submission else -1
    return _difference(sign * found.delta_f1, 0.0), f"p {p_value(found.p_adjusted)}", href


def verdict(test: PairTest | None, a: Row, b: Row) -> str:
    """What the test of the two, a first, says in a sentence; a name in it turns the direction of no figure."""
    if test is None:
        return "No test was made: only ranked systems are tested against each other."
    better = a if test.delta_f1 > 0 else b
    gain = figure(abs(test.delta_f1))
    said = Markup("<bdi>{}</bdi> has the higher F1 by {}").format(name(better.system), gain)
    odds = f"label-swap test, p {p_value(test.p_value)}, {p_value(test.p_adjusted)} adjusted for all pairs of the table"
    if test.delta_f1 == 0:
        alike = "Their F1 differs by less than 0.001; the difference is significant"
        return f"{alike if test.significant else 'Both have the same F1'} ({odds})."
    if test.significant:
        return said + f"; the difference is significant ({odds})."
    return said + f"; the difference is not significant ({odds})."


def measures(a: Row, b: Row, test: PairTest | None) -> list[Measure]:
    """Every figure that one of them has, on one axis each; the difference of F1 as the test says it."""
    found = [_measure(field, a, b) for field in _FIGURES if not _missing(field, a) or not _missing(field, b)]
    if test is not None and found:
        found[0] = replace(found[0], difference=_difference(test.delta_f1, 0.0))
    return found


def _missing(field: str, row: Row) -> bool:
    value = getattr(row, field)
    return (value.value if isinstance(value, Figure) else value) is None


def _measure(field: str, a: Row, b: Row) -> Measure:
    one, other = (getattr(row, field) for row in (a, b))
    one, other = (value if isinstance(value, Figure) else Figure(value=value) for value in (one, other))
    axis = axis_of([one, other])
    sides = [
        (
            skill(row) if field == "skill" else figure(value.value),
            bounded(value),
            strip(value, axis, row.null_f1 if field == "f1" else None),
        )
        for value, row in ((one, a), (other, b))
    ]
    return Measure(SOURCES[field].title, *sides[0], *sides[1], _difference(one.value, other.value))


def _difference(a: float | None, b: float | None) -> str:
    if a is None or b is None:
        return figure(None)
    return f"+{figure(a - b)}" if round(a - b, 3) > 0 else figure(a - b)


_OTHERS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("Concerns per article", lambda row: f"{row.mean_concerns:.1f}"),
    ("Articles answered", lambda row: f"{row.coverage:.1%}"),
    ("Band", lambda row: "not ranked" if row.band is None else str(row.band)),
    ("Base model", lambda row: name(row.base_model)),
    ("Parameters", lambda row: name(row.parameters or "not stated")),
    ("Post-processing", lambda row: name(row.postprocessing)),
    ("Cost of the run", lambda row: "not stated" if row.cost_usd is None else f"{row.cost_usd:,.2f} USD"),
    ("Submitted", lambda row: row.submitted),
)


def _charts(a: Row, b: Row) -> list[tuple[str, Markup]]:
    found = []
    systems = (short(a.system, 40), short(b.system, 40))
    for kind, title, metric in _PARTS:
        one, other = getattr(a, kind), getattr(b, kind)
        pairs = [
            PairedFigures(
                part_name(kind, part), part_figure(one.get(part), metric), part_figure(other.get(part), metric)
            )
            for part in dict.fromkeys([*one, *other])
        ]
        pairs = [pair for pair in pairs if pair.a.value is not None and pair.b.value is not None]
        if pairs:
            found.append((title, pair_chart(kind, title, title.partition(" ")[0], systems, pairs)))
    return found


_LETTER = 6.9
_ROW = 38.0


@dataclass(frozen=True)
class PairedFigures:
    """A group and the figure of either system in it."""

    name: str
    a: Figure
    b: Figure


def pair_chart(name: str, title: str, metric: str, systems: tuple[str, str], pairs: Sequence[PairedFigures]) -> Markup:
    """Dots for the first system, diamonds for the second."""
    top = axis_of([one for pair in pairs for one in (pair.a, pair.b)]).high

    def draw(width: float) -> Drawing:
        stacked = width == NARROW  # a phone has no room for a column of names; they stand above their row
        row = 50.0 if stacked else _ROW
        height = 8 + row * len(pairs) + 44
        left = 10.0 if stacked else 24 + _LETTER * max(len(pair.name) for pair in pairs)
        plot = Plot(Scale(0.0, top, left, width - 14), Scale(0.0, 1.0, height - 44, 8))
        marks = ticks(0.0, top, 4 if stacked else 5)
        grid = [
            element("line", class_="grid", x1=plot.x.at(tick), x2=plot.x.at(tick), y1=8, y2=height - 44)
            for tick in marks
        ]
        rows = [_row(plot, pair, 8 + row * number, row, stacked) for number, pair in enumerate(pairs)]
        return Drawing(height, joined(*grid, x_axis(plot, marks, metric), *rows))

    entries = [("dot", "s1", systems[0]), ("diamond", "s2", systems[1])]
    said = "; ".join(
        f"{pair.name}: {figure(pair.a.value)} {bounded(pair.a)} and {figure(pair.b.value)} {bounded(pair.b)}"
        for pair in pairs
    )
    return joined(legend(entries), chart(name, title, f"{systems[0]} and {systems[1]}. {said}.", draw))


def _row(plot: Plot, pair: PairedFigures, top: float, height: float, stacked: bool) -> Markup:
    middle = top + (14 + (height - 14) / 2 if stacked else height / 2)
    at = (plot.x.start, top + 14, "start") if stacked else (plot.x.start - 14, middle + 4, "end")
    return joined(
        text(at[0], at[1], pair.name, at[2], "strong-label"),
        whisker(plot, WhiskerRow(pair.a.value, pair.a.bounds), middle - 6, "s1", hollow=False),
        whisker(plot, WhiskerRow(pair.b.value, pair.b.bounds), middle + 6, "s2", hollow=True),
    )
