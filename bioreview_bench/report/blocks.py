"""A report as a list of blocks, the same for every way of showing it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bioreview_bench.data.vocabulary import OUTCOMES, UNANSWERED
from bioreview_bench.errors import printable
from bioreview_bench.report.meaning import Note, notes
from bioreview_bench.results.records import Record, ResultRecord

DASH = "-"


@dataclass(frozen=True)
class Facts:
    """Named values, one a line; a value that is a Note is a sentence, which may be wrapped."""

    rows: Sequence[tuple[str, str | Note]]


@dataclass(frozen=True)
class Table:
    """A table; the first column holds names, the others right-aligned figures.

    `spare` names columns that a narrow terminal does without, the first of them first.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    spare: Sequence[str] = ()


@dataclass(frozen=True)
class Notes:
    """Sentences under a title."""

    title: str
    notes: Sequence[Note]


Block = Facts | Table | Notes
_VERIFICATION: dict[str, str] = {
    "contents": "frozen, contents verified",
    "counts": "counts verified, contents not",
    "bundled": "bundled demo data",
    "none": "not a released split",
}


def blocks(record: ResultRecord) -> list[Block]:
    """The whole report on a result."""
    found: list[Block] = [
        _identity(record),
        _coverage(record),
        _headline(record),
        _controls(record),
        Notes("What this means", notes(record)),
    ]
    tables = [
        _humans(record),
        _sweep(record),
        by_category(record),
        _per_severity(record),
        _per_source(record),
        _agreement(record),
        _confidence(record),
    ]
    found.extend(table for table in tables if table.rows)
    if record.gate is not None:
        found.append(Notes("Gate of the predecessor board", [_gate(record)]))
    return found


def plain(value: str | Note) -> str:
    """The text of a value of Facts."""
    return value.text if isinstance(value, Note) else value


