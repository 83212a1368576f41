"""A small result with the predictions and articles that it was made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Contract, Result, read_predictions, score
from bioreview_bench.data.predictions import Predictions
from bioreview_bench.data.split import Split
from bioreview_bench.results.records import System

DEMO = Contract.load("demo")


@pytest.fixture
def split(make_article: Callable[..., Any]) -> Split:
    """Four articles of two references each, with words that occur nowhere else."""
    articles = [
        make_article(
            f"elife:{number}",
            [f"first secret {number}", {"concern_text": f"second secret {number}", "category": "interpretation"}],
            title=f"Private title {number}",
        )
        for number in range(4)
    ]
    return Split.of(articles, "local", "test")


@pytest.fixture
def predictions_file(write_jsonl: Callable[..., Path]) -> Path:
    rows = [
        {
            "article_id": f"elife:{number}",
            "concerns": [{"text": f"first secret {number}", "category": "design_flaw"}, "written by the machine"],
        }
        for number in range(3)
    ]
    return write_jsonl(rows)


@pytest.fixture
def predictions(predictions_file: Path, split: Split) -> Predictions:
    return read_predictions(predictions_file, split)


@pytest.fixture
def result(split: Split, predictions: Predictions, hash_encoder: Any) -> Result:
    return score(split, predictions, DEMO, hash_encoder, draws=100, system=System(name="Example", version="2"))
