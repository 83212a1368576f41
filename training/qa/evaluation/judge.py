"""Our own verdict on an answer, from the `expected` words that go with a question.

Two readings. *mention*: the expected words stand in the answer, on word boundaries and numbers by value; where
"cannot" is expected, the answer abstains. It is what published accuracies of this kind count. *assertion*: the answer
asserts them, does not assert an alternative that the question names, and does not say the opposite of what was asked
where it names them. Rows where the two differ are those that a reader of the accuracy should know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..items.item import EXPECTED_ABSTENTION
from ..statements import Statements, as_number, fold, numbers_in, pattern
from ..verifiers import abstains

_TYPE_CHOICE = re.compile(r"\btype\s+([a-z])((?:,\s*[a-z])*),?\s+or\s+([a-z])\b")
_WORD_CHOICE = re.compile(r"\b([a-z][a-z-]+) or ([a-z][a-z-]+)\b")
_OPPOSITES = {"rescue": "suppression", "suppression": "rescue"}


@dataclass(frozen=True)
class Verdict:
    """Both readings, and why they differ (None where they agree)."""

    mention: bool
    assertion: bool
    why: str | None


def judge(question: str, answer: str, expected: str) -> Verdict:
    """Judge one answer."""
    mention = mentions(answer, expected)
    if not mention:
        return Verdict(False, False, None)
    why = None if _abstention(expected) else _objection(question, answer, expected)
    return Verdict(mention, why is None, why)


def mentions(answer: str, expected: str) -> bool:
    """True when the expected words, or number, stand in the answer; for "cannot": when the answer abstains."""
    if _abstention(expected):
        return abstains(answer)
    value = as_number(expected)
    text = fold(answer)
    if value is not None:
        return any(number.states(value) for _, _, number in numbers_in(text))
    return bool(pattern(expected).search(text))


def _objection(question: str, answer: str, expected: str) -> str | None:
    """Why a mention is no assertion; None when it is one."""
    statements = Statements.of(answer)
    places = statements.asserting(expected)
    if not places:
        return f'"{expected}" occurs there only negated or in contrast'
    others = [other for other in _alternatives(question) if other != fold(expected)]
    asserted = [other for other in others if statements.asserted(other)]
    if asserted and fold(expected) in _alternatives(question):
        return f'"{asserted[0]}" is asserted as well'
    for term, opposite in _OPPOSITES.items():
        if not pattern(term).search(fold(question)) or pattern(opposite).search(fold(question)):
            continue
        said = [Statements((statements.sentences[place],)) for place in places]
        if any(one.asserted(opposite) for one in said) and not any(one.asserted(term) for one in said):
            return f'where "{expected}" is named, the answer says {opposite}, and {term} was asked for'
    return None


def _alternatives(question: str) -> list[str]:
    """The choices that a question offers: "Type A, B, or C", "rescue or suppression"."""
    text = fold(question)
    found = _TYPE_CHOICE.search(text)
    if found:
        letters = [found.group(1), *re.findall(r"[a-z]", found.group(2)), found.group(3)]
        return [f"type {letter}" for letter in letters]
    return [word for pair in _WORD_CHOICE.findall(text) for word in pair]


def _abstention(expected: str) -> bool:
    return fold(expected) == EXPECTED_ABSTENTION
