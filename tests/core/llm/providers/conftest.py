"""An article whose withheld fields can be told from all else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def canaries(make_article: Callable[..., Any]) -> Any:
    """An article with CANARY in every field and section that a reviewer may not see, VISIBLE in the others."""
    headings = [
        "Acknowledgements",
        "Author contributions",
        "Competing interests",
        "Conflict of Interest",
        "Funding",
        "Peer review",
        "Reviewer #1 (Public review)",
        "Referee report",
        "Decision letter",
        "Author response",
        "eLife assessment",
        "Supplementary material",
    ]
    hidden = ("editorial_decision", "revision_round", "decision_letter_raw", "author_response_raw", "unknown_field")
    return make_article(
        "elife:1",
        [{"concern_text": "CANARY-concern is long enough.", "author_response_text": "CANARY-answer"}],
        doi="10.7554/CANARY-doi",
        title="VISIBLE-TITLE",
        abstract="VISIBLE-ABSTRACT is here.",
        review_format="journal",
        paper_text_sections={
            "Results": "VISIBLE-BODY was measured.",
            **{heading: f"CANARY-{heading}" for heading in headings},
        },
        **{field: f"CANARY-{field}" for field in hidden},
    )
