"""Rules about one article that the reader accepts: its fields, one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from bioreview_bench.curation.lint.concerns import check_concerns
from bioreview_bench.curation.lint.ids import check_doi, check_id, check_source
from bioreview_bench.curation.lint.rules import LintFinding
from bioreview_bench.curation.lint.texts import check_text
from bioreview_bench.data.article import TYPE_FIELDS, Article, Concern
from bioreview_bench.data.manuscript import is_skipped
from bioreview_bench.errors import did_you_mean, printable

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ]\d{2}:\d{2}.*)?)?)?")
_FIRST_JOURNAL = 1665
_TITLE, _ABSTRACT = (10, 300), (100, 5_000)
_TEXTS = ("title", "abstract", "decision_letter_raw", "author_response_raw")
# Fields of published exports that are known, and read by nothing.
_KEPT = ("paper_text_v1_sections", "authors", "journal", "resolution", "was_valid", "family", "article_doi", "source")
# What `bench data parse` knows of reports beside their texts.
_OF_REPORTS = ("reports", "response_quotes")
_MOST_UNKNOWN = 50
_DERIVED = ("resolution", "was_valid", "family")


def check_article(article: Article, row: Mapping[str, Any]) -> Iterator[LintFinding]:
    """What the rules find in an article; `row` is the line that it was read from."""
    raw_id = str(row["id"])
    yield from check_id(raw_id, article.source)
    yield from check_source(article.source)
    if article.doi and article.doi.strip():
        yield from check_doi(article.doi, article.id, article.source)
    else:
        yield LintFinding("doi-missing", "doi", "no DOI")
    yield from _length("title", article.title, *_TITLE)
    yield from _length("abstract", article.abstract, *_ABSTRACT)
    yield from _sections(article)
    yield from _date(article.published_date)
    yield from _facts(article)
    yield from _unknown_fields(row, Article, "")
    if "family" in row:
        yield LintFinding("derived-stored", "family", "family follows from the DOI, and is not stored")
    yield from check_concerns(article)
    for number, concern in enumerate(row.get("concerns") or ()):
        yield from _unknown_fields(concern, Concern, f"concerns[{number}].")
    for name in _TEXTS:
        yield from check_text(name, getattr(article, name) or "")
    for heading, text in article.sections.items():
        yield from check_text(f"paper_text_sections.{printable(heading, 40)}", text)


def _length(field: str, text: str | None, least: int, most: int) -> Iterator[LintFinding]:
    length = len((text or "").strip())
    if length == 0:
        yield LintFinding(f"{field}-missing", field, f"no {field}")
    elif not least <= length <= most:
        yield LintFinding(f"{field}-length", field, f"{length:,} characters")


def _sections(article: Article) -> Iterator[LintFinding]:
    shown = 0
    for heading, text in article.paper_text_sections.items():
        field = f"paper_text_sections.{printable(heading, 40)}"
        if not heading.strip() or not (text or "").strip():
            yield LintFinding("section-empty", field, "no heading" if not heading.strip() else "no text")
        elif is_skipped(heading):
            yield LintFinding("section-withheld", field, "withheld from reviewers, by its heading")
        else:
            shown += 1
    if not shown:
        yield LintFinding("sections-missing", "paper_text_sections", "no section that a reviewer may see")


def _date(published: str | None) -> Iterator[LintFinding]:
    if not published:
        return
    field = "published_date"
    parts = _DATE.fullmatch(published)
    if parts is None:
        yield LintFinding("date-form", field, f"{printable(published, 40)} is not YYYY-MM-DD, YYYY-MM or YYYY")
        return
    year, month, day = (int(part) if part else 1 for part in parts.groups())
    try:
        stated = date(year, month, day)
    except ValueError:
        yield LintFinding("date-impossible", field, f"{printable(published, 40)} is no date")
        return
    if year < _FIRST_JOURNAL:
        yield LintFinding("date-impossible", field, f"{printable(published, 40)} is before the first journal")
    elif stated > datetime.now(UTC).date():
        yield LintFinding("date-future", field, f"{printable(published, 40)} is after today")


def _facts(article: Article) -> Iterator[LintFinding]:
    if not (article.license or "").strip():
        yield LintFinding("licence-missing", "license", "no licence")
    if article.schema_version != "1.1":
        yield LintFinding("schema-version", "schema_version", f"{printable(article.schema_version, 40)}, not 1.1")
    response = bool((article.author_response_raw or "").strip())
    if article.has_author_response is False and response:
        yield LintFinding("response-flag", "has_author_response", "false, and author_response_raw has a text")
    if article.has_author_response and article.author_response_raw is not None and not response:
        yield LintFinding("response-flag", "has_author_response", "true, and author_response_raw is empty")


def _unknown_fields(row: Mapping[str, Any], model: type[Article] | type[Concern], place: str) -> Iterator[LintFinding]:
    known = (*model.model_fields, *_DERIVED, *TYPE_FIELDS, *_OF_REPORTS)
    unknown = [name for name in row if name not in known]
    if len(unknown) > _MOST_UNKNOWN:
        yield LintFinding("unknown-field", place.rstrip("."), f"{len(unknown):,} fields that the format does not have")
        return
    for name in unknown:
        shown = printable(name, 40)
        meant = did_you_mean(name, model.model_fields) if name not in _KEPT else ""
        if meant:
            yield LintFinding("field-name", f"{place}{shown}", f"no field of the format; {meant.rstrip()}")
        else:
            yield LintFinding("unknown-field", f"{place}{shown}", "no field of the format; kept, and read by nothing")
