"""JATS, the XML of biomedical publishers, to an article with its reviews.

Checked on eLife: decision letters and responses (2012 to 2021). Public reviews of eLife's reviewed preprints follow its
documented layout. Sub-articles of PLOS, F1000 and others are not read as reviews, for no file of theirs was at hand.
Inline markup, citations and formulas become plain text; figures, tables, captions and footnotes are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bioreview_bench.data.article import Article
from bioreview_bench.data.papers.paper import Paper
from bioreview_bench.data.papers.xml import local_name, parse_xml
from bioreview_bench.errors import InputError, printable

if TYPE_CHECKING:
    from lxml.etree import _Element

ReportKind = Literal["decision_letter", "public_review", "response"]

# What an article-type of a sub-article is. An editor's assessment praises or sums up; it raises no concerns.
_KINDS: dict[str, ReportKind] = {
    "article-commentary": "decision_letter",
    "decision-letter": "decision_letter",
    "referee-report": "public_review",
    "reply": "response",
    "author-comment": "response",
}
_LEFT_OUT = frozenset(
    (
        *("fig", "fig-group", "table-wrap", "table-wrap-group", "supplementary-material", "media", "graphic"),
        *("inline-graphic", "inline-supplementary-material", "fn-group", "fn", "caption", "object-id", "label"),
        *("permissions", "ref-list"),
    )
)
# Within a paragraph these stand on lines of their own: their words are not those beside them.
_APART = frozenset(("break", "p", "list", "list-item", "disp-quote", "boxed-text", "verse-line"))
_PARTS = ("introduction", "methods", "results", "discussion", "other")
_SECTION_TYPES = {"intro": "introduction", "materials": "methods", "method": "methods", "conclusions": "discussion"}
_HEADINGS = (
    ("introduction", re.compile(r"introduction|background", re.I)),
    ("methods", re.compile(r"(?:materials?|methods?|experimental procedures|patients|star\W*methods)\b", re.I)),
    ("results", re.compile(r"results?\b", re.I)),
    ("discussion", re.compile(r"(?:discussion|conclusions?)\b", re.I)),
)
_XLINK = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True)
class Report:
    """A letter, review or response. `title` is its heading ("Reviewer #1 (Public Review)"); paragraphs of `text` are
    separated by blank lines."""

    kind: ReportKind
    title: str
    text: str

    @property
    def headed_text(self) -> str:
        """The text; that of a public review with its title before it, unless it begins with it."""
        named = self.kind != "public_review" or self.text.startswith(self.title.rstrip(": "))
        return self.text if named else f"{self.title}\n\n{self.text}"


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
        """The texts of all reports of these kinds, in order, public reviews under the names of their reviewers; None
        when there are none."""
        found = [report.headed_text for report in self.reports if report.kind in kinds and report.text]
        return "\n\n".join(found) or None

    def to_article(self) -> Article:
        """As an Article without concerns: they are extracted from its letters."""
        response = self.text_of("response")
        reviewed_preprint = any(report.kind == "public_review" for report in self.reports)
        letter = self.text_of("decision_letter", "public_review")
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
    for heading, part, paragraphs in sections:
        headed.setdefault(heading, []).extend(paragraphs)
        parts.setdefault(part, []).extend([*([heading] if heading else []), *paragraphs])
    source, identifier = _names(article, meta, doi, where)
    paper = Paper(
        title=_line(meta.find("title-group/article-title")),
        abstract=_abstract(meta),
        sections={heading: "\n\n".join(paragraphs) for heading, paragraphs in headed.items()},
        references=tuple(_references(article)),
        doi=doi,
        form="jats",
    )
    return JatsArticle(
        paper,
        identifier,
        source,
        article.get("article-type", "unknown"),
        _subjects(meta),
        _date(meta),
        next((link for found in meta.iterfind("permissions/license") if (link := found.get(_XLINK))), None),
        {part: "\n\n".join(parts[part]) for part in _PARTS if part in parts},
        tuple(_reports(article)),
    )


def _without_namespace(article: _Element) -> None:
    """Drop the namespace of an article's own elements, which archives (OAI) declare; MathML keeps its own."""
    prefix = str(article.tag).removesuffix("article")
    for element in article.iter() if prefix else ():
        if isinstance(element.tag, str) and element.tag.startswith(prefix):
            element.tag = element.tag.removeprefix(prefix)


def paragraphs(element: _Element) -> Iterator[str]:
    """Headings and paragraphs in order, each on one line."""
    for child in element:
        name = local_name(child)
        if name in _LEFT_OUT:
            continue
        if name in ("p", "title"):
            text = _line(child)
            if text:
                yield text
        else:
            yield from paragraphs(child)


def _line(element: _Element | None) -> str:
    """The text of an element on one line."""
    return "" if element is None else " ".join("".join(_inline(element)).split())


