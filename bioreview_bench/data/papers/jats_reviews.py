"""The reviews in a JATS article, as eLife, PLOS and F1000 lay out their sub-articles.

- eLife: a decision letter, or public reviews; the authors' response. Its assessment sums up, and is left out.
- PLOS: a letter for each round, in which the reviewers' remarks follow each other; the authors' response to each.
- F1000 and its sister platforms: a report for each reviewer and version, and in it the authors' response to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bioreview_bench.data.papers.jats_text import line, paragraphs, quotations
from bioreview_bench.data.papers.review_forms import letter_date, reviewers_remarks, without_questions

if TYPE_CHECKING:
    from lxml.etree import _Element

ReportKind = Literal["decision_letter", "public_review", "report", "response"]

_KINDS: dict[str, ReportKind] = {
    "article-commentary": "decision_letter",
    "decision-letter": "decision_letter",
    "referee-report": "public_review",
    "reply": "response",
    "author-comment": "response",
    "response": "response",
}
_ROUNDS_OF_LETTERS = "aggregated-review-documents"
_REPORTS = ("ref-report", "reviewer-report")
_NAME = ("given-names", "surname")
_ROUND = ("submission version", "peer-review-revision-round")  # counted from 0
_RECOMMENDATION = ("recommendation", "peer-review-recommendation")
XLINK = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True)
class Report:
    """A letter, review, report or response. `title` is its heading ("Reviewer #1 (Public Review)"); paragraphs of
    `text` are separated by blank lines.

    Where the publisher keeps reviewers apart, `reviewer` counts them from 1, also across rounds, and `round` is the
    version of the manuscript, from 1, that was reviewed or, in a response, whose review is answered. `quotes` are the
    paragraphs of a response that it marks as the reviewers' words.
    """

    kind: ReportKind
    title: str
    text: str
    reviewer: int | None = None
    round: int | None = None
    recommendation: str | None = None
    date: str | None = None
    licence: str | None = None
    doi: str | None = None
    quotes: frozenset[str] = frozenset()

    @property
    def headed_text(self) -> str:
        """The text; under the reviewer's name where it has one of its own."""
        if self.reviewer is not None:
            reviewed = f" (round {self.round})" if self.round else ""
            return f"Reviewer #{self.reviewer}{reviewed}:\n\n{self.text}"
        named = self.kind != "public_review" or self.text.startswith(self.title.rstrip(": "))
        return self.text if named else f"{self.title}\n\n{self.text}"

    def facts(self) -> dict[str, Any]:
        """What is known of it beside its text."""
        known = {
            "kind": self.kind,
            "reviewer_num": self.reviewer,
            "round": self.round,
            "recommendation": self.recommendation,
            "date": self.date,
            "license": self.licence,
            "doi": self.doi,
        }
        return {name: value for name, value in known.items() if value is not None}


def read_reports(article: _Element) -> Iterator[Report]:
    """The reviews and responses of an article, in order; F1000's by the version that they are about."""
    by_reviewer: list[_Element] = []
    for sub in article.iter("sub-article", "response"):
        if next(sub.iterancestors("sub-article", "response"), None) is not None:
            continue
        kind = _type(sub)
        if kind in _REPORTS:
            by_reviewer.append(sub)
        elif kind == _ROUNDS_OF_LETTERS:
            yield from _letter(sub)
        elif kind in _KINDS:
            yield from _whole(sub, _KINDS[kind])
    yield from _reports(by_reviewer)


def date_of(dates: Iterable[_Element]) -> str | None:
    """The first of some dates that has a year, as YYYY-MM-DD as far as it is known."""
    for date in dates:
        parts = [line(date.find(name)) for name in ("year", "month", "day")]
        if re.fullmatch(r"\d{4}", parts[0]):
            known = [parts[0], *(part.zfill(2) for part in parts[1:] if re.fullmatch(r"\d{1,2}", part))]
            return "-".join(known)
    return None


def _type(sub: _Element) -> str:
    return sub.get("article-type") or sub.get("response-type") or ""


