"""The forms on which publishers collect reviews: separates what reviewers wrote from what the form asks.

PLOS sends one letter to the authors, in which every question of the form is followed by every reviewer's answer. The
wordings are those of letters of PLOS ONE, Biology, Medicine, Genetics, Computational Biology and Neglected Tropical
Diseases (2018 to 2026). F1000 ends each report with its questions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_REVIEWER = re.compile(
    r"[\W_]{0,8}(?:comments?\s(?:from|by|of)\s)?(?:reviewer|referee)\s*#?\s*(\d{1,2})\s*(?:\([^()]{1,100}\))?"
    r"(?:.s)?\s*(?:comments?|remarks?|report|review)?(?:\sto (?:the )?authors?)?\s*(?::\s*|\.\s+|[–—-]\s+|$)",
    re.I,
)
_RULE = re.compile(r"\W*")  # a line without a word: asterisks between the questions, underlined headings
_BETWEEN_QUESTIONS = "*" * 10
# Sentences of the form and of the letter's end: what follows them is not by the reviewer who wrote before.
_FORM = re.compile(
    r"[\W_]*(?:\d{1,2}\.\s*)?(?:have (?:the authors made )?all (?:the )?data|does the manuscript adhere"
    r"|is the manuscript (?:technically sound|presented in an intelligible)|has the statistical analysis been performed"
    r"|review comments to the author|if the authors have adequately addressed|key review criteria required"
    r"|editorial and data presentation modifications|please use the space provided to explain"
    r"|any attachments provided with reviews)",
    re.I,
)
# Nothing after these is a reviewer's: whether a name may be published, and how to submit again.
_END = re.compile(
    r"[\W_]*(?:\d{1,2}\.\s*)?(?:plos authors have the option|do you want your identity to be public"
    r"|if you would like your identity to be revealed|\[note: if reviewer comments|note: if reviewer comments"
    r"|while revising your submission|figure (?:files|resubmission)\s*:|data requirements\s*:|reproducibility\s*:)",
    re.I,
)
_ANSWER = re.compile(
    r"\W*(?:yes|no|partly|partially|none|n/?a|not applicable|no response|i (?:don.?t|do not) know"
    r"|i cannot comment(?:\. a qualified statistician is required)?"
    r"|(?:all )?comments have been addressed|all comments have been addressed|accept|(?:minor|major) revisions?)?\W*",
    re.I,
)
_CONFIRMS = re.compile(r"(?:I|we) confirm that (?:I|we) have read this submission", re.I)
_DAY = re.compile(r"(\d{1,2}) ([A-Z][a-z]{2})[a-z]* (\d{4})")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def letter_date(paragraphs: Sequence[str]) -> tuple[str | None, list[str]]:
    """The day with which a letter begins, as YYYY-MM-DD, and the other paragraphs.

    >>> letter_date(["4 Oct 2018", "Dear editor,"]), letter_date(["Dear editor,"])
    (('2018-10-04', ['Dear editor,']), (None, ['Dear editor,']))
    """
    day = _DAY.fullmatch(paragraphs[0]) if paragraphs else None
    if day is None or day[2] not in _MONTHS:
        return None, list(paragraphs)
    return f"{day[3]}-{_MONTHS.index(day[2]) + 1:02}-{day[1].zfill(2)}", list(paragraphs[1:])


def reviewers_remarks(letter: Sequence[str]) -> dict[int, list[str]]:
    """What each reviewer of a letter wrote, without the form's questions and answers such as "Yes".

    Empty for a letter in which no reviewer is named. The editor's own words are not among it.

    >>> reviewers_remarks(["Dear Dr. Lee,", "1. Is it sound?", "Reviewer #1: Partly", "**********", "2. Comments",
    ...                    "Reviewer #1: The sample is small.", "Add a control.", "Reviewer #2: (No Response)"])
    {1: ['The sample is small.', 'Add a control.']}
    """
    found: dict[int, list[str]] = {}
    reviewer: int | None = None
    begun = False
    for text in letter:
        named = _REVIEWER.match(text)
        if begun and _END.match(text):
            break
        if named:
            begun, reviewer = True, int(named[1])
            text = text[named.end() :]
        elif _FORM.match(text) or text.strip() == _BETWEEN_QUESTIONS:
            reviewer = None
        if reviewer is None or _RULE.fullmatch(text) or (named and _ANSWER.fullmatch(text)):
            continue
        found.setdefault(reviewer, []).append(text)
    return {number: _unwrapped(found[number]) for number in sorted(found)}


def without_questions(report: Sequence[str]) -> list[str]:
    """A report of F1000 without the questions that it was asked, their answers, and what it declares at its end.

    >>> without_questions(["Why so few?", "Is the study design appropriate?", "Partly", "Reviewer Expertise:", "Bees",
    ...                    "I confirm that I have read this submission and believe that I have expertise."])
    ['Why so few?']
    """
    kept: list[str] = []
    skipped = False
    for number, text in enumerate(report):
        follows = report[number + 1] if number + 1 < len(report) else None
        if skipped:
            skipped = False
        elif text.lower().startswith("reviewer expertise") or (
            text.endswith("?") and follows is not None and _ANSWER.fullmatch(follows)
        ):
            skipped = True
        elif not _CONFIRMS.match(text) and not _RULE.fullmatch(text):
            kept.append(text)
    return kept


def _unwrapped(paragraphs: Sequence[str]) -> list[str]:
    """Paragraphs that a line's width had divided within a sentence, as one."""
    joined: list[str] = []
    for text in paragraphs:
        divided = joined and len(joined[-1].split()) > 5 and re.search(r"[^\W_]$|,$", joined[-1])
        if divided and re.match(r"(?:[a-z]{2,}|a)[\s,;'-]", text):
            joined[-1] += f" {text}"
        else:
            joined.append(text)
    return joined
