"""Families of manuscripts: articles that are versions of one another, or nearly the same text.

A family never crosses a split: a system that saw one member of it in training has seen the others. It is wider than
`Article.family` (which scoring uses, and which only joins the versions of an F1000 DOI).
"""

from __future__ import annotations

import html
import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bioreview_bench.data.article import Article

# What a version looks like in a DOI: F1000 and its sister platforms end in .N, eLife's reviewed preprints too;
# preprint servers write vN or /vN.
_VERSIONS = (
    re.compile(r"(10\.12688/[a-z0-9-]+\.\d+)\.\d+"),
    re.compile(r"(10\.7554/elife\.\d+)\.\d+"),
    re.compile(r"(10\.32388/[a-z0-9]+)\.\d+"),
    re.compile(r"(10\.\d{4,9}/.*?)(?:(?<=\d)|[./_-])v\d+(?:\.full(?:\.pdf)?)?"),
)
_ID_VERSIONS = (
    re.compile(r"([a-z0-9_-]+:10\.12688[_/].*\.\d+)\.\d+"),
    re.compile(r"(elife:\d+)\.\d+"),
    re.compile(r"([a-z0-9_-]+:.*?)(?:(?<=\d)|[./_-])v\d+"),
)
_DOI = re.compile(r"(?:https?://(?:www\.|dx\.)?doi\.org/|doi:\s*)?(10\.\d+/.*?)[/.]?")
_MARKUP = re.compile(
    r"</?(?:jats:)?(?:i|b|u|em|strong|italic|bold|sub|sup|sc|span|p|title)\b[^<>]{0,200}>", re.IGNORECASE
)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
# A run of letters and digits; of Chinese and Japanese, which write no spaces, each character.
_WORD = re.compile("[\u3040-\u30ff\u3400-\u9fff]|[^\\W\u3040-\u30ff\u3400-\u9fff]+")

# Jaccard similarity from which two texts are nearly the same: pairs of neighbouring words in abstracts, words in
# titles. Shorter texts agree by chance, so they are left out.
ABSTRACT_THRESHOLD, ABSTRACT_WORDS = 0.7, 12
TITLE_THRESHOLD, TITLE_WORDS = 0.8, 5
_PERMUTATIONS, _BAND = 128, 4


@dataclass(frozen=True)
class Link:
    """Two articles of one family, by index (the smaller first), and why."""

    first: int
    second: int
    why: str


def links(articles: Sequence[Article]) -> list[Link]:
    """Why articles belong together: one DOI or id without its version, one title, nearly one title or abstract.

    Nearly the same is a Jaccard similarity of at least 0.8 of the words of titles and of at least 0.7 of the pairs of
    neighbouring words of abstracts. Candidates come from MinHash (Broder 1997; `datasketch`) and are compared exactly.
    Titles that differ in a number on both sides (*part 1*, *part 2*; Roman ones too) are two.
    """
    found = list(_equal(((index, manuscript_doi(a)) for index, a in enumerate(articles)), "the same DOI"))
    found += _equal(((index, manuscript_id(a.id)) for index, a in enumerate(articles)), "the same id")
    titles = [words(article.title or "") for article in articles]
    found += _equal(
        ((index, " ".join(title) if len(title) >= TITLE_WORDS else None) for index, title in enumerate(titles)),
        "the same title",
    )
    found += (
        Link(*pair, "nearly the same title")
        for pair in _near([set(title) if len(title) >= TITLE_WORDS else set() for title in titles], TITLE_THRESHOLD)
        if not _other_numbers(titles[pair[0]], titles[pair[1]])
    )
    pairs_of_words = [_pairs_of_words(article.abstract or "") for article in articles]
    found += (Link(*pair, "nearly the same abstract") for pair in _near(pairs_of_words, ABSTRACT_THRESHOLD))
    first_reason: dict[tuple[int, int], Link] = {}
    for link in found:
        first_reason.setdefault((link.first, link.second), link)
    return sorted(first_reason.values(), key=lambda link: (link.first, link.second))


def _pairs_of_words(text: str) -> set[str]:
    said = words(text)
    return {f"{a} {b}" for a, b in itertools.pairwise(said)} if len(said) >= ABSTRACT_WORDS else set()


class Groups:
    """Disjoint groups of the numbers 0 .. n-1, joined step by step (union-find)."""

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))

    def of(self, index: int) -> int:
        """The smallest member of the group of `index`."""
        while self._parent[index] != index:
            self._parent[index] = self._parent[self._parent[index]]
            index = self._parent[index]
        return index

    def join(self, first: int, second: int) -> bool:
        """Make one group of two; False when they were one already."""
        low, high = sorted((self.of(first), self.of(second)))
        self._parent[high] = low
        return low != high


