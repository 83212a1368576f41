"""The closed vocabularies of the benchmark (exact, lower case).

The one normalisation of concern texts.
"""

from __future__ import annotations

import unicodedata
from typing import Literal, get_args

Category = Literal[
    "design_flaw",
    "statistical_methodology",
    "missing_experiment",
    "figure_issue",
    "prior_art_novelty",
    "writing_clarity",
    "reagent_method_specificity",
    "interpretation",
    "other",
]
Severity = Literal["major", "minor", "optional"]
Source = Literal["elife", "plos", "f1000", "peerj", "nature"]

CATEGORIES: tuple[str, ...] = get_args(Category)
SEVERITIES: tuple[str, ...] = get_args(Severity)
SOURCES: tuple[str, ...] = get_args(Source)

STATUSES_WITH_CONCERNS = ("ok", "repaired", "truncated")
STATUSES_WITHOUT_CONCERNS = ("empty", "parse_failed", "refused", "error")
STATUSES = STATUSES_WITH_CONCERNS + STATUSES_WITHOUT_CONCERNS

# What became of an article of the split; the outcomes partition it.
OUTCOMES = ("scored", "empty", "parse_failed", "refused", "error", "missing")
UNANSWERED = ("parse_failed", "refused", "error", "missing")


def normalise(text: str) -> str:
    """NFC, white space folded to single spaces, ends trimmed (scoring specification, section 1)."""
    # Most texts are normal: a space is the only white space that is printable, and looking is faster than folding.
    if "  " not in text and text.isprintable() and unicodedata.is_normalized("NFC", text):
        return text.strip(" ")
    return " ".join(unicodedata.normalize("NFC", text).split())
