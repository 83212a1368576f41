"""The tables of the report: cells with an optional interval beside the figure and an optional shade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES
from bioreview_bench.report.html.words import bounds, figure, interval, label, source_name
from bioreview_bench.report.meaning import SATURATED
from bioreview_bench.results.records import Agreement, PerCategory, PerSource, ResultRecord


@dataclass(frozen=True)
class Cell:
    """`detail` stands smaller beside `text`; `heat` (0 to 1) shades the cell; `diagonal` outlines it."""

    text: str
    detail: str = ""
    heat: float | None = None
    diagonal: bool = False


@dataclass(frozen=True)
class PageTable:
    """The first column names the rows; the others are figures."""

    caption: str
    header: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    note: str = ""


_SCORED = ("references", "predictions", "matched", "recall", "precision", "F1")


def _scored(record: ResultRecord, path: str, row: PerCategory | PerSource) -> list[Cell]:
    """The cells under _SCORED, with intervals where the result has them."""
    metrics = {"recall": row.recall, "precision": row.precision, "f1": row.f1}
    figures = [_bounded(record, f"{path}.{metric}", value) for metric, value in metrics.items()]
    return [*_counts(row.n_ref, row.n_pred, row.n_matched), *figures]


def _counts(*counts: int) -> list[Cell]:
    return [Cell(f"{count:,}") for count in counts]


def _bounded(record: ResultRecord, path: str, value: float | None) -> Cell:
    return Cell(figure(value), interval(bounds(record, path)))


def tables(record: ResultRecord) -> list[PageTable]:
    """The tables of figures, in reading order."""
    return [
        humans_table(record),
        category_table(record),
        severity_table(record),
        source_table(record),
        source_controls_table(record),
    ]


def humans_table(record: ResultRecord) -> PageTable:
    """One reviewer against the others of an article, and the system against the same; no rows where there is none."""
    found = record.humans
    sides = [] if found is None else [("reviewer", found.reviewer), ("system", found.system)]
    names = {"reviewer": "a reviewer", "system": "this system"}
    rows = [
        (
            names[side],
            [
                *_counts(part.n_ref, part.n_pred, part.n_matched),
                *(Cell(figure(value)) for value in (part.recall, part.precision)),
                _bounded(record, f"humans.{side}.f1", part.f1),
                Cell(figure(part.match_rate)),
            ],
        )
        for side, part in sides
    ]
    note = ""
    if found is not None:
        note = f"Each of {found.n_reviewers:,} reviewers of {found.n_articles:,} articles against the article's others."
    return PageTable("Human against human", ["against the others", *_SCORED, "match rate"], rows, note)


def category_table(record: ResultRecord) -> PageTable:
    """Counts, recall, precision and F1 of each category."""
    return PageTable(
        "By category",
        ["category", *_SCORED],
        [(label(name), _scored(record, f"per_category.{name}", row)) for name, row in record.per_category.items()],
        "A prediction counts under the category of its match, or of the reference nearest to it.",
    )


def severity_table(record: ResultRecord) -> PageTable:
    """Recall of each severity."""
    rows = [
        (label(name), [*_counts(row.n_ref, row.n_matched), _bounded(record, f"per_severity.{name}.recall", row.recall)])
        for name, row in record.per_severity.items()
    ]
    return PageTable("By severity", ["severity", "references", "matched", "recall"], rows)


def source_table(record: ResultRecord) -> PageTable:
    """Counts, recall, precision and F1 of each source."""
    rows = [(source_name(name), _scored(record, f"per_source.{name}", row)) for name, row in record.per_source.items()]
    return PageTable("By source", ["source", *_SCORED], rows)


def source_controls_table(record: ResultRecord) -> PageTable:
    """The controls of each source."""
    rows = []
    for name, row in record.per_source.items():
        beside = row.controls
        skill = Cell(SATURATED if beside.saturated else figure(beside.skill))
        others = [row.f1_macro, row.ceiling_f1, beside.null_f1, beside.echo_f1, beside.generic_f1]
        others += [beside.match_rate, beside.null_match_rate]
        rows.append((source_name(name), [skill, *(Cell(figure(value)) for value in others)]))
    header = ["source", "skill", "macro F1", "ceiling F1", "null F1", "echo F1", "generic F1"]
    return PageTable("Controls by source", [*header, "match rate", "null match rate"], rows)


def sweep_table(record: ResultRecord) -> PageTable:
    """The figures behind the chart of thresholds."""
    points = sorted(record.sweep, key=lambda point: point.threshold)
    rows = [
        (
            f"{point.threshold:g}",
            [Cell(figure(value)) for value in (point.f1, point.null_f1, point.echo_f1, point.skill)],
        )
        for point in points
    ]
    return PageTable("Scores by threshold", ["threshold", "F1", "null F1", "echo F1", "skill"], rows)


def confusion_tables(record: ResultRecord) -> list[PageTable]:
    """What references are called and what the predictions matched with them are called, for either label."""
    labelled = (
        ("Category", CATEGORIES, record.label_agreement.category),
        ("Severity", SEVERITIES, record.label_agreement.severity),
    )
    return [_confusion(name, labels, found) for name, labels, found in labelled if found.n_pairs]


def _confusion(name: str, labels: Sequence[str], found: Agreement) -> PageTable:
    met = set(found.confusion).union(*found.confusion.values())
    # A label that we do not know comes from a file that we did not write; it is shown all the same.
    occurring = [*(known for known in labels if known in met), *sorted(met - set(labels))]
    rows = [
        (label(reference), _shaded(found.confusion.get(reference, {}), reference, occurring)) for reference in occurring
    ]
    return PageTable(
        f"{name} of matched pairs",
        ["reference ↓ prediction →", *map(label, occurring)],
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
