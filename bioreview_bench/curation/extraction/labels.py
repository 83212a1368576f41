"""Rules for the labels of a concern: category by its words, severity by its heading, stance by the reply.

They are a start for people or a model to correct; `agreement` says how far they can be trusted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bioreview_bench.curation.extraction.words import pattern, words

_WORDS = words()
_CATEGORIES = {name: pattern(patterns, r"\b(?:{})") for name, patterns in _WORDS["categories"].items()}
_WEIGHTS = _WORDS["weights"]
_TRIVIAL, _OPTIONAL = (pattern(_WORDS["severity"][name]) for name in ("trivial", "optional"))
_CHANGED, _DISPUTED, _AGREED = (pattern(_WORDS["reply"][name]) for name in ("changed", "disputed", "agreed"))
_NEEDS_FIGURE = re.compile(r"\b(?:image|panel|colou?r|axis|axes|scale bar|legend|label|resolution|arrow)s?\b", re.I)


@dataclass(frozen=True)
class Reaction:
    """What the authors' reply to a concern shows."""

    stance: str
    changed: bool | None


def category(text: str) -> str:
    """The category whose words stand most often in a concern.

    >>> category("Please report the sample size and the p-values of every t-test.")
    'statistical_methodology'
    """
    scores = {name: len(found.findall(text)) * _WEIGHTS.get(name, 1.0) for name, found in _CATEGORIES.items()}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] else "interpretation"


def severity(text: str, section: str) -> str:
    """By the heading that a concern stands under; small and optional requests by their words."""
    if _OPTIONAL.search(text):
        return "optional" if section != "major" else "minor"
    if section == "minor" or (_TRIVIAL.search(text) and len(text.split()) < 40):
        return "minor"
    return "major"


def needs_figure(text: str, label: str) -> bool:
    """True for a concern about what a figure looks like."""
    return label == "figure_issue" or (len(_NEEDS_FIGURE.findall(text)) >= 2 and len(text.split()) < 60)


def reaction(reply: str | None) -> Reaction:
    """Stance and change by the words of a reply; no_response without one.

    >>> reaction("We agree and have added this control to Figure 2.")
    Reaction(stance='conceded', changed=True)
    """
    if not reply:
        return Reaction("no_response", None)
    changed, disputed, agreed = (found.search(reply) is not None for found in (_CHANGED, _DISPUTED, _AGREED))
    if disputed:
        return Reaction("partial" if changed else "rebutted", changed)
    if changed or agreed:
        return Reaction("conceded", True if changed else None)
    return Reaction("unclear", None)
