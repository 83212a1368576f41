"""The rows of each configuration of a release.

`default` is everything, `benchmark` has held-out articles without anything of their reviews, `concerns` has one row a
concern, and each source is a configuration of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bioreview_bench.curation.families import links
from bioreview_bench.data.article import Article
from bioreview_bench.data.folder import SPLITS
from bioreview_bench.data.manuscript import is_skipped
from bioreview_bench.data.vocabulary import sources_in_order
from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.jsonl import clean

DEFAULT, BENCHMARK, CONCERNS = "default", "benchmark", "concerns"
RESERVED = (DEFAULT, BENCHMARK, CONCERNS)

# What a held-out article keeps: a whitelist, so that a field that nobody thought of is not published.
_OPEN = ("id", "source", "doi", "title", "abstract", "subjects", "published_date", "license", "schema_version")

_TELLING = 40  # characters of a text that stands in a review and a paper by no chance

Rows = list[dict[str, Any]]


def check_apart(splits: Mapping[str, Sequence[Article]], held_out: Collection[str], *, withhold: bool) -> None:
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


def check_withheld(splits: Mapping[str, Sequence[Article]], held_out: Collection[str]) -> None:
    """Refuse held-out articles whose paper holds their review: as a section of another name, say.

    What is looked for are whole concerns, letters and responses. Raises InputError.
    """
    problems = []
    for article in (article for name in splits if name in held_out for article in splits[name]):
        secrets = [*(concern.concern_text for concern in article.concerns)]
        secrets += [text for text in (article.decision_letter_raw, article.author_response_raw) if text]
        wanted = [folded for secret in secrets if len(folded := " ".join(secret.split())) >= _TELLING]
        for place, text in _texts(_manuscript(article)):
            if any(secret in text for secret in wanted):
                problems.append(Problem(f"{printable(article.id)}: {printable(place)} holds text of the review"))
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


def configurations(
    splits: Mapping[str, Sequence[Article]], held_out: Collection[str], *, withhold: bool
) -> dict[str, dict[str, Rows]]:
    """Configuration -> split -> rows, sorted by id. With `withhold` none of them has a review of a held-out article."""
    full = {name: [_row(article) for article in _sorted(members)] for name, members in splits.items()}
    closed = {
        name: [_manuscript(article) for article in _sorted(members)] if name in held_out else full[name]
        for name, members in splits.items()
    }
    shown = closed if withhold else full
    found = {DEFAULT: shown, BENCHMARK: closed}
    flat = {name: concern_rows(rows) for name, rows in shown.items() if not (withhold and name in held_out)}
    found[CONCERNS] = {name: rows for name, rows in flat.items() if rows}
    sources = sources_in_order(article.source for members in splits.values() for article in members)
    for source in sources if len(sources) > 1 else ():
        named = f"source-{source}" if source in RESERVED else source
        by_split = {name: [row for row in rows if row["source"] == source] for name, rows in shown.items()}
        found[named] = {name: rows for name, rows in by_split.items() if rows}
    if withhold:
        del found[DEFAULT]
    return {name: by_split for name, by_split in found.items() if by_split}


def concern_rows(rows: Iterable[Mapping[str, Any]]) -> Rows:
    """One row a concern, with the article's id, source and licence."""
    return [
        {**concern, "article_id": row["id"], "source": row["source"], "license": row.get("license")}
        for row in rows
        for concern in row.get("concerns") or ()
    ]


def _sorted(articles: Iterable[Article]) -> list[Article]:
    return sorted(articles, key=lambda article: article.id)


def _row(article: Article) -> dict[str, Any]:
    row: dict[str, Any] = clean(article.model_dump(mode="json", exclude_unset=True))
    return _listed(row)


def _manuscript(article: Article) -> dict[str, Any]:
    full = clean(article.model_dump(mode="json", exclude_unset=True))
    row = {name: full[name] for name in _OPEN if name in full}
    row["paper_text_sections"] = {name: text for name, text in article.sections.items() if not is_skipped(name)}
    row["structured_references"] = full.get("structured_references", [])
    return _listed(row)


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    """Sections as a list, which keeps their order in every format, and is of one type for all articles."""
    sections = row.get("paper_text_sections")
    if isinstance(sections, dict):
        row["paper_text_sections"] = [{"heading": name, "text": text} for name, text in sections.items()]
    return row
