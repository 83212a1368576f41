"""What an answer asserts: statements without what it merely repeats from the question, terms and numbers in them.

Terms match on word boundaries, numbers by value ("8484" is 8,484, and 112 is not in 1,112). A term is asserted where it
stands without a negation beside it.

The confidence that an answer states is from 0 to 1, or None where it states none. The predecessor's reading is fixed:
"150 %" is no confidence (it was 1.5), "0.9" is one (only percentages were seen), moderate confidence keeps its number
(words such as "likely" gave 0.50 or 0.55 to nearly every answer), and silence states none (it was 0.5).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from bioreview_bench.data.comparable import comparable

from ..rewards.copying import Source

WORDS: dict[str, Any] = tomllib.loads(resources.files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))
RUN = 5  # words in a row from the question that are a restatement of it
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_CLAUSE = re.compile(r"[;:()—]|,(?!\d)|\b(?:but|whereas|while|although|however|and then)\b")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_NUMBER = re.compile(r"(?<![\w.,])[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w]|[.,]\d)")
_CONFIDENCE_LINE = re.compile(r"^\W*(?:overall\s+)?confidence\b[^\n]*$", re.IGNORECASE | re.MULTILINE)
_NEGATED_BEFORE = re.compile(
    r"(?:\b(?:not|never|neither|nor|without|cannot|unlike)\b|n['’]t\b|\b(?:rather than|instead of|opposite of"
    r"|opposed to|contrary to|different from|absence of|wrong that)\b)(?:\W+\w+){0,4}\W*$"
    r"|\bno\W+(?:\w+\W+)?$|\b(?:minimal|negligible|little)\W+$"
)
_DENIED_AFTER = re.compile(
    r"^(?:\W+\w+){0,3}\W+(?:is|was|are|were)\W+(?:\w+\W+)?(?:not|wrong|incorrect|false|untrue)\b"
)
_MASK = "\x00"


@dataclass(frozen=True)
class Number:
    """A number as it was written: its value and how many decimals it has."""

    value: float
    decimals: int

    def states(self, true: float) -> bool:
        """True when it is `true`, or `true` rounded to the decimals that were written (one at least)."""
        half = 0.5 * 10**-self.decimals if self.decimals else 0.0
        return abs(self.value - true) <= half + 1e-9


@dataclass(frozen=True)
class Statements:
    """Folded sentences of an answer, in order."""

    sentences: tuple[str, ...]

    @classmethod
    def of(cls, answer: str, question: str = "") -> Statements:
        """Sentences of `answer` that ask nothing; words of a run of five from `question` are blanked out."""
        text = fold(_CONFIDENCE_LINE.sub("", answer))
        asked = Source([fold(question)], RUN, _WORD)
        kept = []
        for sentence in _SENTENCE.split(text):
            if sentence.strip() and not sentence.rstrip().endswith("?"):
                masked = _masked(sentence, asked)
                if _WORD.search(masked.replace(_MASK, " ")):
                    kept.append(masked)
        return cls(tuple(kept))

    def asserted(self, term: str) -> bool:
        """True when `term` (words, or a number) stands in a clause that does not negate it."""
        return any(True for _ in self._assertions(term))

    def asserting(self, term: str) -> list[int]:
        """Positions of the sentences that assert `term`."""
        return sorted({place for place, _ in self._assertions(term)})

    def naming(self, terms: Sequence[str]) -> Statements:
        """The clauses that name one of `terms`, negated or not."""
        return Statements(
            tuple(
                clause
                for sentence in self.sentences
                for clause in _CLAUSE.split(sentence)
                if any(pattern(term).search(clause) for term in terms)
            )
        )

    def numbers(self) -> list[Number]:
        """Every number that stands in the statements."""
        return [number for sentence in self.sentences for _, _, number in numbers_in(sentence)]

    def _assertions(self, term: str) -> Iterator[tuple[int, str]]:
        value = as_number(term)
        for place, sentence in enumerate(self.sentences):
            for clause in _CLAUSE.split(sentence):
                spans: list[tuple[int, int]]
                if value is None:
                    spans = [found.span() for found in pattern(term).finditer(clause)]
                else:
                    spans = [(start, end) for start, end, number in numbers_in(clause) if number.states(value)]
                if any(not _negated(clause, start, end) for start, end in spans):
                    yield place, clause


def fold(text: str) -> str:
    """Every line as texts are compared (`data.comparable`): lower case, no characters that nobody sees. No emphasis
    marks."""
    return "\n".join(map(comparable, text.replace("*", "").split("\n")))


def pattern(term: str) -> re.Pattern[str]:
    """A term on word boundaries, white space and hyphens alike."""
    words = r"[\s-]+".join(re.escape(word) for word in re.split(r"[\s-]+", fold(term)) if word)
    return re.compile(rf"(?<!\w){words}(?!\w)")


def numbers_in(text: str) -> list[tuple[int, int, Number]]:
    """(start, end, number) of the numbers in a text."""
    found = []
    for match in _NUMBER.finditer(text):
        written = match.group().replace(",", "").replace("−", "-")
        found.append((*match.span(), Number(float(written), len(written.partition(".")[2]))))
    return found


def as_number(term: str) -> float | None:
    """The value of a term that is a number and nothing else."""
    found = _NUMBER.fullmatch(term.strip())
    return float(found.group().replace(",", "").replace("−", "-")) if found else None


def _negated(clause: str, start: int, end: int) -> bool:
    return bool(_NEGATED_BEFORE.search(clause[:start]) or _DENIED_AFTER.search(clause[end:]))


def _masked(sentence: str, asked: Source) -> str:
    found = list(_WORD.finditer(sentence))
    characters = list(sentence)
    for place in asked.covered([match.group() for match in found]):
        start, end = found[place].span()
        characters[start:end] = _MASK * (end - start)
    return "".join(characters)


_VALUE = r"(?P<value>\d+(?:[.,]\d+)?|[.]\d+)\s*(?P<unit>%|percent\b|per cent\b|/\s*10{1,2}\b)?"
_KEY = r"\b(?:confidence|certainty|probability)(?:\s+(?:level|score|in\s+\w+\s+\w+))?"
_CONFIDENCE_NUMBER = re.compile(
    rf"{_KEY}\s*(?:is|of|at|:|=|-|\(|~|≈|about|approximately|\s)*{_VALUE}(?!\s*(?:%|percent)?\s*(?:interval|limit))"
)
_SURE = re.compile(rf"(?<![\w.]){_VALUE}\s*(?:confident|sure|certain|confidence(?!\s+(?:interval|limit)))\b")
_INTERVAL = re.compile(r"\s*(?:%|percent)?\s*confidence\s+(?:interval|limit)")
_DEGREES: dict[str, float] = WORDS["degrees"]
_ADVERBS: dict[str, float] = WORDS["adverbs"]
_DEGREE = "|".join(sorted(map(re.escape, _DEGREES), key=len, reverse=True))
_ADVERB = "|".join(sorted(map(re.escape, _ADVERBS), key=len, reverse=True))
_VERBAL = re.compile(
    rf"\b(?:(?P<before>{_DEGREE})\s+confidence\b|confidence(?:\s+level)?\s*(?:is|:|=|-)*\s*(?P<after>{_DEGREE})\b"
    rf"|(?P<adverb>{_ADVERB})\s+confident\b)"
)


def stated_confidence(answer: str) -> float | None:
    """The last number that is stated as a confidence and lies in 0..1 (or 0..100 per cent), else the last degree.

    "Confidence: 85" is read as per cent, "Confidence: 1" as 1. A "95 % confidence interval" states none.
    """
    text = fold(answer)
    found = [*_CONFIDENCE_NUMBER.finditer(text)]
    found += [match for match in _SURE.finditer(text) if not _INTERVAL.match(text, match.end("value"))]
    values = [(match.start(), value) for match in found if (value := _value(match)) is not None]
    if values:
        return max(values)[1]
    degree = next(reversed([*_VERBAL.finditer(text)]), None)
    if degree is None:
        return None
    adverb = degree.group("adverb")
    return _ADVERBS[adverb] if adverb else _DEGREES[degree.group("before") or degree.group("after")]


def _value(found: re.Match[str]) -> float | None:
    number = float(found.group("value").replace(",", "."))
    unit = (found.group("unit") or "").replace(" ", "")
    if unit in ("%", "percent") or (not unit and number > 1):
        number /= 100
    elif unit.startswith("/"):
        number /= float(unit[1:])
    return number if 0 <= number <= 1 else None