def _whole(sub: _Element, kind: ReportKind) -> Iterator[Report]:
    body = sub.find("body")
    if body is None:
        return
    of_plos = _meta(sub, _ROUND) is not None
    found = list(paragraphs(body, marked=of_plos))
    date, texts = letter_date(found) if of_plos else (None, found)
    yield Report(
        kind,
        _title(sub),
        "\n\n".join(texts),
        date=date or _date(sub),
        licence=_licence(sub),
        doi=_doi(sub),
        quotes=frozenset(quotations(body)) if kind == "response" else frozenset(),
    )


def _letter(sub: _Element) -> Iterator[Report]:
    """PLOS: the remarks of each reviewer in one round's letter."""
    body = sub.find("body")
    if body is None:
        return
    date, texts = letter_date(list(paragraphs(body, marked=True)))
    number = _meta(sub, _ROUND)
    reviewed = int(number) + 1 if number and re.fullmatch(r"\d{1,2}", number) else None
    for reviewer, remarks in reviewers_remarks(texts).items():
        yield Report(
            "report",
            _title(sub),
            "\n\n".join(remarks),
            reviewer,
            reviewed,
            date=date or _date(sub),
            licence=_licence(sub),
            doi=_doi(sub),
        )


def _reports(subs: list[_Element]) -> Iterator[Report]:
    """F1000: each reviewer's report, first versions first, followed by what the authors answered to it."""
    numbers: dict[str, int] = {}
    for sub in sorted(subs, key=lambda sub: (_version(sub) or 0, _date(sub) or "")):
        name = " ".join(line(sub.find(f"front-stub/contrib-group/contrib/name/{part}")) for part in _NAME).strip()
        reviewer = numbers.setdefault(name or f"nobody {len(numbers)}", len(numbers) + 1)
        body = sub.find("body")
        if body is not None:
            texts = without_questions(list(paragraphs(body, marked=True)))
            yield Report(
                "report",
                _title(sub),
                "\n\n".join(texts),
                reviewer,
                _version(sub),
                _meta(sub, _RECOMMENDATION),
                _date(sub),
                _licence(sub),
                _doi(sub),
            )
        for answer in sub.iterfind("sub-article"):
            body = answer.find("body")
            if _KINDS.get(_type(answer)) == "response" and body is not None:
                text = "\n\n".join(paragraphs(body, marked=True))
                yield Report("response", _title(answer), text, reviewer, _version(sub), date=_date(answer))


def _title(sub: _Element) -> str:
    return next((line(e) for e in sub.iterfind("front-stub/title-group/article-title")), "")


def _version(sub: _Element) -> int | None:
    """The version that a report of F1000 is about: by its title, else by the DOI of what it reviews."""
    titled = re.search(r"version (\d{1,3})", _title(sub))
    related = sub.find("front-stub/related-article[@related-article-type='peer-reviewed-article']")
    linked = None if related is None else re.search(r"\.v?(\d{1,3})$", related.get(XLINK) or "")
    number = titled or linked
    stated = _meta(sub, _ROUND)
    if number is None and stated and re.fullmatch(r"\d{1,2}", stated):
        return int(stated) + 1
    return int(number[1]) if number else None


def _meta(sub: _Element, names: tuple[str, ...]) -> str | None:
    for meta in sub.iterfind("front-stub/custom-meta-group/custom-meta"):
        if line(meta.find("meta-name")).lower() in names:
            return line(meta.find("meta-value")) or None
    return None


def _date(sub: _Element) -> str | None:
    return date_of([*sub.iterfind("front-stub/pub-date"), *sub.iterfind("front-stub/history/date")])


def _licence(sub: _Element) -> str | None:
    return next((link for e in sub.iterfind("front-stub/permissions/license") if (link := e.get(XLINK))), None)


def _doi(sub: _Element) -> str | None:
    return next((line(e) for e in sub.iterfind("front-stub/article-id") if e.get("pub-id-type") == "doi"), None)
