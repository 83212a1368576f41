"""Articles from Parquet, as the same rows that JSON Lines would give.

Writers choose types freely: dates and timestamps, maps, categories, large strings, whole numbers that became floats
because one was absent. These are read as what they stand for; a column of any other type is refused once, by name.
Sections keep their order as a map or as a list of {heading, text}. A struct has one order for all articles, so with it
the order of each article's own is lost, which is said once. A kilobyte can stand for gigabytes, by packing or by a
dictionary: how much a file unpacks to is counted before it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from logging import getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioreview_bench.errors import DataError, printable
from bioreview_bench.files.jsonl import LONGEST_ARTICLE

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

_BATCH = 256  # rows in memory at once
# A file may unpack to a gigabyte, or to this many times its size: texts are packed to a tenth or more.
_MOST_BYTES, _MOST_TIMES = 2**30, 100
# Columns, and row groups, that a file may have: their description is read before anything can be counted, and takes
# some forty times as much memory as disk.
_MOST_PARTS = 20_000
_SECTIONS = "paper_text_sections"
_TEXT, _DATE, _FLAG = "a string", "a string or a date", "a boolean"
_WHOLE, _ROUND, _SHARE = "a whole number", "a whole number or a string", "a number"
_TEXTS, _ORDERED, _STRUCTS = "a list of strings", "a map, or a list of {heading, text}", "a list of structs"

_COLUMNS = {
    **dict.fromkeys(("id", "source", "doi", "title", "abstract", "review_format", "editorial_decision"), _TEXT),
    **dict.fromkeys(("decision_letter_raw", "author_response_raw", "license", "extraction_manifest_id"), _TEXT),
    **{"schema_version": _TEXT, "published_date": _DATE, "has_author_response": _FLAG, "revision_round": _ROUND},
    **{"subjects": _TEXTS, _SECTIONS: _ORDERED, "concerns": _STRUCTS},
}
_CONCERN = {
    **dict.fromkeys(("concern_id", "concern_text", "category", "severity"), _TEXT),
    **dict.fromkeys(("author_response_text", "author_stance"), _TEXT),
    **dict.fromkeys(("evidence_of_change", "raised_by_multiple", "requires_figure_reading"), _FLAG),
    **{"reviewer_num": _WHOLE, "resolution_confidence": _SHARE},
}


def read_parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (row number from 1, row). Raises DataError: the file cannot be read, unpacks to too much, or these columns
    have wrong types."""
    import pyarrow
    import pyarrow.parquet

    try:
        stored = _opened(path)
        schema = stored.schema_arrow
        _check_types(path, schema)
        is_struct = _SECTIONS in schema.names and pyarrow.types.is_struct(_plain_type(schema.field(_SECTIONS).type))
        number = 0
        for batch in _bounded_batches(stored, path):
            for row in batch.to_pylist():
                number += 1
                if is_struct and sum(text is not None for text in (row[_SECTIONS] or {}).values()) > 1:
                    _warn_of_order(path.parent)
                yield number, _row(row)
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"Cannot read {path}: {error}.", remedy="check the file") from error


def _opened(path: Path) -> pyarrow.parquet.ParquetFile:
    import pyarrow.parquet

    try:
        return pyarrow.parquet.ParquetFile(path, thrift_container_size_limit=_MOST_PARTS)
    except OSError as error:
        if "Exceeded size limit" in str(error):
            raise DataError(
                f"{printable(path, 400)} has more than {_MOST_PARTS:,} columns or row groups.",
                remedy="write it again with fewer, or as JSON Lines",
            ) from error
        raise


def read_column(path: Path, name: str) -> list[str]:
    """A column of strings, whole. Raises DataError: the file cannot be read, or has no such column."""
    import pyarrow
    import pyarrow.parquet

    try:
        stored = _opened(path)
        if name not in stored.schema_arrow.names:
            raise KeyError(name)
        found = [value for batch in _bounded_batches(stored, path, [name]) for value in batch[name].to_pylist()]
    except (OSError, KeyError, pyarrow.ArrowException) as error:
        raise DataError(
            f"Cannot read the column {name} of {path}: {printable(error)}.", remedy="check the file"
        ) from error
    if not all(isinstance(value, str) for value in found):
        raise DataError(f"{path}: the column {name} has values that are no strings.", remedy="check the file")
    return [str(value) for value in found]


def _bounded_batches(
    stored: pyarrow.parquet.ParquetFile, path: Path, columns: Sequence[str] | None = None
) -> Iterator[pyarrow.RecordBatch]:
    """The rows of a file, some at a time. Raises DataError when a row, or all of them, unpack to too much."""
    most = max(_MOST_BYTES, _MOST_TIMES * path.stat().st_size)
    metadata = stored.metadata
    if sum(metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups)) > most:
        raise _too_much(path, most)
    read = before = 0
    for batch in stored.iter_batches(batch_size=_BATCH, columns=columns):
        size = _unpacked_row_bytes(batch)
        read += size
        if read > most:
            raise _too_much(path, most)
        if size <= LONGEST_ARTICLE:
            yield batch
        else:
            yield from _rows_of(batch, path, before)
        before += batch.num_rows


def _rows_of(batch: pyarrow.RecordBatch, path: Path, before: int) -> Iterator[pyarrow.RecordBatch]:
    """Each row by itself: together they may be too large."""
    for number in range(batch.num_rows):
        row = batch.slice(number, 1)
        size = _unpacked_row_bytes(row)
        if size > LONGEST_ARTICLE:
            raise DataError(
                f"{path}:{before + number + 1}: the row has {size:,} bytes; at most {LONGEST_ARTICLE:,} are read.",
                remedy="leave this row out",
            )
        yield row


