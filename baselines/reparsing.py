"""Reading stored output again with the parser of now, at no cost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError
from bioreview_bench.llm.run.manifest import now
from bioreview_bench.llm.run.store import RunStore
from bioreview_bench.llm.text.parser import parse
from bioreview_bench.results.provenance import package_version


def reparse(folder: Path, fix_labels: bool | None = None) -> dict[str, Any]:
    """Parse every stored answer of a run again; the rows are replaced all together or not at all.

    `fix_labels` None keeps what the run had. Rows without a stored answer, and those whose `detail` says that the
    service refused, stay. Returns counts. Raises InputError when no row holds an answer, WriteError.
    """
    with RunStore.reopen(folder) as store:
        reviewer = store.manifest["reviewer"]
        fix = bool(reviewer.get("fix_labels")) if fix_labels is None else fix_labels
        read: Counter[str] = Counter()

        def again(row: dict[str, Any]) -> dict[str, Any]:
            if not _is_answer(row):
                return row
            read["rows"] += 1
            return _reparsed(row, fix)

        before = dict(store.totals.by_status)
        changed = store.rewrite(again)
        if not read["rows"]:
            raise InputError(f"No row of {folder} holds a model's output.", remedy="reparse runs of models")
        if fix != bool(reviewer.get("fix_labels")):
            # The rows are now what a run with that setting gives, and only such a one may go on with them.
            reviewer["fix_labels"] = fix
            store.manifest["settings"]["request"]["fix_labels"] = fix
        store.manifest["reparsed"] = {"at": now(), "package": package_version(), "rows_changed": changed}
        store.save()
        return {"read": read["rows"], "changed": changed, "before": before, "after": dict(store.totals.by_status)}


def _is_answer(row: dict[str, Any]) -> bool:
    return isinstance(row.get("raw_output"), str) and row.get("detail") is None


def _reparsed(row: dict[str, Any], fix_labels: bool) -> dict[str, Any]:
    notes = dict(row.get("notes") or {})
    notes.pop("n_fixed_labels", None)
    cut = bool(notes.get("output_cut")) or row.get("status") == "truncated"
    parsed = parse(row["raw_output"], finish_reason_length=cut, fix_labels=fix_labels)
    if parsed.n_fixed_labels:
        notes["n_fixed_labels"] = parsed.n_fixed_labels
    return {**row, "status": parsed.status, "concerns": list(parsed.concerns), "notes": notes or None}
