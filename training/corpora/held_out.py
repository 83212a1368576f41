"""What may never enter a corpus: test articles, and other versions of the same manuscripts.

A data set without a test split says nothing about what is held out, so then a list must be given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bioreview_bench.data.article import Article, canonical_id
from bioreview_bench.data.folder import split_file
from bioreview_bench.data.load import load_split, locate
from bioreview_bench.errors import DataError, InputError, Problem, printable
from bioreview_bench.files.reading import read_json, read_text

_DOI = re.compile(r"10\.\d{4,9}/\S+")
_F1000_ID = re.compile(r"f1000:10\.12688_(?P<rest>.+)")


@dataclass(frozen=True)
class HeldOut:
    """Ids and families (scoring specification, section 5) that are barred from training."""

    ids: frozenset[str]
    families: frozenset[str]

    @classmethod
    def of(cls, articles: Iterable[Article]) -> HeldOut:
        """Those of test articles."""
        members = list(articles)
        return cls(frozenset(one.id for one in members), frozenset(one.family for one in members))

    @classmethod
    def listed(cls, path: Path) -> HeldOut:
        """Those of a file with one article id or DOI a line. Raises InputError."""
        lines = read_text(path, InputError, "one article id or DOI a line", "utf-8-sig").splitlines()
        names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if not names:
            raise InputError(f"{path} names no article.", remedy="one article id or DOI a line")
        ids = frozenset(map(canonical_id, names))
        return cls(ids, frozenset(map(_family, ids)))

    def __or__(self, other: HeldOut) -> HeldOut:
        return HeldOut(self.ids | other.ids, self.families | other.families)

    def members(self, articles: Iterable[Article]) -> list[Article]:
        """Those of `articles` that are held out, or a version of one that is."""
        return [one for one in articles if one.id in self.ids or one.family in self.families]

    def require_apart(self, articles: Mapping[str, Iterable[Article]]) -> None:
        """Raise DataError listing every article, by split, that is held out or a version of one that is."""
        problems = []
        for split, members in articles.items():
            for one in self.members(members):
                what = "is held out" if one.id in self.ids else f"is a version of {printable(one.family)}, held out"
                problems.append(Problem(f"{printable(one.id)} in {split} {what}"))
        if problems:
            listed = "\n".join(f"  {problem}" for problem in problems)
            raise DataError(
                f"{len(problems)} articles are held out from training:\n{listed}",
                remedy="add --drop-held-out to leave them out; a model that saw them cannot be ranked",
            )


def held_out(data: str, listed: Path | None, *, allow_unfrozen: bool = False) -> HeldOut:
    """What is held out for `data`: its test split, and the file `listed`. Raises DataError without either."""
    named = None if listed is None else HeldOut.listed(listed)
    if named is not None and not _has_test(locate(data)[1]):
        return named
    try:
        test = HeldOut.of(load_split(data, "test", allow_unfrozen=allow_unfrozen))
    except DataError as error:
        raise DataError(
            f"What is held out from training is not known: {error.message}",
            remedy="add the test split to the data, or --held-out FILE with its article ids or DOIs, one a line",
        ) from error
    return test if named is None else test | named


def _has_test(folder: Path) -> bool:
    whole = folder / "splits.json"
    if (folder / "articles.jsonl").is_file() and whole.is_file():
        return "test" in read_json(whole, DataError, "name a folder with whole files")
    return split_file(folder, "test") is not None


def _family(name: str) -> str:
    """The family of an article known by its canonical id, or by its DOI, alone."""
    f1000 = _F1000_ID.fullmatch(name)
    doi = f"10.12688/{f1000.group('rest')}" if f1000 else name.partition(":")[2] if name.startswith("plos:") else name
    if not _DOI.fullmatch(doi):
        return name
    return Article(id=name, source="elife", concerns=(), doi=doi).family
