"""What a data set consists of: counts by field, lists and texts by length."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bioreview_bench.curation.split.make import year
from bioreview_bench.data.article import Article, Concern

UNKNOWN = "unknown"
LENGTHS = (1, 5, 10, 15, 20, 30, 50)  # references of an article: upper ends of bins, the last one open
WORDS = (10, 20, 40, 60, 100, 200)  # words of a concern


@dataclass(frozen=True)
class Spread:
    """Quantiles of a count, by the nearest rank; all 0 for no values."""

    low: int
    median: int
    high: int


@dataclass(frozen=True)
class SplitStatistics:
    """One split. `of_*` is field -> value -> count; histograms count up to the end of each bin."""

    articles: int
    with_references: int
    references: int
    figure_references: int
    several_reviewers: int
    answered: int
    references_per_article: Spread
    words_per_concern: Spread
    of_articles: Mapping[str, Mapping[str, int]]
    of_references: Mapping[str, Mapping[str, int]]
    lengths: Sequence[int]
    words: Sequence[int]


_OF_ARTICLES: dict[str, Callable[[Article], object]] = {
    "source": lambda article: article.source,
    "year": year,
    "review format": lambda article: article.review_format,
    "licence": lambda article: article.license,
}
_OF_REFERENCES: dict[str, Callable[[Concern], object]] = {
    "category": lambda concern: concern.category,
    "severity": lambda concern: concern.severity,
    "stance": lambda concern: concern.author_stance,
    "was_valid": lambda concern: {True: "yes", False: "no", None: None}[concern.was_valid],
}


def statistics(articles: Sequence[Article]) -> SplitStatistics:
    """Count a split. Figure references are counted apart and in no other count of references."""
    usable = [[concern for concern in article.concerns if not concern.figure] for article in articles]
    references = [concern for concerns in usable for concern in concerns]
    n_words = [len(concern.text.split()) for concern in references]
    n_references = [len(concerns) for concerns in usable]
    return SplitStatistics(
        articles=len(articles),
        with_references=sum(map(bool, n_references)),
        references=len(references),
        figure_references=sum(concern.figure for article in articles for concern in article.concerns),
        several_reviewers=sum(len({c.reviewer_num for c in concerns} - {None}) > 1 for concerns in usable),
        answered=sum(bool(article.has_author_response) for article in articles),
        references_per_article=_spread(n_references),
        words_per_concern=_spread(n_words),
        of_articles={name: _counts(map(value, articles)) for name, value in _OF_ARTICLES.items()},
        of_references={name: _counts(map(value, references)) for name, value in _OF_REFERENCES.items()},
        lengths=_histogram(n_references, LENGTHS),
        words=_histogram(n_words, WORDS),
    )


def bin_names(ends: Sequence[int]) -> list[str]:
    """Bins as words, the last one open.

    >>> bin_names((1, 5, 10))
    ['0-1', '2-5', '6-10', '11 or more']
    """
    starts = [0, *(end + 1 for end in ends)]
    return [*(f"{start}-{end}" for start, end in zip(starts, ends, strict=False)), f"{starts[-1]} or more"]


def _histogram(values: Iterable[int], ends: Sequence[int]) -> list[int]:
    counts = [0] * (len(ends) + 1)
    for value in values:
        counts[next((place for place, end in enumerate(ends) if value <= end), len(ends))] += 1
    return counts


def _counts(values: Iterable[object]) -> dict[str, int]:
    counted = Counter(UNKNOWN if value is None else str(value) for value in values)
    return dict(sorted(counted.items()))


def _spread(values: Sequence[int]) -> Spread:
    ordered = sorted(values)
    if not ordered:
        return Spread(0, 0, 0)
    return Spread(*(ordered[max(0, math.ceil(share * len(ordered)) - 1)] for share in (0.05, 0.5, 0.95)))
