"""Scoring with vectors at hand: the v3 test's size, and curves over articles and over concerns an article."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from synthetic import ARTICLES, CATEGORIES, SOURCES, cached_folder
from timing import Row, peak_mb, timed


def scoring(quick: bool) -> list[Row]:
    """Matching, controls and 10,000 draws at the v3 test's size, all vectors cached."""
    from bioreview_bench import Contract, load_split, read_predictions, score

    articles = 60 if quick else ARTICLES
    with cached_folder(articles) as (folder, predictions):
        split = load_split(folder, "test")
        rows, contract = read_predictions(predictions, split), Contract.load("demo")
        first = timed(lambda: score(split, rows, contract))
        again = timed(lambda: score(split, rows, contract))
    return [
        Row(f"score {articles} articles, controls matched, 10,000 draws", f"{first:.2f} s", "limit 2 s at 981"),
        Row("the same again (counts of controls stored)", f"{again:.2f} s", f"{first / again:.2f}x"),
        Row("peak memory", f"{peak_mb():.0f} MB", "limit 1,000 MB"),
    ]


def curve_articles(quick: bool) -> list[Row]:
    """1,000 to 100,000 articles of 14 references and 14 predictions."""
    sizes = (100, 300) if quick else (1_000, 10_000, 100_000)
    return list(_curve([(n, 14) for n in sizes], "articles"))


def curve_concerns(quick: bool) -> list[Row]:
    """10 to 1,000 concerns an article, in 20 articles."""
    sizes = (10, 100) if quick else (10, 100, 1_000)
    return list(_curve([(20, n) for n in sizes], "concerns"))


def _curve(sizes: Sequence[tuple[int, int]], axis: str) -> Iterator[Row]:
    from bioreview_bench import Contract, score

    before: tuple[int, float] | None = None
    for n_articles, n_concerns in sizes:
        articles, predictions = _made(n_articles, n_concerns)
        taken = timed(partial(score, articles, predictions, Contract.load("demo"), Table()))
        size = n_articles if axis == "articles" else n_concerns
        growth = "" if before is None else f"{taken / before[1]:.1f}x the time for {size / before[0]:.0f}x"
        yield Row(
            f"{n_articles:,} articles, {n_concerns:,} concerns each side", f"{taken:.2f} s, {peak_mb():,.0f} MB", growth
        )
        before = size, taken


class Table:
    """Stands for an encoder whose vectors are at hand: a text's checksum picks one of 65,536 vectors."""

    id = "table"

    def __init__(self, dimensions: int = 384) -> None:
        rng = np.random.default_rng(5)
        rows = 0.7 * rng.standard_normal(dimensions) + rng.standard_normal((1 << 16, dimensions))
        self._rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) unit vectors."""
        return self._rows[[zlib.crc32(text.encode()) & 0xFFFF for text in texts]]


def _made(n_articles: int, n_concerns: int) -> tuple[list[Any], dict[str, list[str]]]:
    from bioreview_bench import Article

    sources = list(SOURCES)
    articles, predictions = [], {}
    for number in range(n_articles):
        source = sources[number % len(sources)]
        name = f"{source}:{number}"
        concerns = [
            {
                "concern_id": f"{name}:R1C{c}",
                "concern_text": f"reference {c} of {name}",
                "category": CATEGORIES[c % len(CATEGORIES)],
                "severity": "major",
            }
            for c in range(n_concerns)
        ]
        articles.append(Article.model_validate({"id": name, "source": source, "concerns": concerns}))
        predictions[name] = [f"prediction {c} of {name}" for c in range(n_concerns)]
    return articles, predictions
