"""The columns of a table: which figures a row has for the whole split, and which for a part of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..view import Figure, Row
from .choice import ALL, Choice, passes

Value = float | str | None


@dataclass(frozen=True)
class Column:
    """A figure. `value` sorts; the last of `digits` is what is shown after the point."""

    key: str
    name: str
    meaning: str
    value: Callable[[Row], Value]
    digits: int = 3


def part_of(row: Row, choice: Choice) -> Mapping[str, Any] | None:
    """A row's figures in the chosen part of the articles; None when the part does not occur."""
    found: Mapping[str, Any] | None = getattr(row, f"per_{choice.kind}").get(choice.name)
    return found


def part_figure(part: Mapping[str, Any] | None, metric: str) -> Figure:
    """A figure of a part with its interval."""
    if part is None or part.get(metric) is None:
        return Figure(value=None)
    low, high = part["intervals"].get(metric) or (None, None)
    return Figure(value=part[metric], low=low, high=high)


def lead(row: Row, choice: Choice) -> Figure:
    """The figure that a table is about: F1, or recall by severity, where no precision exists."""
    if choice.kind == ALL:
        return row.f1
    return part_figure(part_of(row, choice), "recall" if choice.kind == "severity" else "f1")


def lead_column(choice: Choice) -> Column:
    """The column of the leading figure."""
    if choice.kind == "severity":
        return Column("recall", "Recall", _RECALL, lambda row: lead(row, choice).value)
    return Column("f1", "F1", _F1, lambda row: lead(row, choice).value)


def columns(choice: Choice) -> list[Column]:
    """The columns after the leading one."""
    if choice.kind == ALL:
        return [
            Column("skill", "Skill", _SKILL, lambda row: row.skill.value),
            Column("recall", "Recall", _RECALL, lambda row: row.recall.value),
            Column("precision", "Precision", _PRECISION, lambda row: row.precision.value),
            Column("recall_major", "Recall, major", _MAJOR, lambda row: row.recall_major.value),
            Column("null_f1", "Null F1", _NULL, lambda row: row.null_f1),
            Column("echo", "Echo F1", _ECHO, lambda row: row.echo_f1),
            Column("concerns", "Concerns", _CONCERNS, lambda row: row.mean_concerns, 1),
            Column("coverage", "Coverage", _COVERAGE, lambda row: row.coverage),
        ]
    if choice.kind == "severity":
        return [Column("references", "References", _REFERENCES, lambda row: _in(row, choice, "n_ref"), 0)]
    found = [
        Column("recall", "Recall", _RECALL, lambda row: _in(row, choice, "recall")),
        Column("precision", "Precision", _PRECISION, lambda row: _in(row, choice, "precision")),
    ]
    if choice.kind == "source":
        found.insert(0, Column("skill", "Skill", _SKILL, lambda row: _control(row, choice, "skill")))
        found += [
            Column("null_f1", "Null F1", _NULL, lambda row: _control(row, choice, "null_f1")),
            Column("echo", "Echo F1", _ECHO, lambda row: _control(row, choice, "echo_f1")),
        ]
    return [*found, Column("references", "References", _REFERENCES, lambda row: _in(row, choice, "n_ref"), 0)]


def arranged(rows: Sequence[Row], choice: Choice) -> list[Row]:
    """The rows that pass the filters, in the chosen order; undefined figures stand last either way."""
    kept = [row for row in rows if passes(row, choice)]
    value = sort_value(choice)
    known = [row for row in kept if value(row) is not None]
    known.sort(key=lambda row: _comparable(value(row)), reverse=choice.descending)
    return known + [row for row in kept if value(row) is None]


def sort_value(choice: Choice) -> Callable[[Row], Value]:
    """What the chosen column sorts by. A column that the chosen part does not have leaves the order as it is."""
    if choice.sort == "band":
        return lambda row: row.band
    if choice.sort == "system":
        return lambda row: row.system.casefold()
    if choice.sort == "submitted":
        return lambda row: row.submitted
    found = {column.key: column.value for column in (lead_column(choice), *columns(choice))}
    return found.get(choice.sort, lambda row: row.band)


def _comparable(value: Value) -> float | str:
    assert value is not None
    return value


def _in(row: Row, choice: Choice, key: str) -> Value:
    part = part_of(row, choice)
    return None if part is None else part.get(key)


def _control(row: Row, choice: Choice, key: str) -> Value:
    part = part_of(row, choice)
    return None if part is None else part["controls"].get(key)


_F1 = "Recall and precision in one figure: twice the matches over references and predictions together."
_SKILL = "Of the matches that predictions written for other articles leave open, the share that was made. 0 is chance."
_RECALL = "Share of the human reviewers' concerns that were found."
_PRECISION = "Share of the system's concerns that a human reviewer raised."
_MAJOR = "Recall among the concerns that reviewers called major."
_NULL = "F1 of the same predictions, each exchanged for those of another article: what accident makes."
_ECHO = "F1 of ten sentences copied from each paper: what naming the topic makes."
_CONCERNS = "Concerns written for an article, on average."
_COVERAGE = "Share of the articles that were answered. The others count as articles without predictions."
_REFERENCES = "Concerns of human reviewers that count here."
