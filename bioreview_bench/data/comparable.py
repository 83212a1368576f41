"""A text as it is compared with others to find copies: without what changes the string and not what is read.

Scores do not use it: they compare texts under the one normalisation of `vocabulary` (scoring specification, section 1).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

# Cyrillic, Greek, Armenian, Cherokee and other letters that are drawn like Latin ones, after NFKD and case folding:
# those that are used to deceive. Unicode's own table (UTS 39) resolves all others.
LATIN_LOOKS: Final = {
    **dict(zip("авекмнорстухіјѕԁһԛԝгьпзч", "abekmhopctyxijsdhqwrbnsu", strict=True)),
    **dict(zip("αβγεζηικνορτυχω", "abyezniknoptuxw", strict=True)),
    **dict(zip("օսոհցզաԼ", "ounhgqwl", strict=True)),
    **dict(zip("ɑɡɩʟɴʀʏıłøđħ", "agilnryilodh", strict=True)),
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
}
_FOLDED: Final = str.maketrans({**LATIN_LOOKS, **dict(zip("‘’ʼ′“”„″‐‑‒−", "''''\"\"\"\"----", strict=True))})
_BLANK: Final = (
    "\u115f\u1160\u2800"  # letters, and a braille cell, that show nothing; NFKD turns other fillers into these
)
_SEEN: Final = re.compile(r"[\x20-\x7e\s]+")


def comparable(text: str) -> str:
    """Lower case, compatibility forms, look-alikes as the Latin letters that they resemble, single spaces; no format
    characters (zero-width ones, soft hyphens, tags), variation selectors, combining marks, controls or blank letters.

    >>> comparable("No co\u200bntr\u043el\u00ad  WAS  gi\u0301ven\ufe0f")
    'no control was given'
    """
    if _SEEN.fullmatch(text):
        return " ".join(text.casefold().split())
    seen = "".join(char for char in unicodedata.normalize("NFKD", text) if _is_seen(char))
    return " ".join(seen.casefold().translate(_FOLDED).translate(_confusables()).split())


@cache
def _confusables() -> dict[int, str]:
    """Characters beyond ASCII and the Latin letter or digit that each is confusable with."""
    from confusable_homoglyphs.confusables import confusables_data

    found = {}
    for char, resembled in confusables_data.items():
        latin = [one["c"].casefold() for one in resembled if one["c"].isascii() and one["c"].isalnum()]
        if len(char) == 1 and not char.isascii() and latin:
            found[ord(char)] = latin[0]
    return found


def _is_seen(char: str) -> bool:
    if char in _BLANK:
        return False
    return char.isspace() or unicodedata.category(char) not in ("Cf", "Mn", "Me", "Cc", "Cn", "Cs")
