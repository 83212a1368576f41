"""Rows as Parquet: one schema for all splits of a configuration, so that `load_dataset` can read them together."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bioreview_bench.curation.release.rows import Rows

if TYPE_CHECKING:
    import pyarrow


def parquet_files(splits: Mapping[str, Rows]) -> dict[str, bytes]:
    """split -> the bytes of a Parquet file.

    A column whose values have no common type (or that Parquet cannot hold) is written as JSON texts.
    """
    import pyarrow.parquet

    schema, as_json = schema_of(row for rows in splits.values() for row in rows)
    found = {}
    for name, rows in splits.items():
        plain = [{key: _text(value) if key in as_json else value for key, value in row.items()} for row in rows]
        buffer = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(plain, schema=schema), buffer, compression="zstd")
        found[name] = buffer.getvalue()
    return found


def json_lines(rows: Rows) -> bytes:
    """The same rows as JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def schema_of(rows: Iterable[Mapping[str, Any]]) -> tuple[pyarrow.Schema, frozenset[str]]:
    """The schema of all rows, columns in the order of first use, and the columns that are written as JSON."""
    import pyarrow

    listed = list(rows)
    names = dict.fromkeys(name for row in listed for name in row)
    fields, as_json = [], set()
    for name in names:
        try:
            kind = _known(name, pyarrow.array([row.get(name) for row in listed]).type)
        except (pyarrow.ArrowException, OverflowError):
            kind = None
        if kind is None:
            as_json.add(name)
        fields.append((name, pyarrow.string() if kind is None else kind))
    return pyarrow.schema(fields), frozenset(as_json)


def _known(name: str, kind: pyarrow.DataType) -> pyarrow.DataType | None:
    """The type; where only nulls were seen, that of the field `name`. None when it holds a struct without fields."""
    import pyarrow

    if pyarrow.types.is_null(kind):
        return _unseen(name)
    if pyarrow.types.is_list(kind):
        inner = _known(name, kind.value_type)
        return None if inner is None else pyarrow.list_(inner)
    if pyarrow.types.is_struct(kind):
        fields = [(field.name, _known(field.name, field.type)) for field in kind]
        return None if not fields or any(inner is None for _, inner in fields) else pyarrow.struct(fields)
    return kind if kind in (pyarrow.bool_(), pyarrow.int64(), pyarrow.float64(), pyarrow.string()) else None


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


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
