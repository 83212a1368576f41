"""What a rater may answer to an item, checked before it is stored: whatever a page sends is read strictly."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from bioreview_bench.curation.annotation.pack import CONCERN, LETTER, AnnotationItem, AskedArticle
from bioreview_bench.data.predictions import encodes
from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES
from bioreview_bench.errors import printable

FIDELITY = ("faithful", "partly", "wrong")
COMPLETE = ("complete", "missing")
RELATION = ("same", "related", "different")

MOST_OMISSIONS, LONGEST_TEXT, LONGEST_SECONDS = 200, 5_000, 86_400.0
MAX_ANSWER_BYTES = 2 * 1024 * 1024

Answer = dict[str, Any]


def check_answer(given: object, item: AnnotationItem, article: AskedArticle) -> Answer:
    """The answer to an item, complete and in one form. Raises ValueError with what is wrong.

    A concern: `fidelity`, and `category` and `severity` unless the letter does not say it. A letter: `complete`, and
    `omissions` (each a `text`, with `start` and `end` where it is a span of the letter). Pairs: `labels`, one for each
    reference of the article. `note` may be anything short.
    """
    answer = _object(given, "the answer")
    if item.kind == CONCERN:
        return _concern(answer)
    if item.kind == LETTER:
        return _letter(answer, article.letter)
    return _pairs(answer, [reference.concern_id for reference in article.references])


def seconds_of(given: object) -> float:
    """Seconds spent on an item, to a tenth. Raises ValueError."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise ValueError("seconds must be a number")
    return round(min(max(float(given), 0.0), LONGEST_SECONDS), 1)


def _concern(answer: Mapping[str, Any]) -> Answer:
    _known(answer, ("fidelity", "category", "severity", "note"))
    fidelity = _choice(answer, "fidelity", FIDELITY)
    labels = {"category": CATEGORIES, "severity": SEVERITIES}
    if fidelity == "wrong":  # what the letter does not say has no label
        return {"fidelity": fidelity, **_note(answer)}
    chosen = {name: _choice(answer, name, values) for name, values in labels.items()}
    return {"fidelity": fidelity, **chosen, **_note(answer)}


def _letter(answer: Mapping[str, Any], letter: str) -> Answer:
    _known(answer, ("complete", "omissions", "note"))
    complete = _choice(answer, "complete", COMPLETE)
    given = answer.get("omissions", [])
    if not isinstance(given, list) or len(given) > MOST_OMISSIONS:
        raise ValueError(f"omissions must be a list of at most {MOST_OMISSIONS}")
    omissions = [_omission(each, letter) for each in given]
    if (complete == "missing") != bool(omissions):
        raise ValueError("name at least one missing point, or say that nothing is missing")
    return {"complete": complete, "omissions": omissions, **_note(answer)}


def _omission(given: object, letter: str) -> Answer:
    omission = _object(given, "an omission")
    _known(omission, ("text", "start", "end"))
    if "start" not in omission and "end" not in omission:
        return {"text": _text(omission.get("text"), "a missing point")}
    start, end = _place(omission.get("start")), _place(omission.get("end"))
    if not 0 <= start < end <= len(letter) or letter[start:end] != omission.get("text"):
        raise ValueError("a span must be a part of the letter")
    return {"text": letter[start:end], "start": start, "end": end}


def _place(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("start and end of a span must be whole numbers")
    return value


def _pairs(answer: Mapping[str, Any], concern_ids: Collection[str]) -> Answer:
    _known(answer, ("labels", "note"))
    labels = _object(answer.get("labels"), "labels")
    _known(labels, concern_ids)
    return {"labels": {each: _choice(labels, each, RELATION) for each in concern_ids}, **_note(answer)}


def _object(given: object, what: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise ValueError(f"{what} must be an object")
    return given


def _known(given: Mapping[str, Any], names: Collection[str]) -> None:
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ValueError(f"unknown: {printable(unknown[0])}")


def _choice(given: Mapping[str, Any], name: str, values: Collection[str]) -> str:
    value = given.get(name)
    if not isinstance(value, str) or value not in values:
        raise ValueError(f"choose one of {', '.join(values)} for {printable(name)}")
    return value


def _note(given: Mapping[str, Any]) -> Answer:
    note = given.get("note", "")
    return {"note": _text(note, "the note")} if note != "" else {}


def _text(given: object, what: str) -> str:
    if not isinstance(given, str) or not given.strip():
        raise ValueError(f"{what} is blank")
    if not encodes(given):
        raise ValueError(f"{what} contains a lone surrogate")
    if len(given) > LONGEST_TEXT:
        raise ValueError(f"{what} has {len(given):,} characters; at most {LONGEST_TEXT:,} are kept")
    return given.strip()
