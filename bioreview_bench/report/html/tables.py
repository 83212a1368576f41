"""The tables of the report: cells with an optional interval beside the figure and an optional shade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES
from bioreview_bench.report.html.words import bounds, figure, interval, label, source_name
from bioreview_bench.report.meaning import SATURATED
from bioreview_bench.results.records import Agreement, ResultRecord


@dataclass(frozen=True)
class Cell:
    """`detail` stands smaller beside `text`; `heat` (0 to 1) shades the cell; `diagonal` outlines it."""

    text: str
    detail: str = ""
    heat: float | None = None
    diagonal: bool = False


@dataclass(frozen=True)
class Table:
    """The first column names the rows; the others are figures."""

    caption: str
    header: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    note: str = ""


def category_table(record: ResultRecord) -> Table:
    """Counts, recall, precision and F1 of each category."""
    rows = []
    for name, row in record.per_category.items():
        counts = [Cell(f"{count:,}") for count in (row.n_ref, row.n_pred, row.n_matched)]
        figures = [
            Cell(figure(getattr(row, metric)), interval(bounds(record, f"per_category.{name}.{metric}")))
            for metric in ("recall", "precision", "f1")
        ]
        rows.append((label(name), [*counts, *figures]))
    return Table(
        "By category",
        ["category", "references", "predictions", "matched", "recall", "precision", "F1"],
        rows,
        "A prediction counts under the category of its match, or of the reference nearest to it.",
    )


def severity_table(record: ResultRecord) -> Table:
    """Recall of each severity."""
    rows = [
        (
            label(name),
            [
                Cell(f"{row.n_ref:,}"),
                Cell(f"{row.n_matched:,}"),
                Cell(figure(row.recall), interval(bounds(record, f"per_severity.{name}.recall"))),
            ],
        )
        for name, row in record.per_severity.items()
    ]
    return Table("By severity", ["severity", "references", "matched", "recall"], rows)


def source_table(record: ResultRecord) -> Table:
    """The full set of figures, controls included, of each source."""
    rows = []
    for name, row in record.per_source.items():
        counts = [Cell(f"{count:,}") for count in (row.n_ref, row.n_pred, row.n_matched)]
        scores = [
            Cell(figure(getattr(row, metric)), interval(bounds(record, f"per_source.{name}.{metric}")))
            for metric in ("recall", "precision", "f1")
        ]
        skill = Cell(SATURATED if row.controls.saturated else figure(row.controls.skill))
        others = [
            row.f1_macro,
            row.ceiling_f1,
            row.controls.null_f1,
            row.controls.echo_f1,
            row.controls.generic_f1,
            row.controls.match_rate,
            row.controls.null_match_rate,
        ]
        rows.append((source_name(name), [*counts, *scores, skill, *(Cell(figure(value)) for value in others)]))
    return Table(
        "By source, with controls",
        [
            "source",
            "references",
            "predictions",
            "matched",
            "recall",
            "precision",
            "F1",
            "skill",
            "F1 macro",
            "ceiling F1",
            "null F1",
            "echo F1",
            "generic F1",
            "match rate",
            "null match rate",
        ],
        rows,
    )


def sweep_table(record: ResultRecord) -> Table:
    """The figures behind the chart of thresholds."""
    points = sorted(record.sweep, key=lambda point: point.threshold)
    rows = [
        (f"{point.threshold:g}", [Cell(figure(value)) for value in (point.f1, point.null_f1, point.skill)])
        for point in points
    ]
    return Table("Scores by threshold", ["threshold", "F1", "null F1", "skill"], rows)


def confusion_tables(record: ResultRecord) -> list[Table]:
    """What references are called and what the predictions matched with them are called, for either label."""
    labelled = (
        ("Category", CATEGORIES, record.label_agreement.category),
        ("Severity", SEVERITIES, record.label_agreement.severity),
    )
    return [_confusion(name, labels, found) for name, labels, found in labelled if found.n_pairs]


def _confusion(name: str, labels: Sequence[str], found: Agreement) -> Table:
    met = set(found.confusion).union(*found.confusion.values())
    # A label that we do not know comes from a file that we did not write; it is shown all the same.
    occurring = [*(one for one in labels if one in met), *sorted(met - set(labels))]
    rows = [
        (label(reference), _shaded(found.confusion.get(reference, {}), reference, occurring)) for reference in occurring
    ]
    return Table(
        f"{name} of matched pairs",
        ["reference ↓ prediction →", *(label(one) for one in occurring)],
        rows,
        f"{found.n_agree:,} of {found.n_pairs:,} labelled pairs agree: accuracy {figure(found.accuracy)}, "
        f"Cohen's kappa {figure(found.kappa)}. The shade is the share of the row.",
    )


def _shaded(row: Mapping[str, int], reference: str, labels: Sequence[str]) -> list[Cell]:
    total = sum(row.values()) or 1
    cells = []
    for prediction in labels:
        count = row.get(prediction, 0)
        cells.append(Cell(f"{count:,}" if count else "", heat=count / total, diagonal=prediction == reference))
    return cells
