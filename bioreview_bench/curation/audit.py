"""Audit of a data set: what would make a score on it mean less than it seems.

Manuscripts in two splits or in another release, references said twice, splits whose labels differ, test articles that a
model can have read. What is wrong with single rows is `lint`'s.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bioreview_bench.curation.families import links, words
from bioreview_bench.curation.split.make import UNKNOWN, published_after, year
from bioreview_bench.data.article import Article

DUPLICATE, DUPLICATE_WORDS = 0.8, 5  # Jaccard similarity of the words of two concerns of one article
LABELS = ("source", "review_format", "category", "severity")


@dataclass(frozen=True)
class SharedManuscript:
    """Two articles of one family in two groups (splits, or a split and another release)."""

    first_group: str
    first_id: str
    second_group: str
    second_id: str
    why: str


@dataclass(frozen=True)
class RepeatedConcern:
    """Two concerns of one article that say the same in nearly the same words."""

    group: str
    article_id: str
    first: str
    second: str
    similarity: float


@dataclass(frozen=True)
class SplitDates:
    """When the articles of a split appeared; `after_cutoff` is None without a cut-off."""

    first: str | None
    last: str | None
    n_without: int
    after_cutoff: int | None


@dataclass
class AuditReport:
    """Everything found. `shares` is group -> field -> value -> share of its articles or concerns."""

    n_articles: dict[str, int] = field(default_factory=dict)
    shared: list[SharedManuscript] = field(default_factory=list)
    repeated: list[RepeatedConcern] = field(default_factory=list)
    common_concerns: int = 0
    shares: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    distances: dict[str, dict[str, float]] = field(default_factory=dict)
    dates: dict[str, SplitDates] = field(default_factory=dict)

    @property
    def leaks(self) -> bool:
        """True when a manuscript is in two groups."""
        return bool(self.shared)


def audit(groups: Mapping[str, Sequence[Article]], own: Sequence[str], cutoff: str | None = None) -> AuditReport:
    """Audit the groups named in `own`, against each other and against the other groups.

    `cutoff` (YYYY-MM-DD) is the last day of a model's training data. An id that stands in two groups is shared too.
    """
    report = AuditReport({name: len(members) for name, members in groups.items()})
    report.shared = _shared(groups, frozenset(own))
    texts: dict[str, set[str]] = defaultdict(set)
    for name in own:
        for article in groups[name]:
            report.repeated += _repeated(name, article)
            for concern in article.concerns:
                texts[concern.text.casefold()].add(article.id)
        report.shares[name] = {label: _share(groups[name], label) for label in LABELS}
        report.dates[name] = _dates(groups[name], cutoff)
    report.common_concerns = sum(len(ids) > 1 for ids in texts.values())
    everything = [article for name in own for article in groups[name]]
    whole = {label: _share(everything, label) for label in LABELS}
    report.distances = {
        name: {label: _distance(shares[label], whole[label]) for label in LABELS}
        for name, shares in report.shares.items()
    }
    return report


def _shared(groups: Mapping[str, Sequence[Article]], own: frozenset[str]) -> list[SharedManuscript]:
    placed = [(name, article) for name, members in groups.items() for article in members]
    found = []
    for link in links([article for _, article in placed]):
        (one, first), (other, second) = placed[link.first], placed[link.second]
        if one != other and (one in own or other in own):
            why = "the same article" if first.id == second.id else link.why
            found.append(SharedManuscript(one, first.id, other, second.id, why))
    return found


def _repeated(group: str, article: Article) -> Iterator[RepeatedConcern]:
    said = [(concern.concern_id, frozenset(words(concern.text))) for concern in article.concerns]
    for (first, mine), (second, theirs) in itertools.combinations(said, 2):
        either = len(mine | theirs)
        similarity = len(mine & theirs) / either if either else 0.0
        if similarity == 1 or (similarity >= DUPLICATE and min(len(mine), len(theirs)) >= DUPLICATE_WORDS):
            yield RepeatedConcern(group, article.id, first, second, similarity)


def _share(articles: Sequence[Article], label: str) -> dict[str, float]:
    if label in ("category", "severity"):
        values = [getattr(concern, label) or "none" for article in articles for concern in article.concerns]
    else:
        values = [getattr(article, label) or "none" for article in articles]
    return {value: count / len(values) for value, count in sorted(Counter(values).items())}


def _distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Total variation: half the sum of the differences, 0 for the same shares and 1 for disjoint ones."""
    return sum(abs(one.get(value, 0) - other.get(value, 0)) for value in sorted({*one, *other})) / 2


def _dates(articles: Sequence[Article], cutoff: str | None) -> SplitDates:
    known = sorted(
        article.published_date for article in articles if article.published_date and year(article) != UNKNOWN
    )
    after = None if cutoff is None else sum(published_after(article, cutoff) for article in articles)
    return SplitDates(known[0] if known else None, known[-1] if known else None, len(articles) - len(known), after)
