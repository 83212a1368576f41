"""A split: its articles, their fingerprint, what they are called, and how far that name has been checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, overload

from bioreview_bench.data.article import Article
from bioreview_bench.errors import DataError, InputError, printable

# "contents": every file has the recorded sha256. "counts": only the manifest's counts agree.
# "bundled": invented data of this package. "none": nobody vouches for these articles.
Verification = Literal["contents", "counts", "bundled", "none"]

LOCAL = "local"


@dataclass(frozen=True)
class Split(Sequence[Article]):
    """Articles in file order. `data` is a released version, bundled data ("demo", "known"), or else "local".

    `near_misses` is the file of near misses that the data set ships.
    """

    articles: tuple[Article, ...]
    data: str
    name: str
    fingerprint: str
    verification: Verification = "none"
    held_out: bool = False
    known_ids: tuple[str, ...] = ()
    limited: bool = False
    near_misses: Path | None = None

    @classmethod
    def of(cls, articles: Iterable[Article], data: str = LOCAL, name: str = "-", **checked: Any) -> Split:
        """Name a collection of articles. Raises InputError when two share an id."""
        members = tuple(articles)
        ids = tuple(article.id for article in members)
        if len(set(ids)) != len(ids):
            repeated = sorted({article_id for article_id in ids if ids.count(article_id) > 1})
            raise InputError(f"Articles share an id: {', '.join(repeated[:5])}.", remedy="keep one article for each id")
        return cls(members, data, name, fingerprint(members), known_ids=ids, **checked)

    def first(self, n: int) -> Split:
        """The first `n` articles under the same name; predictions for the rest stay known."""
        if n < 1:
            raise InputError(f"A limit of {n} articles leaves nothing to score.", remedy="use --limit 1 or more")
        return replace(self, articles=self.articles[:n], limited=True)

    @property
    def label(self) -> str:
        """The data part of a signature: `v3/test#0123456789ab`, with `[:N]` when only the first N are used."""
        cut = f"[:{len(self)}]" if self.limited else ""
        return f"{self.data}/{self.name}#{self.fingerprint}{cut}"

    @overload
    def __getitem__(self, index: int) -> Article: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Article]: ...
    def __getitem__(self, index: int | slice) -> Article | Sequence[Article]:
        return self.articles[index]

    def __len__(self) -> int:
        return len(self.articles)

    def __iter__(self) -> Iterator[Article]:
        return iter(self.articles)


def fingerprint(articles: Iterable[Article]) -> str:
    """First 12 hex digits of the sha256 of the references in canonical JSON (scoring specification, section 6).

    All concerns enter, figure ones too, in file order; articles are sorted by id.

    >>> from bioreview_bench import load_split
    >>> fingerprint(load_split("demo", "test"))
    '2dc7cdf65777'
    """
    rows = [
        {
            "id": article.id,
            "source": article.source,
            "concerns": [
                {
                    "id": concern.concern_id,
                    "text": concern.text,
                    "category": concern.category,
                    "severity": concern.severity,
                    "figure": concern.figure,
                }
                for concern in article.concerns
            ],
        }
        for article in sorted(articles, key=lambda article: article.id)
    ]
    canonical = json.dumps(rows, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:12]


def require_reviews(articles: Sequence[Article]) -> None:
    """Raise DataError when some of `articles` have no `concerns`, so that there is nothing to score against."""
    without = [article.id for article in articles if not article.reviewed]
    if without:
        listed = ", ".join(map(printable, without[:5])) + (", ..." if len(without) > 5 else "")
        raise DataError(
            f"{len(without):,} of {len(articles):,} articles have no `concerns`, so there are no references: {listed}.",
            remedy='add the concerns of their reviewers ("concerns": [] where they raised none), or name other data',
        )
