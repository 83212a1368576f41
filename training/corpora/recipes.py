"""Recipes: which concerns of which articles a corpus teaches, as a chain of filters that each count what they drop.

`A` and `B` are files of this package, and a user's recipe is a file (TOML or YAML) with the same fields. What a row of
the corpus looks like is decided elsewhere (`rows`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bioreview_bench.data.article import Article, Concern
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import DataError, InputError, printable
from bioreview_bench.files.reading import read_text, read_toml

BUNDLED = ("A", "B")
_FOLDER = "presets"
_LARGEST = 64 << 10  # bytes of a recipe file


class Recipe(BaseModel):
    """What enters a corpus.

    `min_confidence`: a concern's `resolution_confidence` must be there and at least this; without this field it may
    be missing. `min_concerns`: fewer than that left, and the article is dropped. `target_confidence`: the target
    repeats the annotated confidence, or none. `expected`: articles by split, for released data by version.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    min_confidence: Annotated[float, Field(ge=0, le=1, strict=True)] | None = None
    min_concerns: Annotated[int, Field(ge=1, strict=True)] = 1
    target_confidence: Literal["annotated", "none"] = "annotated"
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
                f"{path} is no recipe: {where}: {printable(first['msg'])}.",
                remedy="use min_confidence, min_concerns and target_confidence (annotated or none)",
            ) from error

    def facts(self) -> dict[str, Any]:
        """For a corpus's manifest: what decided which concerns entered."""
        return self.model_dump(exclude={"expected"})


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
    if not path.is_file() or path.stat().st_size > _LARGEST:
        raise InputError(
            f'There is no recipe "{printable(path)}".', remedy="use A, B, or the path of a small TOML or YAML file"
        )
    if path.suffix not in (".yaml", ".yml"):
        return read_toml(path, InputError, "fix the file")
    import yaml

    try:
        fields = yaml.safe_load(read_text(path, InputError, "fix the file", "utf-8-sig"))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f"{path} is not YAML: {printable(error, 300)}.", remedy="fix the file") from error
    if not isinstance(fields, dict) or not all(isinstance(key, str) for key in fields):
        raise InputError(f"{path} holds no fields.", remedy="write min_confidence: 0.8, min_concerns: 3")
    return fields