def figure(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash for one that is undefined."""
    return DASH if value is None else f"{value:.{digits}f}"


def _cells(row: Record, *fields: str) -> list[str]:
    """Counts and figures of a record."""
    values = [getattr(row, field) for field in fields]
    return [str(value) if isinstance(value, int) else figure(value) for value in values]


def _identity(record: ResultRecord) -> Facts:
    system = record.system
    version = f" {printable(system.version)}" if system.version else ""
    data = record.data
    return Facts(
        [
            ("System", f"{printable(system.name)}{version}, post-processing {printable(system.postprocessing)}"),
            ("Contract", printable(record.contract["name"])),
            (
                "Data",
                f"{printable(data.name)}, split {printable(data.split)}, {record.coverage.n_articles} articles "
                f"({_VERIFICATION[data.verification]})",
            ),
            ("Signature", printable(record.signature, 400)),
        ]
    )


def _coverage(record: ResultRecord) -> Notes:
    coverage = record.coverage
    parts = [f"{getattr(coverage, outcome)} {outcome}" for outcome in OUTCOMES if getattr(coverage, outcome)]
    lost = sum(getattr(coverage, outcome) for outcome in UNANSWERED)
    found = [Note("warning" if lost else "info", f"{coverage.n_articles} articles: {', '.join(parts)}.")]
    details = [
        (coverage.excluded_figure, "references excluded because they need a figure"),
        (coverage.n_blank_dropped, "blank concerns dropped"),
        (coverage.n_unknown_labels, "unknown labels ignored"),
        (coverage.n_extra_ignored, "rows for unknown articles ignored"),
    ]
    said = [f"{count} {what}" for count, what in details if count]
    if said:
        found.append(Note("info", f"{'; '.join(said)}."))
    return Notes("Coverage", found)


def _headline(record: ResultRecord) -> Table:
    names = {
        "F1": ("overall.f1", record.overall.f1),
        "recall": ("overall.recall", record.overall.recall),
        "precision": ("overall.precision", record.overall.precision),
        "macro F1": ("overall.f1_macro", record.overall.f1_macro),
        "F1 answered": ("", record.overall.f1_answered),
        "skill": ("controls.skill", record.controls.skill),
    }
    rows = [[name, figure(value), interval(record, path)] for name, (path, value) in names.items()]
    overall = record.overall
    title = f"Score: {overall.n_matched} matched of {overall.n_ref} references, {overall.n_pred} predictions"
    return Table(title, ["", "score", "95% CI"], rows)


def _controls(record: ResultRecord) -> Table:
    controls, overall = record.controls, record.overall
    rows = [
        ["this system", figure(overall.f1), figure(controls.match_rate)],
        ["null: predictions for other articles", figure(controls.null_f1), figure(controls.null_match_rate)],
        ["echo: ten sentences of the paper", figure(controls.echo_f1), figure(controls.echo_match_rate)],
        ["generic: ten stock comments", figure(controls.generic_f1), figure(controls.generic_match_rate)],
        *_near_misses(controls.near_miss_match_rate),
        ["ceiling: every possible match", figure(overall.ceiling_f1), DASH if overall.ceiling_f1 is None else "1.000"],
    ]
    return Table("The controls", ["", "F1", "match rate"], rows)


def _near_misses(rate: float | None) -> list[list[str]]:
    return [] if rate is None else [["near misses: other points, same words", DASH, figure(rate)]]


def _humans(record: ResultRecord) -> Table:
    found = record.humans
    title, rows = "Human against human", []
    if found is not None:
        n, articles = found.n_reviewers, "1 article" if found.n_articles == 1 else f"{found.n_articles} articles"
        title = f"Human against human: each of {n} reviewers of {articles} against the others"
        sides = (("a reviewer", "reviewer", found.reviewer), ("this system", "system", found.system))
        for name, path, part in sides:
            cells = _cells(part, "n_ref", "n_pred", "recall", "precision", "f1")
            rows.append([name, *cells, interval(record, f"humans.{path}.f1"), *_cells(part, "match_rate")])
    return Table(title, ["", "refs", "preds", "recall", "prec.", "F1", "95% CI", "match rate"], rows)


def _sweep(record: ResultRecord) -> Table:
    rows = [[f"{point.threshold:g}", *_cells(point, "f1", "null_f1", "skill")] for point in record.sweep]
    return Table("At other thresholds", ["threshold", "F1", "null F1", "skill"], rows)


def by_category(record: ResultRecord) -> Table:
    """Counts and figures of each category."""
    rows = [
        [
            printable(name),
            *_cells(row, "n_ref", "n_pred", "recall", "precision", "f1"),
            interval(record, f"per_category.{name}.f1"),
        ]
        for name, row in record.per_category.items()
    ]
    return Table("By category", ["category", "refs", "preds", "recall", "prec.", "F1", "95% CI of F1"], rows)


def _per_severity(record: ResultRecord) -> Table:
    rows = [
        [printable(name), *_cells(row, "n_ref", "recall"), interval(record, f"per_severity.{name}.recall")]
        for name, row in record.per_severity.items()
    ]
    return Table("By severity", ["severity", "refs", "recall", "95% CI of recall"], rows)


def _per_source(record: ResultRecord) -> Table:
    rows = [
        [
            printable(name),
            *_cells(part, "n_ref", "recall", "precision", "f1"),
            *_cells(part.controls, "null_f1", "skill", "echo_f1"),
        ]
        for name, part in record.per_source.items()
    ]
    return Table("By source", ["source", "refs", "recall", "precision", "F1", "null F1", "skill", "echo F1"], rows)


def _agreement(record: ResultRecord) -> Table:
    agreement = record.label_agreement
    labelled = (("category", agreement.category), ("severity", agreement.severity))
    rows = [[name, *_cells(stated, "n_pairs", "accuracy", "kappa")] for name, stated in labelled if stated.n_pairs]
    return Table("Labels of matched pairs", ["label", "pairs", "agree", "Cohen's kappa"], rows)


def _confidence(record: ResultRecord) -> Table:
    stated = record.confidence
    rows = [] if stated is None else [_cells(stated, "n", "ece", "brier", "overconfidence_rate")]
    return Table("Stated confidence", ["predictions", "ECE", "Brier", "over-confidence"], rows)


def _gate(record: ResultRecord) -> Note:
    gate = record.gate
    assert gate is not None
    verdict = "passed" if gate.passed else "not passed"
    rule = f"F1 >= {gate.f1_min} or recall >= {gate.recall_min}"
    if not gate.informative:
        return Note("warning", f"{verdict} ({rule}), not informative: the contract is saturated.")
    return Note("info", f"{verdict} ({rule}).")


def interval(record: ResultRecord, path: str) -> str:
    """The 95 % interval of the metric at `path`, or a dash."""
    bounds = record.intervals.get(path)
    return DASH if bounds is None else f"[{bounds[0]:.3f}, {bounds[1]:.3f}]"


def to_markdown(blocks: Sequence[Block]) -> str:
    """A report as Markdown; what came from files or flags is escaped."""
    parts = ["# bioreview-bench"]
    for block in blocks:
        if isinstance(block, Facts):
            parts.append("\n".join(f"- **{name}**: {_escape(plain(value))}" for name, value in block.rows))
        elif isinstance(block, Notes):
            lines = [
                f"- **{_escape(note.text)}**" if note.level != "info" else f"- {_escape(note.text)}"
                for note in block.notes
            ]
            parts.append(f"## {block.title}\n\n" + "\n".join(lines))
        else:
            rule = [":--", *("--:" for _ in block.header[1:])]
            rows = [block.header, rule, *([_escape(cell) for cell in row] for row in block.rows)]
            parts.append(f"## {block.title}\n\n" + "\n".join(_line(row) for row in rows))
    return "\n\n".join(parts) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", text)
