"""What a section of a review holds, by its heading: criticism, praise, or neither.

A heading is known when all of its words are; so *Strength of the magnetic field* is no heading of praise.
"""

from __future__ import annotations

import enum
import re
import tomllib
from importlib import resources


class Kind(enum.Enum):
    """What stands under a heading."""

    CRITICISM = "criticism"
    PRAISE = "praise"
    OTHER = "other"  # a summary, a rating, a decision: nothing that was criticised
    TOPIC = "topic"  # a field of a form, or a topic: criticism only in a review without sections of either kind
    MIXED = "mixed"  # praise and criticism: headings further down decide


_VOCABULARY = tomllib.loads(resources.files(__package__).joinpath("headings.toml").read_text(encoding="utf-8"))
_PRAISE, _CRITICISM, _OTHER, _TOPIC, _METADATA, _POINTS, _WEIGHT, _FILLERS, _HEADS = (
    frozenset(_VOCABULARY[name].split())
    for name in ("praise", "criticism", "other", "topic", "metadata", "points", "weight", "fillers", "heads")
)
_KNOWN = _PRAISE | _CRITICISM | _OTHER | _TOPIC | _POINTS | _WEIGHT
_CHINESE = (
    (Kind.PRAISE, re.compile("优点|优势|亮点|长处")),
    (Kind.CRITICISM, re.compile("缺点|不足|弱点|问题|意见|建议|疑问|局限|批评|缺陷")),
    (Kind.OTHER, re.compile("总结|摘要|概述|评分|结论|总体评价")),
)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_WORD = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LONGEST = 80  # characters of a heading
_MOST_WORDS = 9


def kind_of_key(key: str) -> Kind | None:
    """The kind of what stands under a key of JSON."""
    kind, telling = kind_of(key), _telling(key)
    if kind is None and telling & _METADATA and telling <= _KNOWN | _METADATA and not telling & _CRITICISM:
        return Kind.OTHER
    return kind


def kind_of(heading: str, *, marked_up: bool = False) -> Kind | None:
    """The kind of a section by its heading, None when the heading is not one of a review form.

    `marked_up` says that the text stands as a heading, so that its last word alone may decide (*Methodological
    concerns*).
    """
    if len(heading) > _LONGEST:
        return None
    if _CJK.search(heading):
        bare = re.sub(r"[\W\d_]", "", heading)
        return next((kind for kind, words in _CHINESE if len(bare) <= 8 and words.search(bare)), None)
    words, telling = _words(heading), _telling(heading)
    if len(words) > _MOST_WORDS:
        return None
    if telling and telling <= _KNOWN:
        return _decide(telling)
    return Kind.CRITICISM if marked_up and len(words) <= 4 and words[-1:] and words[-1] in _HEADS else None


def _words(heading: str) -> list[str]:
    spaced = re.sub(r"['’]s\b", "", _CAMEL.sub(" ", heading[:_LONGEST]))
    return [word.casefold() for word in _WORD.findall(spaced)]


def _telling(heading: str) -> set[str]:
    return {word for word in _words(heading) if word not in _FILLERS}


def _decide(words: set[str]) -> Kind:
    if words & _PRAISE:
        return Kind.MIXED if words & _CRITICISM else Kind.PRAISE
    if words & {"confidential"}:
        return Kind.OTHER
    if words & _CRITICISM:
        return Kind.CRITICISM
    if words & _OTHER:
        return Kind.OTHER
    return Kind.TOPIC if words & _TOPIC else Kind.CRITICISM
