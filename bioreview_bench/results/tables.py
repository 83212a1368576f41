"""Tables of a result for analysis, as pandas DataFrames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bioreview_bench.errors import InputError, printable
from bioreview_bench.results.records import PerSource, Record, ResultRecord

if TYPE_CHECKING:
    import pandas

_FIGURES = {
    "category": ("n_ref", "n_pred", "n_matched", "recall", "precision", "f1"),
    "severity": ("n_ref", "n_matched", "recall"),
    "source": ("n_ref", "n_pred", "n_matched", "recall", "precision", "f1"),
}
_CONTROLS = ("match_rate", "null_f1", "skill", "echo_f1", "echo_match_rate")  # a source has them, too


def table(record: ResultRecord, by: str) -> pandas.DataFrame:
    """See `Result.table`."""
    import pandas

    if by == "threshold":
        if not record.sweep:
            raise InputError("This result was scored at one threshold only.", remedy="score(..., sweep=True)")
        return pandas.DataFrame([point.model_dump() for point in record.sweep]).set_index("threshold")
    if by not in _FIGURES:
        names = ", ".join((*_FIGURES, "threshold"))
        raise InputError(f'There is no table by "{printable(by)}".', remedy=f"use one of {names}")
    parts: Mapping[str, Record] = getattr(record, f"per_{by}")
    rows = [_row(record, by, name, part) for name, part in parts.items()]
    frame = pandas.DataFrame(rows, index=pandas.Index(list(parts), name=by), columns=_columns(by))
    return frame.astype({name: float for name in frame.columns if not name.startswith("n_")})


def _columns(by: str) -> list[str]:
    found = []
    for figure in _FIGURES[by]:
        found += [figure] if figure.startswith("n_") else [figure, f"{figure}_low", f"{figure}_high"]
    return [*found, *(_CONTROLS if by == "source" else ())]


def _row(record: ResultRecord, by: str, name: str, part: Record) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for figure in _FIGURES[by]:
        row[figure] = getattr(part, figure)
        if not figure.startswith("n_"):
            row[f"{figure}_low"], row[f"{figure}_high"] = record.intervals.get(f"per_{by}.{name}.{figure}") or (
                None,
                None,
            )
    if isinstance(part, PerSource):
        row |= {figure: getattr(part.controls, figure) for figure in _CONTROLS}
    return row
