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
