"""Articles and the concerns that human reviewers raised, as typed records.

Unknown fields are kept. What follows from other fields (resolution, validity, family) is derived, never stored.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)

from bioreview_bench.data.vocabulary import SLUG, SOURCES, Category, Severity, Stance, is_source, normalise
from bioreview_bench.errors import did_you_mean, printable

# Fields in which the text of a paper or a letter lies; nearly all of an article's size.
_LONG = frozenset(("paper_text_sections", "structured_references", "decision_letter_raw", "author_response_raw"))
TYPE_FIELDS = ("article_type", "publication_type", "type")  # unknown fields that say what kind of article it is
_MOST = 10_000  # parts of a list; each one that is wrong would be a message
_F1000_VERSION = re.compile(r"(10\.12688/[a-z0-9-]+\.\d+)\.\d+")


def _null_is(default: Any) -> BeforeValidator:
    """Parquet writes an absent field as null; read it as the field's default."""
    return BeforeValidator(lambda value: default() if value is None else value)


def _sections(value: Any) -> Any:
    """Sections as an object, for those that come as a list of {heading, text}, or of the pairs of a Parquet map."""
    if not isinstance(value, list | tuple):
        return {} if value is None else value
    found: dict[str, Any] = {}
    for section in value:
        if isinstance(section, dict) and section.keys() in ({"heading", "text"}, {"key", "value"}):
            heading, text = section.get("heading", section.get("key")), section.get("text", section.get("value"))
        elif isinstance(section, list | tuple) and len(section) == 2:
            heading, text = section
        else:
            raise ValueError("a section in a list is {heading, text}")
        if not isinstance(heading, str):
            raise ValueError("a section's heading is a string")
        if heading in found:
            raise ValueError(f'two sections are called "{heading}"')
        found[heading] = text
    return found


def _slug(value: str) -> str:
    if not is_source(value):
        meant = did_you_mean(value, SOURCES)
        raise ValueError(f'"{printable(value)}" is not a slug of {SLUG}' + (f"; {meant.rstrip()}" if meant else ""))
    return value


class Concern(BaseModel):
    """One concern of a human reviewer: a *reference*, once its text is normalised.

    A concern without category or severity is scored, and stands in no slice by that label.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    concern_id: Annotated[StrictStr, Field(min_length=1)]
    concern_text: Annotated[StrictStr, Field(min_length=10, max_length=2000)]
    category: Category | None = None
    severity: Severity | None = None
    reviewer_num: StrictInt | None = None
    author_response_text: StrictStr | None = None
    author_stance: Stance | None = None
    evidence_of_change: StrictBool | None = None
    resolution_confidence: Annotated[float, Field(ge=0, le=1, strict=True)] | None = None
    raised_by_multiple: StrictBool | None = None
    requires_figure_reading: Annotated[StrictBool, _null_is(bool)] = False

    @field_validator("concern_text")
    @classmethod
    def _not_blank(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("concern_text is blank")
        return text

    @property
    def text(self) -> str:
        """The normalised text that is embedded."""
        return normalise(self.concern_text)

    @property
    def figure(self) -> bool:
        """True when the concern can only be judged from a figure; contracts exclude such references."""
        return self.requires_figure_reading or self.category == "figure_issue"

    @property
    def was_valid(self) -> bool | None:
        """True when the authors conceded the point, at least in part, and did not leave all as it was.

        None where their reaction is not known.
        """
        if self.author_stance is None:
            return None
        return self.author_stance in ("conceded", "partial") and self.evidence_of_change is not False

    @property
    def resolution(self) -> str | None:
        """How the authors reacted."""
        return self.author_stance


class Article(BaseModel):
    """A published article with its reviews. A reviewer never receives one; see `Manuscript`.

    `source` is the venue: one of the presets, or any other slug. An article without `concerns` is not `reviewed`: it
    can be read and reviewed by a machine, but not scored.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    id: Annotated[StrictStr, Field(min_length=1)]
    source: Annotated[StrictStr, AfterValidator(_slug)]
    concerns: tuple[Concern, ...] = ()
    doi: StrictStr | None = None
    title: StrictStr | None = None
    abstract: StrictStr | None = None
    subjects: Annotated[tuple[StrictStr, ...], _null_is(tuple)] = ()
    published_date: StrictStr | None = None
    review_format: Literal["journal", "reviewed_preprint", "unknown"] | None = None
    has_author_response: StrictBool | None = None
    editorial_decision: StrictStr | None = None
    revision_round: StrictInt | StrictStr | None = None
    paper_text_sections: Annotated[dict[str, StrictStr | None], BeforeValidator(_sections)] = Field(
        default_factory=dict
    )
    structured_references: Annotated[tuple[Any, ...], _null_is(tuple)] = ()
    decision_letter_raw: StrictStr | None = None
    author_response_raw: StrictStr | None = None
    license: StrictStr | None = None
    extraction_manifest_id: StrictStr | None = None
    schema_version: Annotated[StrictStr, _null_is(lambda: "1.1")] = "1.1"

    @model_validator(mode="before")
    @classmethod
    def _null_concerns_are_none(cls, row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        for name in ("concerns", "subjects", "paper_text_sections"):
            value = row.get(name)
            if isinstance(value, list | tuple | dict) and len(value) > _MOST:
                raise ValueError(f"{name} has {len(value):,} parts; at most {_MOST:,} are read")
        if row.get("concerns", ()) is None:
            return {name: value for name, value in row.items() if name != "concerns"}
        return row

    @field_validator("id")
    @classmethod
    def _canonical_id(cls, value: str) -> str:
        return canonical_id(value)

    @field_validator("concerns")
    @classmethod
    def _distinct_concerns(cls, concerns: tuple[Concern, ...]) -> tuple[Concern, ...]:
        seen: set[str] = set()
        for concern in concerns:
            if concern.concern_id in seen:
                raise ValueError(f"two concerns with the id {concern.concern_id}")
            seen.add(concern.concern_id)
        return concerns

    @property
    def reviewed(self) -> bool:
        """True when the concerns of its reviewers are known, even if there are none."""
        return "concerns" in self.model_fields_set

    @property
    def sections(self) -> dict[str, str]:
        """Body sections with text, in file order."""
        return {name: text for name, text in self.paper_text_sections.items() if text}

    def without_texts(self) -> Article:
        """The article without paper, letters and unknown fields, other than those that say what kind it is.

        This is what families, labels and counts are made from; thousands of them fit into memory.
        """
        kept = {name: getattr(self, name) for name in self.model_fields_set - _LONG if name in Article.model_fields}
        kept |= {name: value for name, value in (self.model_extra or {}).items() if name in TYPE_FIELDS}
        return Article.model_construct(**kept)

    @cached_property
    def family(self) -> str:
        """Name of the group of articles that are versions of one manuscript (scoring specification, section 5)."""
        doi = (self.doi or "").strip().lower()
        version = _F1000_VERSION.fullmatch(doi)
        return version.group(1) if version else doi or self.id


def canonical_id(value: str) -> str:
    """F1000 ids are written with `_` where a DOI has a slash; other ids are returned as they are."""
    prefix, colon, rest = value.partition(":")
    return f"{prefix}:{rest.replace('/', '_')}" if colon and prefix == "f1000" else value
