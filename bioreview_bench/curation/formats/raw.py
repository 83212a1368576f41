"""One paper as a data set has it, and the row of articles.jsonl that it becomes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bioreview_bench.data.vocabulary import SOURCES

SHORTEST, LONGEST = 10, 2000  # characters of a concern
_SAFE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,79}")
_HEADING = re.compile(r"^[ \t]*(?:[-*#]+[ \t]*)?[A-Z][\w ,/&()-]{1,58}:[ \t]*$", re.MULTILINE)
_SENTENCE_END = re.compile(r"[.?!][\"')\]]*\s+")


@dataclass(frozen=True)
class RawReview:
    """A whole review, not divided into concerns. `reviewer` counts from 1."""

    reviewer: int
    text: str


@dataclass(frozen=True)
class RawConcern:
    """A concern that the data set itself has divided off. `more` are fields that are kept as they are."""

    reviewer: int
    text: str
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RawPair:
    """Judged pairs of one text: what raters called the concerns at these places of the article.

    `labels` is by rater: place in `RawArticle.concerns` to same or related. Raters saw the concerns in `judged` only.
    """

    text: str
    written_as: str
    labels: dict[str, dict[int, str]]
    judged: tuple[int, ...]


@dataclass(frozen=True)
class RawArticle:
    """What a data set says of one paper. `key` is its id there; `where` says file and line, for messages.

    `concerns` is None where the data set has whole reviews only. `more` are fields that are kept as they are.
    """

    key: str
    venue: str
    where: str
    title: str | None = None
    abstract: str | None = None
    sections: dict[str, str] = field(default_factory=dict)
    reviews: Sequence[RawReview] = ()
    concerns: Sequence[RawConcern] | None = None
    pairs: Sequence[RawPair] = ()
    response: str | None = None
    split: str | None = None
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def article_id(self) -> str:
        """`venue:key`, the key in safe characters."""
        return f"{self.venue}:{slug_of(self.key)}"

    def row(self) -> dict[str, Any]:
        """The article, its concerns aside."""
        found = {
            "id": self.article_id,
            "source": self.venue,
            "title": self.title,
            "abstract": self.abstract,
            "paper_text_sections": {name: text for name, text in self.sections.items() if text.strip()},
            "decision_letter_raw": letter(self.reviews),
            "author_response_raw": self.response,
            "has_author_response": True if self.response else None,
            "schema_version": "1.1",
        } | self.more
        return {name: value for name, value in found.items() if value is not None}


def slug_of(key: str) -> str:
    """An id in safe characters; one that had to be changed ends in a hash, so that no two become the same.

    >>> slug_of("173"), slug_of("../etc/passwd")
    ('173', 'etc-passwd-7fef78f5')
    """
    if _SAFE.fullmatch(key) and not key.endswith("."):
        return key
    readable = re.sub(r"[^A-Za-z0-9]+", "-", key).strip("-")[:60].rstrip("-")
    return f"{readable or 'id'}-{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def venue_of(name: str, data_set: str) -> str:
    """A slug for a venue; the data set stands before one that is a preset, whose ids have a form of their own.

    >>> venue_of("arxiv.cs.cl_2007-2017", "peerread"), venue_of("F1000", "nlpeer")
    ('arxiv-cs-cl_2007-2017', 'nlpeer-f1000')
    """
    slug = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-_")[:40].rstrip("-_")
    return f"{data_set}-{slug}" if slug in SOURCES else slug or data_set


def letter(reviews: Sequence[RawReview]) -> str | None:
    """Whole reviews as one letter, each under `Reviewer #N:`; None where there are none.

    A line that is a heading (`Weaknesses:`) gets blank lines around it; no word is changed.
    """
    parts = [f"Reviewer #{review.reviewer}:\n\n{_spaced(review.text)}" for review in reviews]
    return "\n\n".join(parts) or None


def _spaced(text: str) -> str:
    return re.sub(r"\n(?:[ \t]*\n){2,}", "\n\n", _HEADING.sub(r"\n\g<0>\n", text)).strip()


def shortened(text: str) -> str:
    """At most LONGEST characters: whole sentences where that leaves at least half."""
    text = text.strip()
    if len(text) <= LONGEST:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text[:LONGEST])]
    end = ends[-1] if ends and ends[-1] >= LONGEST // 2 else LONGEST
    return text[:end].rstrip()


def headed(fields: Sequence[tuple[str, str]]) -> str:
    """Fields of a structured review as one text, each under its name.

    >>> headed([("summary_of_weaknesses", "No control.")])
    'Summary of weaknesses:\\n\\nNo control.'
    """
    names = [(name.replace("_", " ").strip().capitalize(), text.strip()) for name, text in fields if text.strip()]
    return "\n\n".join(f"{name}:\n\n{text}" for name, text in names)
