"""JATS, the XML of biomedical publishers, to an article with its reviews.

Reviews of eLife, PLOS and F1000 are read, as `jats_reviews` says; of other journals, those that are laid out as theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bioreview_bench.data.article import Article
from bioreview_bench.data.papers.jats_reviews import XLINK, Report, ReportKind, date_of, read_reports
from bioreview_bench.data.papers.jats_text import is_left_out, line, paragraphs
from bioreview_bench.data.papers.paper import Paper
from bioreview_bench.data.papers.xml import local_name, parse_xml
from bioreview_bench.errors import InputError, printable

if TYPE_CHECKING:
    from lxml.etree import _Element

_PARTS = ("introduction", "methods", "results", "discussion", "other")
_SECTION_TYPES = {"intro": "introduction", "materials": "methods", "method": "methods", "conclusions": "discussion"}
_HEADINGS = (
    ("introduction", re.compile(r"introduction|background", re.I)),
    ("methods", re.compile(r"(?:materials?|methods?|experimental procedures|patients|star\W*methods)\b", re.I)),
    ("results", re.compile(r"results?\b", re.I)),
    ("discussion", re.compile(r"(?:discussion|conclusions?)\b", re.I)),
)


@dataclass(frozen=True)
class JatsArticle:
    """What a JATS file says of a paper and of its reviews."""

    paper: Paper
    identifier: str
    source: str
    article_type: str
    subjects: tuple[str, ...]
    published: str | None
    licence: str | None
    parts: dict[str, str]
    reports: tuple[Report, ...]

    def text_of(self, *kinds: ReportKind) -> str | None:
        """The texts of all reports of these kinds, in order, under the names of their reviewers; None when there are
        none."""
        found = [report.headed_text for report in self.reports if report.kind in kinds and report.text]
        return "\n\n".join(found) or None

    def reviews(self) -> list[str]:
        """The text of each review; of a reviewer with several reports, all of them."""
        found: dict[int | str, list[str]] = {}
        for number, report in enumerate(self.reports):
            if report.kind != "response" and report.text:
                found.setdefault(report.reviewer or f"letter {number}", []).append(report.text)
        return ["\n\n".join(texts) for texts in found.values()]

    def to_article(self) -> Article:
        """As an Article without concerns: they are extracted from its letters."""
        response = self.text_of("response")
        reviewed_preprint = any(report.kind == "public_review" for report in self.reports)
        letter = self.text_of("decision_letter", "public_review", "report")
        quotes = {quote for report in self.reports for quote in report.quotes}
        quoted = [place for place, text in enumerate((response or "").split("\n\n")) if text in quotes]
        facts = [report.facts() for report in self.reports if report.reviewer is not None and report.text]
        return Article.model_validate(
            {
                "id": f"{self.source}:{self.identifier}",
                "source": self.source,
                "doi": self.paper.doi,
                "title": self.paper.title or None,
                "abstract": self.paper.abstract or None,
                "subjects": list(self.subjects),
                "published_date": self.published,
                "review_format": "reviewed_preprint" if reviewed_preprint else "journal" if letter else "unknown",
                "has_author_response": response is not None,
                "license": self.licence,
                "paper_text_sections": self.parts,
                "decision_letter_raw": letter,
                "author_response_raw": response,
                "article_type": self.article_type,
                "schema_version": "1.1",
                **({"reports": facts} if facts else {}),
                **({"response_quotes": quoted} if quoted else {}),
            }
        )


def parse_jats(data: bytes, where: str = "the file") -> JatsArticle:
    """Parse a JATS article. Raises InputError when it is no XML, no article, or not safe to read."""
    root = parse_xml(data, where)
    article = (
        root if local_name(root) == "article" else next((e for e in root.iter() if local_name(e) == "article"), None)
    )
    if article is not None:
        _without_namespace(article)
    meta = None if article is None else article.find("front/article-meta")
    if article is None or meta is None:
        raise InputError(f"{where} is not a JATS article: its root is <{printable(local_name(root))}>.", remedy=_REMEDY)
    doi = _identifier(meta, "doi")
    body = article.find("body")
    sections = [] if body is None else list(_sections(body))
    headed: dict[str, list[str]] = {}
    parts: dict[str, list[str]] = {}
    for heading, part, texts in sections:
        headed.setdefault(heading, []).extend(texts)
        parts.setdefault(part, []).extend([*([heading] if heading else []), *texts])
    source, identifier = _names(article, meta, doi, where)
    paper = Paper(
        title=line(meta.find("title-group/article-title")),
        abstract=_abstract(meta),
        sections={heading: "\n\n".join(texts) for heading, texts in headed.items()},
        references=tuple(_references(article)),
        doi=doi,
        form="jats",
    )
    return JatsArticle(
        paper,
        identifier,
        source,
        article.get("article-type", "unknown"),
        _subjects(meta, source),
        _date(meta),
        next((link for found in meta.iterfind("permissions/license") if (link := found.get(XLINK))), None),
        {part: "\n\n".join(parts[part]) for part in _PARTS if part in parts},
        tuple(read_reports(article)),
    )


def _without_namespace(article: _Element) -> None:
    """Drop the namespace of an article's own elements, which archives (OAI) declare; MathML keeps its own."""
    prefix = str(article.tag).removesuffix("article")
    for element in article.iter() if prefix else ():
        if isinstance(element.tag, str) and element.tag.startswith(prefix):
            element.tag = element.tag.removeprefix(prefix)


