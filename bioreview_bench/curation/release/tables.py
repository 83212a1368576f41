"""Rows as files: one schema for all splits of a configuration, so that `load_dataset` can read them together."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow

_GROUP = 500  # rows of a row group, which are in memory at once
_EXACT = 2**53  # whole numbers below this are floats without a loss


def write_parquet(path: Path, rows: Iterable[Mapping[str, Any]], schema: pyarrow.Schema) -> None:
    """Write rows as Parquet. Raises OSError."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        fitted = _fitted(rows, schema)
        while group := list(itertools.islice(fitted, _GROUP)):
            writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))


def write_json_lines(path: Path, rows: Iterable[Mapping[str, Any]], schema: pyarrow.Schema) -> None:
    """Write the same rows as JSON Lines; a field that a row lacks is null, as in Parquet. Raises OSError."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for row in _fitted(rows, schema):
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def schema_of(rows: Iterable[Mapping[str, Any]]) -> pyarrow.Schema:
    """The schema of all rows, columns in the order of first use.

    Values without a common type, here or in a list or object, become strings: those that are none, as JSON.
    """
    import pyarrow

    columns: dict[str, _Values] = {}
    for row in rows:
        for name, value in row.items():
            columns.setdefault(name, _Values()).add(value)
    return pyarrow.schema([(name, values.kind(name)) for name, values in columns.items()])


@dataclass
class _Values:
    """What the values of a column have been so far: as much as decides its type."""

    types: set[type] = field(default_factory=set)
    items: _Values | None = None  # of lists
    parts: dict[str, _Values] = field(default_factory=dict)  # of objects
    in_64_bits: bool = True  # whole numbers
    exact: bool = True  # whole numbers as floats

    def add(self, value: Any) -> None:
        if value is None:
            return
        self.types.add(type(value))
        if isinstance(value, list):
            self.items = self.items or _Values()
            for item in value:
                self.items.add(item)
        elif isinstance(value, dict):
            for part, inner in value.items():
                self.parts.setdefault(part, _Values()).add(inner)
        elif type(value) is int:
            self.in_64_bits &= -(2**63) <= value < 2**63
            self.exact &= abs(value) <= _EXACT

    def kind(self, name: str) -> pyarrow.DataType:
        import pyarrow

        if not self.types:
            return _unseen(name)
        if self.types == {list} and self.items is not None:
            return pyarrow.list_(self.items.kind(name))
        if self.types == {dict} and self.parts:
            return pyarrow.struct([(part, inner.kind(part)) for part, inner in self.parts.items()])
        if self.types == {bool}:
            return pyarrow.bool_()
        if self.types == {int} and self.in_64_bits:
            return pyarrow.int64()
        if self.types <= {int, float} and self.exact:
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


def _fitted(rows: Iterable[Mapping[str, Any]], schema: pyarrow.Schema) -> Iterator[dict[str, Any]]:
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
