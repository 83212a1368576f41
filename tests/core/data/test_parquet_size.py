"""Small Parquet files that stand for gigabytes are refused before they are unpacked."""

from __future__ import annotations

import tracemalloc
from collections import deque
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bioreview_bench.errors import DataError
from bioreview_bench.files import parquet
from bioreview_bench.files.parquet import read_column, read_parquet

N = 2_000
MEGABYTE = "x" * 2**20


def written(tmp_path: Path, n: int, **columns: Any) -> Path:
    path = tmp_path / "a.parquet"
    ids = pa.array([f"zoo:{number}" for number in range(n)])
    pq.write_table(pa.table({"id": ids, "source": ["zoo"] * n, **columns}), path, compression="zstd")
    assert path.stat().st_size < 2**20
    return path


def repeated(n: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array([MEGABYTE]))


def test_a_value_that_a_dictionary_repeats_counts_as_often_as_it_stands(tmp_path: Path) -> None:
    path = written(tmp_path, N, abstract=repeated(N))
    tracemalloc.start()
    with pytest.raises(DataError, match="unpacks to more than 1,024 MiB"):
        deque(read_parquet(path), maxlen=1)
    assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    tracemalloc.stop()


def test_a_dictionary_within_a_list_counts_too(tmp_path: Path) -> None:
    listed = pa.ListArray.from_arrays(pa.array(range(N + 1), pa.int32()), repeated(N))
    with pytest.raises(DataError, match="unpacks to more than"):
        deque(read_parquet(written(tmp_path, N, subjects=listed)), maxlen=1)


def test_the_ids_of_an_index_are_bounded_too(tmp_path: Path) -> None:
    path = tmp_path / "index.parquet"
    pq.write_table(pa.table({"id": repeated(N)}), path)
    with pytest.raises(DataError, match="unpacks to more than"):
        read_column(path, "id")


@pytest.mark.parametrize(
    "column",
    [
        {"abstract": ["short", "y" * 17 * 2**20]},
        {"subjects": [["short"], ["z"] * 4 * 2**20]},
        {"paper_text_sections": pa.array([[("A", "b")], [("A", "w" * 17 * 2**20)]], pa.map_(pa.string(), pa.string()))},
    ],
    ids=["text", "list", "map"],
)
def test_a_row_has_the_limit_of_a_line(tmp_path: Path, column: dict[str, Any]) -> None:
    path = written(tmp_path, 2, **column)
    with pytest.raises(DataError, match=r"a\.parquet:2: the row has [0-9,]+ bytes; at most 16,777,216 are read"):
        list(read_parquet(path))


def test_many_long_rows_are_read_one_by_one(tmp_path: Path) -> None:
    rows = list(read_parquet(written(tmp_path, 40, abstract=repeated(40))))
    assert [number for number, _ in rows] == list(range(1, 41))
    assert all(row["abstract"] == MEGABYTE for _, row in rows)


def test_more_columns_or_row_groups_than_any_data_set_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_MOST_PARTS", 50)
    columns = written(tmp_path, 1, **{f"c{number}": [1] for number in range(60)})
    with pytest.raises(DataError, match="more than 50 columns or row groups"):
        list(read_parquet(columns))
    with pq.ParquetWriter(columns, pa.schema([("id", pa.string()), ("source", pa.string())])) as writer:
        for number in range(60):
            writer.write_table(pa.table({"id": [f"zoo:{number}"], "source": ["zoo"]}))
    with pytest.raises(DataError, match="more than 50 columns or row groups"):
        list(read_parquet(columns))
    with pytest.raises(DataError, match="more than 50 columns or row groups"):
        read_column(columns, "id")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Cannot read"),
        (b"hello" * 100, "not a parquet file"),
        (b"PAR1" + b"\0" * 100 + b"\xff\xff\xff\x7fPAR1", "smaller than the size reported"),
        (b"PAR1" + b"\xff" * 100 + b"\x64\0\0\0PAR1", "Cannot read"),
    ],
    ids=["empty", "another file", "a footer of two gigabytes", "a footer of noise"],
)
def test_what_is_no_parquet_is_said_with_its_name(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        list(read_parquet(path))
    assert "a.parquet" in str(caught.value)


def test_lists_in_lists_beyond_the_depth_of_any_data_are_refused(tmp_path: Path) -> None:
    kind, value = pa.string(), "x"
    for _ in range(200):
        kind, value = pa.list_(kind), [value]
    path = written(tmp_path, 1, deep=pa.array([value], kind))
    with pytest.raises(DataError, match="too deeply nested"):
        list(read_parquet(path))
