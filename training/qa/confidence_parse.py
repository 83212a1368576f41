"""The confidence that an answer states, from 0 to 1, or None where it states none.

The predecessor's reading is mended: "150 %" is no confidence (it was 1.5), "0.9" is one (only percentages were seen),
moderate confidence keeps its number (words such as "likely" gave 0.50 or 0.55 to nearly every answer), and an answer
that says nothing has no confidence (it was 0.5).
"""

from __future__ import annotations

import re

from .statements import fold

_VALUE = r"(?P<value>\d+(?:[.,]\d+)?|[.]\d+)\s*(?P<unit>%|percent\b|per cent\b|/\s*10{1,2}\b)?"
_KEY = r"\b(?:confidence|certainty|probability)(?:\s+(?:level|score|in\s+\w+\s+\w+))?"
_CONFIDENCE_NUMBER = re.compile(
    rf"{_KEY}\s*(?:is|of|at|:|=|-|\(|~|≈|about|approximately|\s)*{_VALUE}(?!\s*(?:%|percent)?\s*(?:interval|limit))"
)
_SURE = re.compile(rf"(?<![\w.]){_VALUE}\s*(?:confident|sure|certain|confidence(?!\s+(?:interval|limit)))\b")
_INTERVAL = re.compile(r"\s*(?:%|percent)?\s*confidence\s+(?:interval|limit)")
_DEGREES = {
    "very high": 0.95,
    "extremely high": 0.95,
    "high": 0.85,
    "moderate to high": 0.75,
    "medium to high": 0.75,
    "fairly high": 0.75,
    "moderately high": 0.75,
    "moderate": 0.6,
    "medium": 0.6,
    "low to moderate": 0.4,
    "moderate to low": 0.4,
    "fairly low": 0.35,
    "low": 0.25,
    "very low": 0.1,
}
_ADVERBS = {
    "very": 0.95,
    "extremely": 0.95,
    "highly": 0.9,
    "fairly": 0.7,
    "quite": 0.75,
    "reasonably": 0.7,
    "moderately": 0.6,
    "somewhat": 0.5,
    "not very": 0.3,
    "not": 0.2,
}
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
    found = [(match.start(), value) for match in _numeric(text) if (value := _value(match)) is not None]
    if found:
        return max(found)[1]
    degrees = [_degree(match) for match in _VERBAL.finditer(text)]
    return degrees[-1] if degrees else None


def _numeric(text: str) -> list[re.Match[str]]:
    sure = (match for match in _SURE.finditer(text) if not _interval(text, match))
    return [*_CONFIDENCE_NUMBER.finditer(text), *sure]


def _interval(text: str, found: re.Match[str]) -> bool:
    return bool(_INTERVAL.match(text, found.end("value")))


def _value(found: re.Match[str]) -> float | None:
    number = float(found.group("value").replace(",", "."))
    unit = (found.group("unit") or "").replace(" ", "")
    if unit in ("%", "percent", "percent") or (not unit and number > 1):
        number /= 100
    elif unit.startswith("/"):
        number /= float(unit[1:])
    return number if 0 <= number <= 1 else None


def _degree(found: re.Match[str]) -> float:
    degree = found.group("before") or found.group("after")
    return _DEGREES[degree] if degree else _ADVERBS[found.group("adverb")]
