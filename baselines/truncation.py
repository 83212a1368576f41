"""Complaints that the manuscript's text breaks off: they are about how the paper was cut for the model, not the paper.

The list is short and literal on purpose. Subject and verb must name the text itself, so that truncated proteins,
truncated distributions and descriptions that are incomplete are left alone.
"""

from __future__ import annotations

import re

from bioreview_bench.text import normalise

_DOCUMENT = r"(?:manuscript|paper|article|document|submission|text|excerpt|preprint)"
_PIECE = rf"(?:{_DOCUMENT}|section|sentence|paragraph|abstract|introduction|discussion)"
# Labels that overlap or are cropped are a concern about the figure.
_NOT_A_LABEL = r"(?<!axis )(?<!label )(?<!legend )(?<!figure )(?<!panel )"
# What may stand between subject and verb: "the text of the Methods section provided here".
_FILLER = (
    rf"(?: \(?(?:of|in|for|as|at|the|this|its|provided|supplied|given|submitted|presented|received|available|here"
    rf"|itself|version|body|end|main|full|methods|results|conclusions?|references|{_PIECE})\)?,?){{0,8}}"
)
_SEEMS = r"(?:appears?|seems?|looks?|is|are|was|were|has been|have been|gets?)(?: to (?:be|have been))?"
_ADVERB = r"(?: (?:\w+ly|also|been|being)){0,3}"
_CHAPTER = r"(?:methods|results|introduction|discussion)"
_MIDDLE = rf"(?:in )?(?:the )?mid(?:dle of (?:a|the|an)|dle)?[ -]?(?:(?:sentence|word|paragraph)|{_CHAPTER} section)"

# Matched against normalised text, whose white space is single spaces.
PATTERNS = (
    # "The manuscript text appears to be truncated", "the Methods section is cut off", "was cut short"
    rf"\b{_NOT_A_LABEL}{_PIECE}{_FILLER} {_SEEMS}{_ADVERB} (?:truncated|cut[ -]?off|cut[ -]short)\b",
    # "The text seems incomplete", but not "seems incomplete without a control"
    rf"\b{_NOT_A_LABEL}(?:{_DOCUMENT}|sentence|paragraph){_FILLER} (?:appears?|seems?|looks?)(?: to be)?{_ADVERB}"
    r" incomplete\b(?! (?:without|unless|because|as|in|with|regarding|since|if)\b)",
    # "ends abruptly", "breaks off"
    rf"\b{_PIECE}{_FILLER} (?:(?:ends?|stops?|terminates?) (?:abruptly|prematurely)|(?:breaks?|cuts?) off)\b",
    # "ends in the middle of a sentence", "cut off mid-word"
    rf"\b(?:ends?|ending|stops?|stopping|breaks? off|cuts? off|truncated|terminates?),? (?:abruptly,? )?{_MIDDLE}\b",
    # "the truncated manuscript", "a truncated version of the paper"
    rf"\btruncated (?:version of (?:the )?)?{_DOCUMENT}\b",
)
_COMPLAINT = re.compile("|".join(PATTERNS), re.IGNORECASE)


def is_truncation_complaint(text: str) -> bool:
    """True when the concern says that the text of the manuscript appears cut off, incomplete or truncated."""
    return _COMPLAINT.search(normalise(text)) is not None
