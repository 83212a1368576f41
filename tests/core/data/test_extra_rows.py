"""Rows for articles outside the split are counted in little memory, and two of one id are still an error."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.predictions import read_predictions
from bioreview_bench.errors import InputError


def test_rows_of_other_articles_are_counted_without_being_kept(
    write_jsonl: Callable[..., Path], make_article: Callable[..., Any]
) -> None:
    rows = [{"article_id": f"elife:{number}", "concerns": ["x" * 10_000]} for number in range(300)]
    path = write_jsonl(rows)
    tracemalloc.start()
    found = read_predictions(path, [make_article("elife:7")], allow_extra=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (list(found), found.n_extra_ignored) == (["elife:7"], 299)
    assert peak < 1_000_000, "300 rows of 10,000 characters went by"


def test_two_rows_of_one_other_article_are_an_error_though_neither_counts(
    write_jsonl: Callable[..., Path], make_article: Callable[..., Any]
) -> None:
    row = {"article_id": "f1000:10.12688/x", "concerns": []}
    again = {"article_id": "f1000:10.12688_x", "concerns": []}
    path = write_jsonl(
        [row, {"article_id": "elife:7", "concerns": ["a"]}, again, {"article_id": "elife:8", "concerns": []}]
    )
    with pytest.raises(InputError) as caught:
        read_predictions(path, [make_article("elife:7")], allow_extra=True)
    assert [str(problem) for problem in caught.value.problems] == [
        'line 3: a second row for "f1000:10.12688_x" (first on line 1)'
    ]
