"""Rows as files: one schema for all splits of a configuration, so that `load_dataset` can read them together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioreview_bench.curation.release.rows import Rows

if TYPE_CHECKING:
    import pyarrow

_GROUP = 500  # rows of a row group, which are in memory at once
_EXACT = 2**53  # whole numbers below this are floats without a loss


def write_parquet(path: Path, rows: Rows, schema: pyarrow.Schema) -> None:
    """Write rows as Parquet. Raises OSError."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, len(rows), _GROUP):
            group = list(_fitted(rows[start : start + _GROUP], schema))
            writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))


def write_json_lines(path: Path, rows: Rows, schema: pyarrow.Schema) -> None:
    """Write the same rows as JSON Lines; a field that a row lacks is null, as in Parquet. Raises OSError."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for row in _fitted(rows, schema):
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def schema_of(rows: Sequence[Mapping[str, Any]]) -> pyarrow.Schema:
    """The schema of all rows, columns in the order of first use.

    Values without a common type, here or in a list or object, become strings: those that are none, as JSON.
    """
    import pyarrow

    names = dict.fromkeys(name for row in rows for name in row)
    return pyarrow.schema([(name, _kind(name, [row.get(name) for row in rows])) for name in names])


def _kind(name: str, values: Sequence[Any]) -> pyarrow.DataType:
    import pyarrow

    present = [value for value in values if value is not None]
    if not present:
        return _unseen(name)
    types = {type(value) for value in present}
    if types == {list}:
        return pyarrow.list_(_kind(name, [item for value in present for item in value]))
    if types == {dict} and any(present):
        parts = dict.fromkeys(part for value in present for part in value)
        return pyarrow.struct([(part, _kind(part, [value.get(part) for value in present])) for part in parts])
    if types == {bool}:
        return pyarrow.bool_()
    if types == {int} and all(-(2**63) <= value < 2**63 for value in present):
        return pyarrow.int64()
    if types <= {int, float} and all(isinstance(v, float) or abs(v) <= _EXACT for v in present):
        return pyarrow.float64()
    return pyarrow.string()


def _unseen(name: str) -> pyarrow.DataType:
    """The type that readers want of a field, or of the parts of a list, of which a release has no value."""
    import pyarrow

    if name in ("has_author_response", "evidence_of_change", "raised_by_multiple", "requires_figure_reading"):
        return pyarrow.bool_()
    if name == "reviewer_num":
        return pyarrow.int64()
    if name == "resolution_confidence":
        return pyarrow.float64()
    parts = {"paper_text_sections": ("heading", "text"), "concerns": ("concern_id", "concern_text")}.get(name)
    return pyarrow.string() if parts is None else pyarrow.struct([(part, pyarrow.string()) for part in parts])


def _fitted(rows: Rows, schema: pyarrow.Schema) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {field.name: _fit(row.get(field.name), field.type) for field in schema}


def _fit(value: Any, kind: pyarrow.DataType) -> Any:
    from pyarrow import types

    if value is None:
        return None
    if types.is_list(kind):
        return [_fit(item, kind.value_type) for item in value]
    if types.is_struct(kind):
        return {field.name: _fit(value.get(field.name), field.type) for field in kind}
    if types.is_string(kind) and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return float(value) if types.is_floating(kind) else value