def _inline(element: _Element) -> Iterator[str]:
    name = local_name(element)
    if name in _LEFT_OUT:
        return
    if name == "math":
        yield " ".join("".join(map(str, element.itertext())).split())
        return
    apart = " " if name in _APART else ""
    yield apart
    if element.text:
        yield element.text
    for child in _chosen(element):
        if isinstance(child.tag, str):
            yield from _inline(child)
        if child.tail:
            yield child.tail
    yield apart


def _chosen(element: _Element) -> list[_Element]:
    """The children; of `alternatives`, which say the same several times, one that has words."""
    if local_name(element) != "alternatives":
        return list(element)
    ranked = [child for name in ("math", "textual-form", "tex-math") for child in element if local_name(child) == name]
    return ranked[:1]


def _sections(body: _Element) -> Iterator[tuple[str, str, list[str]]]:
    """(heading, part of the paper, paragraphs without that heading) of each top section; loose text has no heading."""
    for child in body:
        name = local_name(child)
        if name != "sec":
            loose = [_line(child)] if name == "p" else list(paragraphs(child)) if name not in _LEFT_OUT else []
            if any(loose):
                yield "", "other", [text for text in loose if text]
            continue
        heading = _line(child.find("title"))
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


def _reports(article: _Element) -> Iterator[Report]:
    for sub in article.iter("sub-article", "response"):
        kind = _KINDS.get(sub.get("article-type") or sub.get("response-type") or "")
        body = sub.find("body")
        if kind is not None and body is not None:
            title = next((_line(e) for e in sub.iterfind("front-stub/title-group/article-title")), "")
            yield Report(kind, title, "\n\n".join(paragraphs(body)))


def _names(article: _Element, meta: _Element, doi: str | None, where: str) -> tuple[str, str]:
    """(source, identifier): a preset's own form of id where it is one, else the journal's slug and the DOI."""
    journal = next((_line(e) for e in article.iterfind("front/journal-meta/journal-id")), "").lower()
    publisher = _identifier(meta, "publisher-id")
    if doi is not None and doi.lower().startswith("10.7554/elife.") and (number := re.search(r"\d+", doi[13:])):
        return "elife", number.group()
    if doi is not None and doi.startswith("10.1371/"):
        return "plos", doi
    if doi is not None and doi.startswith("10.12688/"):
        return "f1000", doi.replace("/", "_")
    if doi is not None and doi.startswith("10.7717/peerj.") and (number := re.fullmatch(r"\d+", doi[14:])):
        return "peerj", number.group()
    slug = re.sub(r"[^a-z0-9]+", "-", journal).strip("-")[:40] or "journal"
    identifier = doi or publisher
    if not identifier:
        raise InputError(f"{where} has neither a DOI nor an id of its publisher.", remedy=_REMEDY)
    return slug, identifier


def _identifier(meta: _Element, kind: str) -> str | None:
    return next(
        (text for e in meta.iterfind("article-id") if e.get("pub-id-type") == kind and (text := _line(e))), None
    )


def _subjects(meta: _Element) -> tuple[str, ...]:
    groups = list(meta.iterfind("article-categories/subj-group"))
    kinds = ("subject", "heading", "Discipline", "Discipline-v3")
    wanted = [group for group in groups if group.get("subj-group-type") in kinds]
    return tuple(dict.fromkeys(text for group in wanted for e in group.iter("subject") if (text := _line(e))))


def _date(meta: _Element) -> str | None:
    """The day of publication as YYYY-MM-DD, as far as it is known; of several the most exact of the first kind."""
    dates = list(meta.iterfind("pub-date"))
    kinds = ("publication", "pub", "epub", "ppub", "collection")
    ranked = [date for kind in kinds for date in dates if kind in (date.get("date-type"), date.get("pub-type"))]
    for date in ranked or dates:
        parts = [_line(date.find(name)) for name in ("year", "month", "day")]
        if re.fullmatch(r"\d{4}", parts[0]):
            known = [parts[0], *(part.zfill(2) for part in parts[1:] if re.fullmatch(r"\d{1,2}", part))]
            return "-".join(known)
    return None


def _references(article: _Element) -> Iterator[str]:
    """The reference list, one line each: authors, year, title, source."""
    for reference in article.iterfind("back//ref-list/ref"):
        cited = next(
            (e for e in reference if local_name(e) in ("element-citation", "mixed-citation", "citation")), None
        )
        if cited is None:
            continue
        if local_name(cited) == "mixed-citation":
            text = _line(cited)
        else:
            names = [f"{_line(n.find('surname'))} {_line(n.find('given-names'))}".strip() for n in cited.iter("name")]
            fields = [", ".join(names), *(_line(cited.find(name)) for name in ("year", "article-title", "source"))]
            text = ". ".join(field.rstrip(".") for field in fields if field)
        if text:
            yield text


_REMEDY = "name the XML of an article in JATS"
