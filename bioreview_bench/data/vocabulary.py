"""The closed vocabularies of the benchmark (exact, lower case), the open one of sources.

The one normalisation of concern texts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
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

Stance = Literal["conceded", "rebutted", "partial", "unclear", "no_response"]

CATEGORIES: tuple[str, ...] = get_args(Category)
SEVERITIES: tuple[str, ...] = get_args(Severity)
STANCES: tuple[str, ...] = get_args(Stance)

SOURCES = ("elife", "plos", "f1000", "peerj", "nature")  # presets, whose ids have a known form; any slug is a source
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")

STATUSES_WITH_CONCERNS = ("ok", "repaired", "truncated")
STATUSES_WITHOUT_CONCERNS = ("empty", "parse_failed", "refused", "error")
STATUSES = STATUSES_WITH_CONCERNS + STATUSES_WITHOUT_CONCERNS

# What became of an article of the split; the outcomes partition it.
OUTCOMES = ("scored", "empty", "parse_failed", "refused", "error", "missing")
UNANSWERED = ("parse_failed", "refused", "error", "missing")


SLUG = "1 to 40 lower-case letters, digits, dashes and underscores, a letter or digit first"


def is_source(name: str) -> bool:
    """True for a slug (`SLUG` in words).

    >>> is_source("elife"), is_source("my-journal_2"), is_source("My Journal"), is_source("__proto__")
    (True, True, False, False)
    """
    return _SLUG.fullmatch(name) is not None


def sources_in_order(names: Iterable[str]) -> list[str]:
    """The distinct sources among `names`: presets in their order, then the others by name.

    >>> sources_in_order(["zoo", "plos", "arxiv", "elife", "plos"])
    ['elife', 'plos', 'arxiv', 'zoo']
    """
    found = set(names)
    return [*(name for name in SOURCES if name in found), *sorted(found.difference(SOURCES))]


def normalise(text: str) -> str:
    """NFC, white space folded to single spaces, ends trimmed (scoring specification, section 1)."""
    # Most texts are normal: a space is the only white space that is printable, and looking is faster than folding.
    if "  " not in text and text.isprintable() and unicodedata.is_normalized("NFC", text):
        return text.strip(" ")
    return " ".join(unicodedata.normalize("NFC", text).split())