def _unpacked_row_bytes(batch: pyarrow.RecordBatch) -> int:
    return sum(_unpacked_bytes(column) for column in batch.columns)


def _unpacked_bytes(array: Any) -> int:
    """Bytes of all values of an Arrow array; those of a dictionary as often as they are used."""
    from pyarrow import ExtensionArray, compute, types

    if isinstance(array, ExtensionArray):
        return _unpacked_bytes(array.storage)
    kind = array.type
    if types.is_dictionary(kind):
        values = array.dictionary
        if not (types.is_string(kind.value_type) or types.is_large_string(kind.value_type)):
            return int(values.nbytes if types.is_nested(kind.value_type) else array.nbytes)
        return int(compute.sum(compute.binary_length(values).take(array.indices)).as_py() or 0)
    if types.is_struct(kind):
        return sum(_unpacked_bytes(part) for part in array.flatten())
    if types.is_map(kind):
        first, last = array.offsets[0].as_py(), array.offsets[-1].as_py()
        return sum(_unpacked_bytes(part.slice(first, last - first)) for part in (array.keys, array.items))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _unpacked_bytes(array.flatten())
    return int(array.nbytes)


def _too_much(path: Path, most: int) -> DataError:
    return DataError(
        f"{path} unpacks to more than {most / 2**20:,.0f} MiB, the most that is read of a file of its size.",
        remedy="write it again as several files, or as JSON Lines",
    )


@cache  # once in a process, however many files and splits of a folder are read
def _warn_of_order(folder: Path) -> None:
    getLogger(__name__).warning(
        f"{folder}: the sections are a struct, which has one order for all articles, so that of each article's own "
        "sections is lost. The echo control, transforms that read articles and reviewers see this order; references "
        "and fingerprint are the same. "
        f"Next: write {_SECTIONS} as {_ORDERED} (docs/what-the-number-means.md)"
    )


def _check_types(path: Path, schema: Any) -> None:
    fields = [(field.name, field.type, _COLUMNS.get(field.name)) for field in schema]
    for field in schema:
        if field.name == "concerns" and _fits(_STRUCTS, field.type):
            inner = _concern_fields(_plain_type(field.type))
            fields += [(f"concerns.{part.name}", part.type, _CONCERN.get(part.name)) for part in inner]
    wrong = [
        f"  column {printable(name)} is {printable(kind)}; {wanted} is wanted"
        for name, kind, wanted in fields
        if wanted is not None and not _fits(wanted, kind)
    ]
    if wrong:
        columns = "1 column has" if len(wrong) == 1 else f"{len(wrong)} columns have"
        listed = "\n".join(wrong)
        raise DataError(f"{path}: {columns} a type that is not read.\n{listed}", remedy="write these in the type named")


def _concern_fields(kind: Any) -> list[Any]:
    from pyarrow import types

    inner = None if types.is_null(kind) else _plain_type(kind.value_type)
    return list(inner) if inner is not None and types.is_struct(inner) else []


def _fits(wanted: str, kind: Any) -> bool:
    """True when a column of this Arrow type can be read as what is wanted; one without any value always can."""
    from pyarrow import types

    kind = _plain_type(kind)
    if types.is_null(kind):
        return True
    if wanted == _TEXTS:
        return _is_list(kind) and _fits(_TEXT, kind.value_type)
    if wanted == _STRUCTS:
        return _is_list(kind) and _is_struct_or_empty(_plain_type(kind.value_type))
    if wanted == _ORDERED:
        return _is_sections(kind)
    text, number = _is_text(kind), types.is_integer(kind) or types.is_floating(kind)
    fits = {
        _TEXT: text,
        _DATE: text or types.is_date(kind) or types.is_timestamp(kind),
        _FLAG: types.is_boolean(kind),
        _WHOLE: number,
        _ROUND: number or text,
        _SHARE: number or types.is_decimal(kind),
    }
    return bool(fits[wanted])


def _is_sections(kind: Any) -> bool:
    from pyarrow import types

    if types.is_map(kind):
        return _fits(_TEXT, kind.key_type) and _fits(_TEXT, kind.item_type)
    in_list = _is_list(kind)
    kind = _plain_type(kind.value_type) if in_list else kind
    if not types.is_struct(kind) or not all(_fits(_TEXT, field.type) for field in kind):
        return False
    return not in_list or {field.name for field in kind} in ({"heading", "text"}, {"key", "value"})


def _is_struct_or_empty(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_struct(kind) or types.is_null(kind))


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _plain_type(kind: Any) -> Any:
    """The type of the values: what a dictionary (a category) or an extension type stores."""
    from pyarrow import BaseExtensionType, types

    if isinstance(kind, BaseExtensionType):
        return _plain_type(kind.storage_type)
    return _plain_type(kind.value_type) if types.is_dictionary(kind) else kind


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: _value(value) for name, value in row.items()}
    if "revision_round" in found:
        found["revision_round"] = _whole(found["revision_round"])
    for concern in found.get("concerns") or ():
        if concern and "reviewer_num" in concern:
            concern["reviewer_num"] = _whole(concern["reviewer_num"])
    return found


def _value(value: Any) -> Any:
    """As JSON would have it: dates as ISO 8601, a timestamp at midnight as its date."""
    if isinstance(value, datetime):
        return (value.date() if value.time() == time() else value).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _value(inner) for name, inner in value.items()}
    return [_value(inner) for inner in value] if isinstance(value, list | tuple) else value


def _whole(value: Any) -> Any:
    """2 for 2.0: a writer without a null among whole numbers makes them floats, and the absent one NaN."""
    if not isinstance(value, float):
        return value
    if value != value:
        return None
    return int(value) if value.is_integer() else value
