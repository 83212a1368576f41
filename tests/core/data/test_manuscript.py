"""A reviewer sees the manuscript and nothing that was written after, or about, its review."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from bioreview_bench import Article, Manuscript
from bioreview_bench.data.manuscript import is_skipped

SEEN = {"id", "source", "title", "abstract", "paper_text_sections", "structured_references"}
HIDDEN: dict[str, Any] = {
    "concerns": [
        {
            "concern_id": "CANARY-concern-id",
            "concern_text": "CANARY-concern-text",
            "category": "design_flaw",
            "severity": "major",
            "author_response_text": "CANARY-response-to-concern",
            "note": "CANARY-unknown-field-of-concern",
        }
    ],
    "doi": "CANARY-doi",
    "subjects": ["CANARY-subject"],
    "published_date": "CANARY-date",
    "review_format": "reviewed_preprint",
    "has_author_response": True,
    "editorial_decision": "CANARY-decision",
    "revision_round": "CANARY-round",
    "decision_letter_raw": "CANARY-letter",
    "author_response_raw": "CANARY-response",
    "license": "CANARY-license",
    "extraction_manifest_id": "CANARY-extraction",
    "schema_version": "CANARY-schema",
}
SKIPPED = [
    "ACKNOWLEDGEMENTS",
    "Acknowledgments",
    "Author_Contributions",
    "author-contributions",
    "Competing Interests",
    "Declaration of competing interest",
    "Conflict  of\u00a0Interest",
    "5. Funding",
    "Grants/funding:",
    "Peer-review",
    "Peer Review File",
    "PEER_REVIEW",
    "Reviewer #1 (Public Review)",
    "Comments to reviewers",
    "Referee report",
    "Decision letter",
    "decision.letter",
    "Author_response",
    "eLife assessment",
    "Supplementary material",
    "supplement_1",
]
SHOWN = [
    "Introduction",
    "Results and Discussion",
    "Materials and methods",
    "Review of the literature",
    "Statistical analysis",
    "Data availability",
    "Limitations",
    "",
]


@pytest.fixture
def article() -> Article:
    """Something recognisable in every field, known or not."""
    return Article(
        id="elife:1",
        source="elife",
        title="SEEN-title",
        abstract="SEEN-abstract",
        paper_text_sections={
            "Introduction": "SEEN-introduction",
            "Peer-review": "CANARY-section",
            "Methods": "SEEN-methods",
            "Empty": "",
            "Null": None,
            "Funding": "CANARY-funding",
        },
        structured_references=[{"title": "SEEN-reference"}],
        reviews_of_the_lab="CANARY-unknown-field",
        **HIDDEN,
    )


def test_nothing_hidden_is_anywhere_in_the_manuscript(article: Article) -> None:
    shown = repr(Manuscript.from_article(article))
    assert "CANARY" not in shown
    assert "reviewed_preprint" not in shown
    for text in (
        "elife:1",
        *(f"SEEN-{part}" for part in ("title", "abstract", "introduction", "methods", "reference")),
    ):
        assert text in shown


def test_every_field_of_an_article_is_either_seen_or_planted_above() -> None:
    # A new field has to be put on one of the two sides.
    assert set(Article.model_fields) == SEEN | set(HIDDEN)
    assert not SEEN & set(HIDDEN)


def test_type_has_no_field_that_could_hold_a_review() -> None:
    names = [field.name for field in fields(Manuscript)]
    assert names == ["id", "title", "abstract", "sections", "references", "journal", "doi"]


def test_doi_is_withheld_unless_asked_for(article: Article) -> None:
    assert Manuscript.from_article(article).doi is None
    named = Manuscript.from_article(article, with_doi=True)
    assert named.doi == "CANARY-doi"
    assert repr(named).count("CANARY") == 1


def test_sections_with_text_come_in_file_order_under_their_own_names(article: Article) -> None:
    sections = Manuscript.from_article(article).sections
    assert list(sections.items()) == [("Introduction", "SEEN-introduction"), ("Methods", "SEEN-methods")]


@pytest.mark.parametrize("heading", SKIPPED)
def test_section_about_the_review_is_skipped_however_it_is_written(heading: str) -> None:
    assert is_skipped(heading)


@pytest.mark.parametrize("heading", SHOWN)
def test_section_of_the_paper_is_shown(heading: str) -> None:
    assert not is_skipped(heading)


def test_journal_is_named_and_absent_texts_are_empty() -> None:
    journals = {
        source: Manuscript.from_article(Article(id="x", source=source, concerns=[])).journal
        for source in ("elife", "plos", "f1000", "peerj", "nature")
    }
    assert journals == {
        "elife": "eLife",
        "plos": "PLOS",
        "f1000": "F1000Research",
        "peerj": "PeerJ",
        "nature": "Nature Communications",
    }
    bare = Manuscript.from_article(Article(id="x", source="plos", concerns=[]))
    assert (bare.title, bare.abstract, bare.sections, bare.references) == ("", "", {}, ())


@pytest.mark.parametrize(
    "heading", ["Author's response", "Authors’ contributions", "Conflicts of interest", "decisionLetter", "peerReview"]
)
def test_possessives_plurals_and_joined_words_are_withheld_too(heading: str) -> None:
    assert is_skipped(heading)
