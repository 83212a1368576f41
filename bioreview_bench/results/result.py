"""A Result: the record, the table it was computed from, and the pairs behind it. Saving and loading.

`R.result.json` holds record and table, `R.pairs.parquet` beside it the pairs. Both are written whole or not at
all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from bioreview_bench.data.load import bundled_data
from bioreview_bench.errors import InputError, printable, reasons
from bioreview_bench.files.atomic import write_files
from bioreview_bench.files.reading import read_json
from bioreview_bench.files.recognise import RESULT, require_kind
from bioreview_bench.results.counts import ArticleCounts
from bioreview_bench.results.legacy import HistoricResult, is_historic
from bioreview_bench.results.pairs import pairs_bytes, pairs_frame, read_pairs
from bioreview_bench.results.records import ResultRecord

if TYPE_CHECKING:
    import pandas

RESULT_SUFFIX = ".result.json"
_NEXT = 'result.table("category"), result.pairs, result.save("mine.result.json")'


class Result:
    """One score with everything it was made of. Made by `score` and `load_result`."""

    reported = False

    def __init__(
        self,
        record: ResultRecord,
        counts: ArticleCounts,
        pairs: Sequence[dict[str, Any]] | None = None,
        other_article_histogram: NDArray[np.int64] | None = None,
        *,
        pairs_path: Path | None = None,
    ) -> None:
        self.record = record
        self.counts = counts
        self._pairs = pairs
        self._histogram = other_article_histogram
        self._pairs_path = pairs_path

    @property
    def signature(self) -> str:
        """What the score may be compared with: results of equal signature only."""
        return self.record.signature

    @property
    def f1(self) -> float | None:
        """Micro F1 over all articles."""
        return self.record.overall.f1

    @property
    def recall(self) -> float | None:
        """Share of the references that were matched."""
        return self.record.overall.recall

    @property
    def precision(self) -> float | None:
        """Share of the predictions that were matched."""
        return self.record.overall.precision

    @property
    def skill(self) -> float | None:
        """Of the matches that predictions for other articles leave open, the share made; None when saturated."""
        return self.record.controls.skill

    def table(self, by: str) -> pandas.DataFrame:
        """Figures by `category`, `severity` or `source`, one row each, with the bounds of their 95% intervals.

        Or by `threshold`, for a result that was scored with a sweep. Raises InputError for any other name.
        """
        from bioreview_bench.results.tables import table

        return table(self.record, by)

    def __repr__(self) -> str:
        data, name, f1 = self.record.data, printable(self.record.system.name), self.f1
        shown = "undefined" if f1 is None else f"{f1:.3f}"
        return f"<Result: {name} on {printable(f'{data.name}/{data.split}')}, F1 {shown}>"

    def __str__(self) -> str:
        """The verdict: what must be known before the score is quoted, in at most twelve lines."""
        from bioreview_bench.report.verdict import as_text

        return as_text(self.record, _NEXT)

    def _repr_html_(self) -> str:
        from bioreview_bench.report.verdict import as_html

        return as_html(self.record)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as in the result file."""
        return self.record.model_dump(mode="json")

    @cached_property
    def articles(self) -> pandas.DataFrame:
        """The ArticleCounts table: one row for each article."""
        return self.counts.to_frame()

    @cached_property
    def pairs(self) -> pandas.DataFrame:
        """One row for each prediction and each reference, with its match and nearest counterparts.

        Raises InputError when the pairs file that belongs to a loaded result is not there.
        """
        if self._pairs is not None:
            return pairs_frame(self._pairs)
        return self._stored()[0]

    @cached_property
    def other_article_histogram(self) -> NDArray[np.int64]:
        """Similarities of all other-article pairs, counted in bins of width 0.01 from -1 to 1."""
        return self._histogram if self._histogram is not None else self._stored()[1]

    def save(self, path: str | Path) -> Path:
        """Write `path` and the pairs beside it, both or neither. Returns `path`. Raises WriteError."""
        path = Path(path)
        pairs: Sequence[Mapping[Any, Any]] = self._pairs if self._pairs is not None else self.pairs.to_dict("records")
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        write_files({pairs_path(path): pairs_bytes(pairs, self.other_article_histogram), path: text.encode("utf-8")})
        return path

    def _stored(self) -> tuple[pandas.DataFrame, NDArray[np.int64]]:
        if self._pairs_path is None or not self._pairs_path.is_file():
            raise InputError(
                f"The pairs of this result are not at {self._pairs_path}.",
                remedy="keep R.pairs.parquet next to R.result.json, or evaluate again with -o",
            )
        return read_pairs(self._pairs_path)


def pairs_path(path: Path) -> Path:
    """Where the pairs of the result at `path` are."""
    name = path.name
    stem = name.removesuffix(RESULT_SUFFIX) if name.endswith(RESULT_SUFFIX) else name.removesuffix(".json")
    return path.with_name(f"{stem}.pairs.parquet")


def load_result(path: str | Path) -> Result | HistoricResult:
    """Read a result file, or a record that a predecessor published (then a HistoricResult).

    Raises InputError for anything else.

    >>> import tempfile
    >>> from bioreview_bench import Contract, load_split, score
    >>> result = score(load_split("demo", "test"), {}, Contract.load("jaccard"), draws=0)
    >>> load_result(result.save(Path(tempfile.mkdtemp()) / "mine.result.json")).signature == result.signature
    True
    """
    path = Path(path)
    bundled = None if path.exists() else bundled_data(str(path))
    if bundled is not None:
        made = f"{bundled}-{path.name.partition(':')[2] or 'NAME'}.result.json"
        raise InputError(
            f"{printable(path)} names predictions, not a result.",
            remedy=f"score them: bench evaluate {printable(path)} -o {printable(made)}",
        )
    require_kind(path, RESULT)
    value = read_json(path, InputError, "check the path")
    if is_historic(value):
        return HistoricResult.from_record(value, str(path))
    try:
        record = ResultRecord.model_validate(value)
    except ValidationError as error:
        raise InputError(
            f"{path} is not a result file: {'; '.join(reasons(error))}.", remedy="bench schema result"
        ) from error
    try:
        counts = ArticleCounts.from_rows(record.articles)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: its articles are not a table of counts ({error!r}).", remedy="evaluate again"
        ) from error
    return Result(record, counts, pairs_path=pairs_path(path))