def families(n: int, found: Iterable[Link]) -> list[tuple[int, ...]]:
    """The connected groups of `n` articles, each sorted, in the order of their first members.

    >>> families(4, [Link(0, 2, "the same DOI"), Link(2, 3, "the same title")])
    [(0, 2, 3), (1,)]
    """
    groups = Groups(n)
    for link in found:
        groups.join(link.first, link.second)
    members: dict[int, list[int]] = {}
    for index in range(n):
        members.setdefault(groups.of(index), []).append(index)
    return [tuple(group) for group in members.values()]


def manuscript_doi(article: Article) -> str | None:
    """The DOI in lower case, without resolver and version; None without a DOI ("n/a" is none)."""
    doi = _DOI.fullmatch((article.doi or "").strip().lower())
    return _without_version(doi.group(1), _VERSIONS) if doi else None


def manuscript_id(article_id: str) -> str:
    """An article's id without its version.

    >>> manuscript_id("f1000:10.12688_f1000research.7.2"), manuscript_id("elife:84798v2"), manuscript_id("peerj:12")
    ('f1000:10.12688_f1000research.7', 'elife:84798', 'peerj:12')
    """
    return _without_version(article_id.lower(), _ID_VERSIONS)


def words(text: str) -> list[str]:
    """The words of a text, compatibility-folded and in lower case, without punctuation and leftover markup."""
    if "<" in text or "&" in text:
        text = _MARKUP.sub("", html.unescape(text))
    return _WORD.findall(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold())


def _without_version(name: str, patterns: Sequence[re.Pattern[str]]) -> str:
    for pattern in patterns:
        match = pattern.fullmatch(name)
        if match:
            return match.group(1)
    return name


def _equal(keys: Iterable[tuple[int, str | None]], why: str) -> Iterator[Link]:
    first: dict[str, int] = {}
    for index, key in keys:
        if key and first.setdefault(key, index) != index:
            yield Link(first[key], index, why)


def _near(sets: Sequence[set[str]], threshold: float) -> Iterator[tuple[int, int]]:
    """Pairs (i, j), i < j, with at least this Jaccard similarity: enough of them to connect all that are near."""
    from datasketch import MinHash

    first: dict[frozenset[str], int] = {}
    for index, members in enumerate(sets):
        if members and first.setdefault(frozenset(members), index) != index:
            yield first[frozenset(members)], index
    distinct = sorted(first.values())
    if len(distinct) < 2:
        return
    tokens = ([member.encode("utf-8", "surrogatepass") for member in sorted(sets[index])] for index in distinct)
    signatures = np.array([one.hashvalues for one in MinHash.generator(tokens, num_perm=_PERMUTATIONS)])
    number: dict[str, int] = {}
    numbered = [
        np.array([number.setdefault(member, len(number)) for member in sets[index]], dtype=np.int64)
        for index in distinct
    ]
    group, marked = np.arange(len(distinct)), np.zeros(len(number), dtype=bool)
    for later, candidates in _candidates(signatures):
        candidates = candidates[group[candidates] != group[later]]
        if not len(candidates):
            continue
        sizes = np.array([len(numbered[earlier]) for earlier in candidates])
        marked[numbered[later]] = True
        texts = np.concatenate([numbered[earlier] for earlier in candidates])
        common = np.add.reduceat(marked[texts].astype(np.int64), np.cumsum(sizes) - sizes)
        marked[numbered[later]] = False
        near = candidates[common >= threshold * (sizes + len(numbered[later]) - common)]
        while len(near):
            yield distinct[near[0]], distinct[later]
            group[group == group[later]] = group[near[0]]
            near = near[group[near] != group[later]]


def _candidates(signatures: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each row that shares a band with earlier rows, and those rows in order.

    Bands of four: a pair at the threshold 0.7 is a candidate with probability 1 - (1 - .7^4)^32 > 0.999. However many
    rows share a band (a template), the work of a row is a few passes over an array.
    """
    alike: dict[int, list[np.ndarray]] = defaultdict(list)
    for start in range(0, _PERMUTATIONS, _BAND):
        _, band, counts = np.unique(
            signatures[:, start : start + _BAND], axis=0, return_inverse=True, return_counts=True
        )
        order = np.argsort(band, kind="stable")
        for rows in np.split(order, np.cumsum(counts)[:-1]) if counts.max() > 1 else ():
            for row in rows if len(rows) > 1 else ():
                alike[int(row)].append(rows)
    seen = np.zeros(len(signatures), dtype=bool)
    for later in sorted(alike):
        for rows in alike[later]:
            seen[rows] = True
        yield later, np.flatnonzero(seen[:later])
        seen[:] = False


def _other_numbers(first: Sequence[str], second: Sequence[str]) -> bool:
    mine, theirs = ({word for word in title if re.search(r"\d|^[ivx]+$", word)} for title in (first, second))
    return bool(mine - theirs) and bool(theirs - mine)
