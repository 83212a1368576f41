"""Result records that predecessors of this benchmark published: readable for ever, never comparable.

They are *reported*: nobody rescored them. Their `soft_*` follow another definition and are kept as
`legacy_soft_*`; a macro F1 or AUC of 0.0 meant "not computed" and becomes None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bioreview_bench.errors import InputError

_REQUIRED = ("tool_name", "split", "f1_micro", "recall_overall", "precision_overall", "n_articles")


def is_historic(value: Mapping[str, Any]) -> bool:
    """True for a record of the predecessors' shape."""
    return "tool_name" in value and "f1_micro" in value


@dataclass(frozen=True)
class HistoricResult:
    """A published record, read-only. `label` is always `reported`."""

    record: Mapping[str, Any]

    label = "reported"
    reported = True

    @classmethod
    def from_record(cls, value: Mapping[str, Any], where: str) -> HistoricResult:
        """Convert a published record. Raises InputError when figures are missing."""
        absent = [name for name in _REQUIRED if name not in value]
        if absent:
            raise InputError(f"{where} lacks {', '.join(absent)}.", remedy="name a published result record")
        return cls(_converted(value))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, named as in a result file where the meaning is the same."""
        return dict(self.record)

    def save(self, path: object) -> None:
        """Refused: a historic record is read-only. Raises InputError."""
        raise InputError(
            f"A reported record is read-only and was not written to {path}.", remedy="copy the published file"
        )


def _converted(value: Mapping[str, Any]) -> dict[str, Any]:
    stats = value.get("matching_stats") or {}
    return {
        "label": HistoricResult.label,
        "signature": None,
        "system": {"name": value["tool_name"], "version": value.get("tool_version") or None},
        "benchmark_version": value.get("benchmark_version"),
        "split": value["split"],
        "run_date": value.get("run_date"),
        "coverage": {
            "n_articles": value["n_articles"],
            "excluded_figure": value.get("excluded_figure_concerns"),
        },
        "overall": {
            "n_ref": value.get("n_human_concerns"),
            "n_pred": value.get("n_tool_concerns"),
            "n_matched": stats.get("n_matched_pairs"),
            "recall": value["recall_overall"],
            "precision": value["precision_overall"],
            "f1": value["f1_micro"],
            "f1_macro": _computed(value.get("f1_macro")),
            "legacy_soft_recall": value.get("soft_recall_overall"),
            "legacy_soft_precision": value.get("soft_precision_overall"),
            "legacy_soft_f1": value.get("soft_f1"),
        },
        "per_severity": {"major": {"recall": value.get("recall_major")}},
        "per_category": {name: _category(row) for name, row in (value.get("per_category") or {}).items()},
        "intervals": {
            f"overall.{name}": _interval(value[f"ci_{name}"])
            for name in ("recall", "precision")
            if value.get(f"ci_{name}")
        },
        "matching": {"threshold": stats.get("threshold"), "algorithm": stats.get("algorithm")},
        "controls": None,
    }


def _category(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "n_ref": row.get("n_human_concerns"),
        "n_matched": row.get("n_matched"),
        "recall": row.get("recall"),
        "precision": row.get("precision"),
        "f1": row.get("f1_micro"),
        "f1_macro": _computed(row.get("f1_macro")),
        "aucpr": _computed(row.get("aucpr")),
    }


def _computed(value: float | None) -> float | None:
    return None if value == 0 else value


def _interval(bounds: Mapping[str, Any]) -> tuple[float, float]:
    return bounds["lo"], bounds["hi"]
