"""The pairs file: per prediction and per reference, what it was matched with and what came nearest.

Reports, sweeps and diagnoses read it. It holds no texts, only the sha256 of predicted ones. The other-article
similarities are a histogram in the file's metadata.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.errors import InputError

if TYPE_CHECKING:
    import pandas

_HISTOGRAM = b"other_article_histogram"

# `index` is the prediction's place among its article's usable concerns; in a reference row it is the matched
# prediction's, and `best_index` the nearest prediction's.
FIELDS = {
    "kind": "string",
    "article_id": "string",
    "index": "int32",
    "concern_id": "string",
    "similarity": "float32",
    "best_concern_id": "string",
    "best_index": "int32",
    "best_similarity": "float32",
    "second_concern_id": "string",
    "second_similarity": "float32",
    "category": "string",
    "severity": "string",
    "confidence": "float64",
    "reference_category": "string",
    "reference_severity": "string",
    "text_sha256": "string",
}


def pairs_frame(pairs: Sequence[Mapping[Any, Any]]) -> pandas.DataFrame:
    """The pairs as `read_pairs` gives them back: the same columns, order and types."""
    frame: pandas.DataFrame = _table(pairs).to_pandas()
    return frame


def pairs_bytes(pairs: Sequence[Mapping[Any, Any]], histogram: NDArray[np.int64]) -> bytes:
    """The content of a pairs file."""
    import pyarrow.parquet

    metadata = {_HISTOGRAM: json.dumps({"low": -1, "high": 1, "counts": histogram.tolist()}).encode()}
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(_table(pairs).replace_schema_metadata(metadata), buffer, compression="zstd")
    return buffer.getvalue()


def read_pairs(path: Path) -> tuple[pandas.DataFrame, NDArray[np.int64]]:
    """The pairs and the histogram of a pairs file. Raises InputError when it is none."""
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
        if set(table.column_names) != set(FIELDS):
            raise ValueError(f"its columns are {', '.join(table.column_names)}")
        histogram = json.loads(table.schema.metadata[_HISTOGRAM])["counts"]
    except (OSError, ValueError, KeyError, TypeError, pyarrow.ArrowException) as error:
        raise InputError(f"{path} is not a pairs file: {error}.", remedy="evaluate again with -o") from error
    return table.to_pandas(), np.array(histogram, np.int64)


def _table(pairs: Sequence[Mapping[Any, Any]]) -> Any:
    import pyarrow

    schema = pyarrow.schema([(name, pyarrow.type_for_alias(kind)) for name, kind in FIELDS.items()])
    return pyarrow.table({name: [plain(pair.get(name)) for pair in pairs] for name in FIELDS}, schema=schema)


def plain(value: Any) -> Any:
    """None for the missing values of a pandas column."""
    return None if value is None or value != value else value
