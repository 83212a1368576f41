"""Articles, predictions and vectors made up for timing: seeded, of the v3 test's size and proportions.

Texts are words of the demo articles, about 42 a concern. Vectors can be put into the cache without an encoder, so that
scoring can be timed at sizes that nobody would encode for it; an article's vectors share a direction, as real ones do.
"""

from __future__ import annotations

import json
import os
import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from bioreview_bench.scoring.texts import Case

# The v3 test split: articles by source; references and predictions an article.
SOURCES = {"f1000": 403, "elife": 273, "plos": 260, "peerj": 37, "nature": 8}
ARTICLES = sum(SOURCES.values())
REFERENCES, PREDICTIONS, WORDS = 13_900 / ARTICLES, 13_300 / ARTICLES, 42
CATEGORIES = ("design_flaw", "interpretation", "missing_experiment", "writing_clarity", "statistical_methodology")


@dataclass(frozen=True)
class Size:
    """How much is made: `spread` is the standard deviation of concerns an article, `sentences` those of a paper."""

    articles: int = ARTICLES
    references: float = REFERENCES
    predictions: float = PREDICTIONS
    spread: float = 3
    sentences: int = 340  # 45 kB of text, the mean of the eLife pilot


class Writer:
    """Draws texts from the words of the demo articles."""

    def __init__(self, seed: int = 7) -> None:
        from bioreview_bench import load_split

        texts = [text for article in load_split("demo", "all") for text in article.sections.values()]
        self._words = sorted({word for text in texts for word in re.findall(r"[A-Za-z]+", text)})
        self.rng = random.Random(seed)  # noqa: S311 (synthetic data)

    def text(self, words: int = WORDS) -> str:
        """One sentence of about `words` words."""
        n = max(5, round(self.rng.gauss(words, words / 4)))
        return " ".join(self.rng.choices(self._words, k=n)).capitalize() + "."

    def count(self, mean: float, spread: float) -> int:
        """A number of concerns, at least 1."""
        return max(1, round(self.rng.gauss(mean, spread)))


def build(folder: Path, size: Size) -> Path:
    """Write test.jsonl and predictions.jsonl into `folder`; returns the predictions file."""
    writer = Writer()
    sources = writer.rng.choices(list(SOURCES), weights=list(SOURCES.values()), k=size.articles)
    predictions = folder / "predictions.jsonl"
    with (folder / "test.jsonl").open("w") as articles, predictions.open("w") as predicted:
        for number, source in enumerate(sources):
            name = f"{source}:{number}"
            articles.write(json.dumps(_article(writer, name, source, size)) + "\n")
            concerns = [writer.text() for _ in range(writer.count(size.predictions, size.spread))]
            predicted.write(json.dumps({"article_id": name, "concerns": concerns}) + "\n")
    return predictions


@contextmanager
def cached_folder(articles: int) -> Iterator[tuple[Path, Path]]:
    """(folder, predictions) of so many articles, with a cache of its own that has every vector."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["BIOREVIEW_CACHE"] = str(folder / "cache")
        predictions = build(folder, Size(articles=articles))
        fill_cache(folder, predictions)
        yield folder, predictions


def fill_cache(folder: Path, predictions: Path, contract_name: str = "demo", dimensions: int = 384) -> int:
    """Put a vector of every text that scoring wants into the cache; returns how many."""
    from bioreview_bench import Contract, load_split, read_predictions
    from bioreview_bench.encoders.cache import VectorCache
    from bioreview_bench.encoders.files import resolve
    from bioreview_bench.encoders.model import LocalEncoder
    from bioreview_bench.files.paths import vectors_root
    from bioreview_bench.scoring.texts import TextPool, cases

    contract = Contract.load(contract_name)
    encoder = LocalEncoder(resolve(contract), contract.max_length or 0)
    cache = VectorCache(vectors_root(), encoder.identity)
    articles = load_split(folder, "test")
    rng = np.random.default_rng(11)
    stored = 0
    for texts in _texts(cases(articles, read_predictions(predictions, articles), contract, TextPool())):
        subject = rng.standard_normal(dimensions)
        rows = 0.7 * subject + rng.standard_normal((len(texts), dimensions))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        cache.put(texts, rows.astype(np.float32))
        stored += len(texts)
    return stored


def _texts(case_list: Sequence[Case]) -> Iterator[list[str]]:
    from bioreview_bench.controls.reviewers import SCORED_CONTROLS

    for case in case_list:
        texts = [concern.text for concern in (*case.references, *case.predictions)]
        for write in SCORED_CONTROLS.values():
            texts += write(case.article)
        yield sorted(set(texts))


def _article(writer: Writer, name: str, source: str, size: Size) -> dict[str, object]:
    concerns = [
        {
            "concern_id": f"{name}:R1C{number}",
            "concern_text": writer.text(),
            "category": writer.rng.choice(CATEGORIES),
            "severity": "major",
        }
        for number in range(writer.count(size.references, size.spread))
    ]
    body = {"results": " ".join(writer.text(18) for _ in range(size.sentences))}
    return {"id": name, "source": source, "paper_text_sections": body, "concerns": concerns}