def _sections(body: _Element) -> Iterator[tuple[str, str, list[str]]]:
    """(heading, part of the paper, paragraphs without that heading) of each top section; loose text has no heading."""
    for child in body:
        name = local_name(child)
        if name != "sec":
            loose = [line(child)] if name == "p" else [] if is_left_out(child) else list(paragraphs(child))
            if any(loose):
                yield "", "other", [text for text in loose if text]
            continue
        heading = line(child.find("title"))
        found = list(paragraphs(child))
        if found and heading and found[0] == heading:
            found = found[1:]
        if found:
            yield heading, _part(child.get("sec-type") or "", heading), found


def _part(kind: str, heading: str) -> str:
    first = kind.split("|")[0].strip().lower()
    first = _SECTION_TYPES.get(first, first)
    if first in _PARTS:
        return first
    return next((part for part, pattern in _HEADINGS if pattern.match(heading)), "other")


def _abstract(meta: _Element) -> str:
    """The abstract proper; summaries for other readers and the DOI that eLife once ended it with are left out."""
    for abstract in meta.iterfind("abstract"):
        if abstract.get("abstract-type") is None:
            found = [text for text in paragraphs(abstract) if not re.fullmatch(r"DOI:\s*\S+", text)]
            return "\n\n".join(found)
    return ""


def _names(article: _Element, meta: _Element, doi: str | None, where: str) -> tuple[str, str]:
    """(source, identifier): a preset's own form of id where it is one, else the journal's slug and the DOI."""
    journal = next((line(e) for e in article.iterfind("front/journal-meta/journal-id")), "").lower()
    publisher = _identifier(meta, "publisher-id")
    if doi is not None and doi.lower().startswith("10.7554/elife.") and (number := re.search(r"\d+", doi[13:])):
        return "elife", number.group()
    if doi is not None and doi.startswith("10.1371/"):
        return "plos", doi
    if doi is not None and doi.startswith("10.12688/f1000research."):
        return "f1000", doi.replace("/", "_")
    if doi is not None and doi.startswith("10.7717/peerj.") and (number := re.fullmatch(r"\d+", doi[14:])):
        return "peerj", number.group()
    slug = re.sub(r"[^a-z0-9]+", "-", journal).strip("-")[:40] or "journal"
    identifier = doi or publisher
    if not identifier:
        raise InputError(f"{where} has neither a DOI nor an id of its publisher.", remedy=_REMEDY)
    return slug, identifier


def _identifier(meta: _Element, kind: str) -> str | None:
    return next((text for e in meta.iterfind("article-id") if e.get("pub-id-type") == kind and (text := line(e))), None)


def _subjects(meta: _Element, source: str) -> tuple[str, ...]:
    """Fields of science. With PLOS and F1000 the heading is the type of the article."""
    kinds = ("subject", "Discipline", "Discipline-v3", None if source == "f1000" else "subject")
    if source not in ("plos", "f1000"):
        kinds = ("subject", "heading", "Discipline", "Discipline-v3")
    wanted = [
        group for group in meta.iterfind("article-categories/subj-group") if group.get("subj-group-type") in kinds
    ]
    found = (line(subject) for group in wanted for subject in group.iter("subject"))
    return tuple(dict.fromkeys(text for text in found if text and text != "Articles"))


def _date(meta: _Element) -> str | None:
    """The day of publication as YYYY-MM-DD, as far as it is known; of several the most exact of the first kind."""
    dates = list(meta.iterfind("pub-date"))
    kinds = ("publication", "pub", "epub", "ppub", "collection")
    ranked = [date for kind in kinds for date in dates if kind in (date.get("date-type"), date.get("pub-type"))]
    return date_of(ranked or dates)


def _references(article: _Element) -> Iterator[str]:
    """The reference list, one line each: authors, year, title, source."""
    for reference in article.iterfind("back//ref-list/ref"):
        cited = next(
            (e for e in reference if local_name(e) in ("element-citation", "mixed-citation", "citation")), None
        )
        if cited is None:
            continue
        if local_name(cited) == "mixed-citation":
            text = line(cited)
        else:
            names = [f"{line(n.find('surname'))} {line(n.find('given-names'))}".strip() for n in cited.iter("name")]
            fields = [", ".join(names), *(line(cited.find(name)) for name in ("year", "article-title", "source"))]
            text = ". ".join(field.rstrip(".") for field in fields if field)
        if text:
            yield text


_REMEDY = "name the XML of an article in JATS"
