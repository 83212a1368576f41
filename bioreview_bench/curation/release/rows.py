"""The rows of each configuration of a release.

`default` is everything, `benchmark` has held-out articles without anything of their reviews, `concerns` has one row a
concern, and each source is a configuration of its own.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bioreview_bench.curation.families import links
from bioreview_bench.data.article import Article
from bioreview_bench.data.folder import SPLITS
from bioreview_bench.data.manuscript import is_skipped
from bioreview_bench.data.vocabulary import sources_in_order
from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.jsonl import clean
from bioreview_bench.files.row_store import RowStore

DEFAULT, BENCHMARK, CONCERNS = "default", "benchmark", "concerns"
RESERVED = (DEFAULT, BENCHMARK, CONCERNS)

# What a held-out article keeps: a whitelist, so that a field that nobody thought of is not published.
_OPEN = ("id", "source", "doi", "title", "abstract", "subjects", "published_date", "license", "schema_version")

_TELLING = 40  # characters of a text that stands in a review and a paper by no chance


RowForm = Callable[[dict[str, Any]], Iterable[dict[str, Any]]]  # what a configuration has of an article's row
Kept = Mapping[str, Mapping[int, Article]]  # split -> number of the row in the store -> the article without its texts


def check_apart(splits: Mapping[str, Iterable[Article]], held_out: Collection[str], *, withhold: bool) -> None:
    """Refuse splits through which a held-out review would be published.

    Raises InputError: a split has another name than train, val and test; an article is in two; with `withhold`, no
    split is held out, or a held-out article and one of an open split are one family of manuscripts.
    """
    unknown = sorted({*splits, *held_out}.difference(SPLITS))
    if unknown:
        raise InputError(f'A release has no split "{printable(unknown[0])}".', remedy=f"use {', '.join(SPLITS)}")
    if withhold and not any(name in held_out for name in splits):
        raise InputError(
            f"Nothing would be withheld: there are {', '.join(splits)}, and none is held out.",
            remedy="name the split with --held-out, or leave --withhold out",
        )
    placed: dict[str, str] = {}
    for name in splits:
        for article in splits[name]:
            if placed.setdefault(article.id, name) != name:
                raise _one_manuscript(article.id, name, article.id, placed[article.id], "the same id")
    if withhold:
        articles = [article for name in splits for article in splits[name]]
        for link in links(articles):
            one, other = articles[link.first].id, articles[link.second].id
            if (placed[one] in held_out) != (placed[other] in held_out):
                raise _one_manuscript(one, placed[one], other, placed[other], link.why)


def check_withheld(kept: Kept, store: RowStore, held_out: Collection[str]) -> None:
    """Refuse held-out articles whose paper holds their review: as a section of another name, say.

    What is looked for are whole concerns, letters and responses. Raises InputError.
    """
    problems = []
    for number in (number for name in kept if name in held_out for number in kept[name]):
        row = _stored(store, number)
        secrets = [concern["concern_text"] for concern in row.get("concerns") or ()]
        secrets += [text for name in ("decision_letter_raw", "author_response_raw") if (text := row.get(name))]
        wanted = [folded for secret in secrets if len(folded := " ".join(secret.split())) >= _TELLING]
        for place, text in _texts(next(_manuscript(row))):
            if any(secret in text for secret in wanted):
                problems.append(Problem(f"{printable(row['id'])}: {printable(place)} holds text of the review"))
    if problems:
        raise InputError(
            "Nothing was written: papers of a held-out split hold their own reviews.",
            problems=problems,
            remedy="take these parts out of the articles",
        )


def _one_manuscript(one: str, where: str, other: str, elsewhere: str, why: str) -> InputError:
    return InputError(
        f"{printable(one)} ({where}) and {printable(other)} ({elsewhere}) are one manuscript: {why}.",
        remedy="bench data split DATA -o FOLDER --ratio .7,.15,.15",
    )


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every string in a row, white space folded, with its place."""
    if isinstance(value, str):
        yield place, " ".join(value.split())
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, f"{place}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{place}[{number}]")


@dataclass(frozen=True)
class ReleaseRows:
    """The rows of a split in a configuration, made from those kept in `store` whenever they are iterated over."""

    store: RowStore
    numbers: Sequence[int]
    form: RowForm
    n: int

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for number in self.numbers:
            yield from self.form(_stored(self.store, number))


def keep_rows(splits: Mapping[str, Iterable[Article]], store: RowStore) -> dict[str, dict[int, Article]]:
    """Put each article into the store as a row; by split the number of each and the article without texts, by id."""
    found = {}
    for name, members in splits.items():
        numbered = [(store.add(marshal.dumps(_row(article))), article.without_texts()) for article in members]
        found[name] = dict(sorted(numbered, key=lambda each: each[1].id))
    return found


def configurations(
    kept: Kept, store: RowStore, held_out: Collection[str], *, withhold: bool
) -> dict[str, dict[str, ReleaseRows]]:
    """Configuration -> split -> rows, sorted by id. With `withhold` none of them has a review of a held-out article."""
    closed = {name: _manuscript if name in held_out else _whole for name in kept}
    shown = closed if withhold else dict.fromkeys(kept, _whole)

    def rows(forms: Mapping[str, RowForm], source: str | None = None) -> dict[str, ReleaseRows]:
        numbers = {
            name: [number for number, article in kept[name].items() if source in (None, article.source)]
            for name in forms
        }
        return {name: ReleaseRows(store, numbers[name], form, len(numbers[name])) for name, form in forms.items()}

    found = {DEFAULT: rows(shown), BENCHMARK: rows(closed)}
    found[CONCERNS] = {}
    for name, members in kept.items():
        n = sum(len(article.concerns) for article in members.values())
        if n and not (withhold and name in held_out):
            found[CONCERNS][name] = ReleaseRows(store, list(members), concern_rows, n)
    sources = sources_in_order(article.source for members in kept.values() for article in members.values())
    for source in sources if len(sources) > 1 else ():
        named = f"source-{source}" if source in RESERVED else source
        found[named] = {name: each for name, each in rows(shown, source).items() if len(each)}
    if withhold:
        del found[DEFAULT]
    return {name: by_split for name, by_split in found.items() if by_split}


def concern_rows(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row a concern, with the article's id, source and licence."""
    for concern in row.get("concerns") or ():
        yield {**concern, "article_id": row["id"], "source": row["source"], "license": row.get("license")}


def _stored(store: RowStore, number: int) -> dict[str, Any]:
    row: dict[str, Any] = marshal.loads(store[number])  # noqa: S302 (of this process)
    return row


def _whole(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield row


def _manuscript(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    kept = {name: row[name] for name in _OPEN if name in row}
    sections = row.get("paper_text_sections", [])
    kept["paper_text_sections"] = [part for part in sections if part["text"] and not is_skipped(part["heading"])]
    kept["structured_references"] = row.get("structured_references", [])
    yield kept


def _row(article: Article) -> dict[str, Any]:
    row: dict[str, Any] = clean(article.model_dump(mode="json", exclude_unset=True))
    return _listed(row)


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    """Sections as a list, which keeps their order in every format, and is of one type for all articles."""
    sections = row.get("paper_text_sections")
    if isinstance(sections, dict):
        row["paper_text_sections"] = [{"heading": name, "text": text} for name, text in sections.items()]
    return row
