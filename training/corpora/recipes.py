"""Recipes: which concerns of which articles a corpus teaches, as a chain of filters that each count what they drop.

`A` and `B` are files of this package, and a user's recipe is a file (TOML or YAML) with the same fields. What a row of
the corpus looks like is decided elsewhere (`rows`).

What may never enter are test articles, and other versions of the same manuscripts. A data set without a test split says
nothing about what is held out, so then a list must be given.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bioreview_bench.data.article import Article, Concern, canonical_id
from bioreview_bench.data.folder import split_files
from bioreview_bench.data.load import load_split, locate
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import DataError, InputError, Problem, printable
from bioreview_bench.files.reading import read_json, read_text, read_toml

BUNDLED = ("A", "B")
PROMPTS = {"none": "published-9b", "annotated": "objects-v1"}
_FOLDER = "presets"
_LARGEST = 64 << 10  # bytes of a recipe file
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_F1000_ID = re.compile(r"f1000:10\.12688_(?P<rest>.+)")


class Recipe(BaseModel):
    """What enters a corpus.

    `min_confidence`: a concern's `resolution_confidence` must be there and at least this; without this field it may
    be missing. `min_concerns`: fewer than that left, and the article is dropped. `target_confidence`: `none`, or
    `annotated`: the answer repeats `resolution_confidence`, which says how sure the annotation is and not how likely a
    reviewer is to raise the concern. `counter`: of tokens, where no other is asked for. `expected`: articles by split,
    for released data by version.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    min_confidence: Annotated[float, Field(ge=0, le=1, strict=True)] | None = None
    min_concerns: Annotated[int, Field(ge=1, strict=True)] = 1
    target_confidence: Literal["annotated", "none"] = "none"
    counter: str | None = None
    expected: dict[str, dict[Literal["train", "val"], Annotated[int, Field(ge=0, strict=True)]]] = Field(
        default_factory=dict
    )

    @classmethod
    def load(cls, name_or_path: str) -> Recipe:
        """`A`, `B`, or the recipe in a TOML or YAML file. Raises InputError."""
        if name_or_path in BUNDLED:
            text = resources.files(__package__).joinpath(_FOLDER, f"{name_or_path}.toml").read_text(encoding="utf-8")
            return cls(name=name_or_path, **tomllib.loads(text))
        path = Path(name_or_path)
        try:
            return cls(**{**_fields(path), "name": f"file:{path.stem}"})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = printable(".".join(map(str, first["loc"])))
            raise InputError(
                f"{path} is not a recipe: {where}: {printable(first['msg'])}.",
                remedy="use min_confidence, min_concerns, target_confidence (none or annotated) and counter",
            ) from error

    @property
    def prompt(self) -> str:
        """Id of the bundled prompt that asks for what the answers state."""
        return PROMPTS[self.target_confidence]

    def facts(self) -> dict[str, Any]:
        """For a corpus's manifest: what decided which concerns entered."""
        return self.model_dump(exclude={"expected", "counter"})


@dataclass(frozen=True)
class SelectedArticle:
    """An article and the concerns of it that a corpus teaches, in file order."""

    article: Article
    concerns: tuple[Concern, ...]


@dataclass(frozen=True)
class Filtered:
    """What is left of a split, and what each filter dropped, in the order of the filters."""

    chosen: tuple[SelectedArticle, ...]
    counts: dict[str, int]


def choose(articles: Iterable[Article], recipe: Recipe, held_out: Iterable[Article] = ()) -> Filtered:
    """Apply a recipe: labels and text, figures, confidence, duplicates, then articles with too little left.

    Articles among `held_out` are left out before anything else.
    """
    every, barred = list(articles), {article.id for article in held_out}
    members = [article for article in every if article.id not in barred]
    kept = [list(article.concerns) for article in members]
    counts = {"articles": len(every), "articles_held_out": len(every) - len(members), "concerns": sum(map(len, kept))}
    for name, passes in _concern_filters(recipe):
        before = sum(map(len, kept))
        kept = [[concern for concern in concerns if passes(concern)] for concerns in kept]
        counts[name] = before - sum(map(len, kept))
    before = sum(map(len, kept))
    kept = [_distinct(concerns) for concerns in kept]
    counts["concerns_duplicate"] = before - sum(map(len, kept))
    pairs = [SelectedArticle(article, tuple(concerns)) for article, concerns in zip(members, kept, strict=True)]
    enough = [pair for pair in pairs if len(pair.concerns) >= recipe.min_concerns]
    readable = [pair for pair in enough if _has_text(pair.article)]
    counts["articles_below_minimum"] = len(pairs) - len(enough)
    counts["articles_without_text"] = len(enough) - len(readable)
    counts["articles_kept"] = len(readable)
    counts["concerns_kept"] = sum(len(pair.concerns) for pair in readable)
    return Filtered(tuple(readable), counts)


