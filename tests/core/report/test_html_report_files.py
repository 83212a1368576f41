"""The HTML report of a result read back from a file, and how large the file of the frozen split becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bioreview_bench import Contract, load_result, score
from bioreview_bench.data.predictions import as_predictions
from bioreview_bench.data.split import Split
from bioreview_bench.report.html import render

DEMO = Contract.load("demo")


def test_a_result_just_made_and_one_read_back_print_alike(make_article: Callable[..., Any], tmp_path: Path) -> None:
    # Overlaps of k of 80 words: many lie half-way between two thousandths, where the file's float32 decides.
    words = [f"word{number}" for number in range(80)]
    written = {"elife:1": [" ".join(words[:k]) for k in range(1, 80)]}
    article = make_article("elife:1", [" ".join(words)])
    found = score([article], written, Contract.load("jaccard"), draws=0, controls="basic")
    assert render(found) == render(load_result(found.save(tmp_path / "r.result.json")))


def test_the_frozen_test_split_stays_within_its_size(make_article: Callable[..., Any], hash_encoder: Any) -> None:
    """981 articles with 14 references and 12 predictions of 280 characters, as v3 test has them."""

    def texts(number: int, side: str, count: int) -> list[Any]:
        return [
            {"concern_text" if side == "reference" else "text": f"{side} {number} {place} ".ljust(280, "x")}
            for place in range(count)
        ]

    articles = [make_article(f"elife:{10_000 + number}", texts(number, "reference", 14)) for number in range(981)]
    split = Split.of(articles)
    written = as_predictions(
        {article.id: texts(number, "prediction", 12) for number, article in enumerate(articles)}, split
    )
    hash_encoder.dimensions = 8
    found = score(split, written, replace(DEMO, threshold=0.6, null=1), hash_encoder, draws=0)
    assert len(render(found).encode()) < 5_000_000
    assert len(render(found, written, split).encode()) < 15_000_000
