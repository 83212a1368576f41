"""What a reviewer sees of an article, and nothing else.

The type has no field that could hold a review, a response or a decision, so handing one over is a type
error rather than an oversight.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from bioreview_bench.data.article import Article

_JOURNALS = {
    "elife": "eLife",
    "plos": "PLOS",
    "f1000": "F1000Research",
    "peerj": "PeerJ",
    "nature": "Nature Communications",
}

# A section whose normalised heading contains one of these was written after, or about, the review.
_SKIPPED_SECTIONS = (
    "acknowledg",
    "author contribution",
    "competing",
    "conflict of interest",
    "funding",
    "peer review",
    "reviewer",
    "referee",
    "decision letter",
    "author response",
    "assessment",
    "supplement",
)


@dataclass(frozen=True)
class Manuscript:
    """Title, abstract, body sections (heading to text, in file order), reference list and journal."""

    id: str
    title: str
    abstract: str
    sections: dict[str, str]
    references: tuple[Any, ...]
    journal: str
    doi: str | None = None

    @classmethod
    def from_article(cls, article: Article, *, with_doi: bool = False) -> Manuscript:
        """The reviewer's view of `article`. The DOI leads to the published reviews, so it is withheld."""
        return cls(
            id=article.id,
            title=article.title or "",
            abstract=article.abstract or "",
            sections={name: text for name, text in article.sections.items() if not is_skipped(name)},
            references=article.structured_references,
            journal=_JOURNALS.get(article.source, article.source),
            doi=article.doi if with_doi else None,
        )

    @cached_property
    def digest(self) -> str:
        """First 12 hex digits of the sha256 of everything that can be read here, sections in their order."""
        shown = asdict(self) | {"sections": list(self.sections.items()), "references": _stated(self.references)}
        return hashlib.sha256(json.dumps(shown, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _stated(value: Any) -> Any:
    """A reference without its nulls: Parquet writes an absent field as one."""
    if isinstance(value, dict):
        return {str(name): _stated(inner) for name, inner in value.items() if inner is not None}
    return [_stated(inner) for inner in value] if isinstance(value, list | tuple) else value


def is_skipped(heading: str) -> bool:
    """True when a section with this heading is withheld from reviewers."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading).casefold()
    words = re.split(r"[\W_]+", re.sub(r"['\u2019]s?\b", "", spaced))
    # Plurals read like singulars: "Conflicts of interest", "Authors' contributions".
    normalised = " ".join(word.removesuffix("s") for word in words if word)
    return any(skipped in normalised for skipped in _SKIPPED_SECTIONS)