def check_expected(recipe: Recipe, version: str, found: Mapping[str, int]) -> str | None:
    """A line that says that a verified release gave the articles that the recipe expects; None without expectation.

    `found` is articles by split. Raises DataError when they differ.
    """
    expected = recipe.expected.get(version)
    if not expected:
        return None
    listed = ", ".join(f"{count:,} {split}" for split, count in expected.items())
    if any(found.get(split) != count for split, count in expected.items()):
        here = ", ".join(f"{found.get(split, 0):,} {split}" for split in expected)
        raise DataError(
            f"Recipe {recipe.name} on {version} must give {listed} articles, and gives {here}.",
            remedy="check the data with bench data verify, or put the recipe into a file without its expected counts",
        )
    return f"{listed} articles, as published for recipe {recipe.name} on {version}"


def _concern_filters(recipe: Recipe) -> Sequence[tuple[str, Callable[[Concern], bool]]]:
    minimum = recipe.min_confidence
    filters: list[tuple[str, Callable[[Concern], bool]]] = [
        ("concerns_without_text_or_label", lambda one: bool(one.text and one.category and one.severity)),
        ("concerns_of_figures", lambda one: not one.figure),
    ]
    if minimum is not None:
        filters += [
            ("concerns_without_confidence", lambda one: one.resolution_confidence is not None),
            ("concerns_below_confidence", lambda one: (one.resolution_confidence or 0.0) >= minimum),
        ]
    return filters


def _distinct(concerns: Iterable[Concern]) -> list[Concern]:
    """The first of those that share text, category and severity."""
    return list({(one.text, one.category, one.severity): one for one in reversed(list(concerns))}.values())[::-1]


def _has_text(article: Article) -> bool:
    manuscript = Manuscript.from_article(article)
    return bool(manuscript.abstract.strip() or any(text.strip() for text in manuscript.sections.values()))


def _fields(path: Path) -> dict[str, Any]:
    if not os.path.exists(path) or path.stat().st_size > _LARGEST:
        raise InputError(
            f'There is no recipe "{printable(path)}".', remedy="use A, B, or the path of a small TOML or YAML file"
        )
    if path.suffix not in (".yaml", ".yml"):
        return read_toml(path, InputError, "fix the file")
    import yaml

    text = read_text(path, InputError, "fix the file", "utf-8-sig")
    try:
        fields = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f"{path} is not YAML: {printable(error, 300)}.", remedy="fix the file") from error
    if not isinstance(fields, dict) or not all(isinstance(key, str) for key in fields):
        raise InputError(f"{path} contains no fields.", remedy="write min_confidence: 0.8, min_concerns: 3")
    return fields


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
            problems=error.problems,
            remedy="add the test split to the data, or --held-out FILE with its article ids or DOIs, one a line",
        ) from error
    return test if named is None else test | named


def _has_test(folder: Path) -> bool:
    whole = folder / "splits.json"
    if (folder / "articles.jsonl").is_file() and whole.is_file():
        return "test" in read_json(whole, DataError, "name a folder with whole files")
    return bool(split_files(folder, "test"))


def _family(name: str) -> str:
    """The family of an article known by its canonical id, or by its DOI, alone."""
    f1000 = _F1000_ID.fullmatch(name)
    doi = f"10.12688/{f1000.group('rest')}" if f1000 else name.partition(":")[2] if name.startswith("plos:") else name
    if not _DOI.fullmatch(doi):
        return name
    return Article(id=name, source="elife", concerns=(), doi=doi).family
