"""A split: its articles, what they are called, and how far that name has been checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, overload

from bioreview_bench.data.article import Article
from bioreview_bench.data.fingerprint import fingerprint
from bioreview_bench.errors import InputError

# "contents": every file has the recorded sha256. "counts": only the manifest's counts agree.
# "bundled": invented data of this package. "none": nobody vouches for these articles.
Verification = Literal["contents", "counts", "bundled", "none"]

LOCAL = "local"


@dataclass(frozen=True)
class Split(Sequence[Article]):
    """Articles in file order. `data` is a released version, bundled data ("demo", "known"), or else "local"."""

    articles: tuple[Article, ...]
    data: str
    name: str
    fingerprint: str
    verification: Verification = "none"
    held_out: bool = False
    known_ids: tuple[str, ...] = ()
    limited: bool = False

    @classmethod
    def of(cls, articles: Iterable[Article], data: str = LOCAL, name: str = "-", **checked: object) -> Split:
        """Name a collection of articles. Raises InputError when two share an id."""
        members = tuple(articles)
        ids = tuple(article.id for article in members)
        if len(set(ids)) != len(ids):
            repeated = sorted({article_id for article_id in ids if ids.count(article_id) > 1})
            raise InputError(f"Articles share an id: {', '.join(repeated[:5])}.", remedy="keep one article for each id")
        return cls(members, data, name, fingerprint(members), known_ids=ids, **checked)  # type: ignore[arg-type]

    def first(self, n: int) -> Split:
        """The first `n` articles under the same name; predictions for the rest stay known."""
        if n < 1:
            raise InputError(f"A limit of {n} articles leaves nothing to score.", remedy="use --limit 1 or more")
        return Split(
            self.articles[:n],
            self.data,
            self.name,
            self.fingerprint,
            self.verification,
            self.held_out,
            self.known_ids,
            True,
        )

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
