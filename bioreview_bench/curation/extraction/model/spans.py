"""Letters as the reports of their reviewers, and verbatim pieces of these: what no model is trusted with."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from bioreview_bench.curation.extraction.segments import reviewer_of
from bioreview_bench.data.vocabulary import normalise
from bioreview_bench.errors import printable

FEWEST, MOST = 10, 2000  # characters of a concern
_SHOWN = 10  # problems of one answer


@dataclass(frozen=True)
class ReviewerReport:
    """What one reviewer wrote in a letter, in NFC; the letter's reports follow each other without a gap."""

    reviewer: int
    text: str

    @property
    def paragraphs(self) -> list[str]:
        """The text between blank lines."""
        return paragraphs_of(self.text)

    @cached_property
    def folded(self) -> tuple[str, tuple[int, ...]]:
        """The text with white space folded, and where in `text` each of its characters stands."""
        chars: list[str] = []
        origins: list[int] = []
        for word in re.finditer(r"\S+", self.text):
            if chars:
                chars.append(" ")
                origins.append(word.start() - 1)
            chars.extend(word.group())
            origins.extend(range(word.start(), word.end()))
        return "".join(chars), tuple(origins)


def reports_of(letter: str) -> list[ReviewerReport]:
    """The letter cut before each heading that names another reviewer than the one before.

    What stands before the first heading, or a letter without any, is reviewer 1's.

    >>> [(r.reviewer, r.text) for r in reports_of("Dear all.\\n\\nReviewer 2:\\n\\nWhy so few?")]
    [(1, 'Dear all.\\n\\n'), (2, 'Reviewer 2:\\n\\nWhy so few?')]
    """
    text = unicodedata.normalize("NFC", letter)
    starts, reviewers = [0], [1]
    blank = re.search(r"\n\s*\n", text)
    for paragraph in re.finditer(r"[^\n](?:[^\n]|\n(?![^\S\n]*\n))*" if blank else r"[^\n]+", text):
        number = reviewer_of(paragraph.group())
        if number is not None and number != reviewers[-1]:
            starts.append(paragraph.start())
            reviewers.append(number)
    ends = [*starts[1:], len(text)]
    parts = [ReviewerReport(n, text[start:end]) for n, start, end in zip(reviewers, starts, ends, strict=True)]
    return [part for part in parts if part.text.strip()]


def paragraphs_of(text: str) -> list[str]:
    """The text between blank lines; between lines where no line is blank."""
    parts = [part.strip() for part in re.split(r"\n\s*\n", text)]
    if len(parts) == 1:
        parts = [part.strip() for part in text.split("\n")]
    return [part for part in parts if part]


def verbatim(report: ReviewerReport, spans: Sequence[str]) -> tuple[str, ...]:
    """The pieces of the report that these spans are, in its order; white space may differ.

    Raises ValueError saying what is wrong with which spans: not verbatim, within words, too short or long, overlapping.
    """
    text, origins = report.folded
    if len(spans) > max(1, len(text) // FEWEST):
        raise ValueError(f"- {len(spans):,} concerns do not fit into a report of {len(text):,} characters")
    taken: list[tuple[int, int]] = []
    problems: list[str] = []
    for number, span in enumerate(spans, start=1):
        found = _place(text, normalise(span), taken)
        if isinstance(found, str):
            problems.append(f'- concern {number}, "{printable(normalise(span), 100)}", {found}')
        else:
            taken.append(found)
    if problems:
        more = [f"- and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        raise ValueError("\n".join([*problems[:_SHOWN], *more]))
    pieces = [(report.text[origins[start] : origins[end - 1] + 1], text[start:end]) for start, end in sorted(taken)]
    return tuple(piece if len(piece) <= MOST else folded for piece, folded in pieces)


def _place(text: str, span: str, taken: Sequence[tuple[int, int]]) -> tuple[int, int] | str:
    """Where a span stands, apart from those that are taken; else why it stands nowhere."""
    if not FEWEST <= len(span) <= MOST:
        return f"has {len(span):,} characters; {FEWEST} to {MOST} are allowed"
    why = "is not verbatim in the report"
    start = text.find(span)
    while start >= 0:
        end = start + len(span)
        after = start + 1
        if _within_word(text, start) or _within_word(text, end):
            why = "begins or ends within a word"
        else:
            overlapped = [last for first, last in taken if start < last and first < end]
            if not overlapped:
                return start, end
            why, after = "overlaps a concern before it", max(overlapped)
        start = text.find(span, after)
    return why


def _within_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()
