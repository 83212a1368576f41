"""Names that strangers give: characters that deceive are refused, look-alikes are found.

Look-alikes are judged by a *skeleton*, in which letters of other scripts, digits and marks stand for the Latin letter
that they resemble. The table holds the resemblances that are used to deceive, not all of Unicode's (UTS 39).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from bioreview_bench.errors import printable
from bioreview_bench.results.card import Card

# Cyrillic, Greek, Armenian, Cherokee and other letters that are drawn like Latin ones, after case folding and NFKD.
_LOOKS: Final = str.maketrans(
    {
        **dict(zip("авекмнорстухіјѕԁһԛԝгьпзч", "abekmhopctyxijsdhqwrbnsu", strict=True)),
        **dict(zip("αβγεζηικνορτυχω", "abyezniknoptuxw", strict=True)),
        **dict(zip("օսոհցզաԼ", "ounhgqwl", strict=True)),
        **dict(zip("ɑɡɩʟɴʀʏıłøđħ", "agilnryilodh", strict=True)),
        **dict(zip("01|", "oll", strict=True)),
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
    }
)
_IDENTITY: Final = ("system_name", "system_version", "organisation", "contact")
_MAKING: Final = ("base_model", "parameters", "postprocessing", "url")


def forbidden(text: str, *, lines: bool) -> str | None:
    """The first character of `text` that no name may hold, escaped; None when there is none.

    Control characters, marks that turn the direction of text, invisible ones, unassigned ones and surrogates. With
    `lines`, line breaks and tabs are allowed.
    """
    for char in text:
        if lines and char in "\n\t\r":
            continue
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
            return printable(char)
    return None


def unfit(card: Card) -> Iterator[str]:
    """What is wrong with the texts of a card, in words."""
    for field, text in _texts(card):
        found = forbidden(text, lines=field == "training_data.description")
        if found is not None:
            yield f"{field}: contains the invisible or control character {found}"
        elif not text.strip() and field != "training_data.description":
            yield f"{field}: is blank"


def mixed_scripts(text: str) -> bool:
    """True when one word of `text` mixes letters of several scripts, as look-alike names do."""
    return any(len(_scripts(word)) > 1 for word in re.split(r"[\W_]+", text))


def skeleton(text: str) -> str:
    """What `text` looks like: equal for names that a reader cannot tell apart."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(char for char in folded if not unicodedata.combining(char)).translate(_LOOKS)
    bare = "".join(char for char in bare if char.isalnum() or char == ".")
    return bare.replace("rn", "m").replace("vv", "w").replace("cl", "d").replace("i", "l")


def lookalikes(name: str, others: Iterable[str]) -> list[str]:
    """Those of `others` that look like `name` without being it."""
    shape = skeleton(name)
    return sorted({other for other in others if other != name and skeleton(other) == shape})


def _texts(card: Card) -> Iterator[tuple[str, str]]:
    for field in (*_IDENTITY, *_MAKING):
        text = getattr(card, field)
        if text is not None:
            yield field, text
    yield "training_data.description", card.training_data.description


def _scripts(word: str) -> set[str]:
    found = set()
    for char in word:
        if char.isalpha():
            name = unicodedata.name(char, "UNKNOWN").split()[0]
            # Japanese and Korean writing mix these within a word.
            found.add("EAST ASIAN" if name in ("CJK", "HIRAGANA", "KATAKANA", "HANGUL") else name)
    return found - {"MICRO", "OHM", "ANGSTROM", "MODIFIER", "FEMININE", "MASCULINE", "DOUBLE-STRUCK", "SUPERSCRIPT"}
