"""Names that strangers give: what deceives or pushes a table apart is refused, look-alikes are found.

Look-alikes are judged by a *skeleton*: characters stand for the one that they resemble, by Unicode's table of
confusables (UTS 39, from the package confusable-homoglyphs) and by what people use beside it (rn for m, 0 for o).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Final

from rich.cells import cell_len

from bioreview_bench.data.comparable import LATIN_LOOKS
from bioreview_bench.errors import printable
from bioreview_bench.results.card import Card

_LOOKS: Final = str.maketrans({**LATIN_LOOKS, **dict(zip("01|зч", "oll34", strict=True))})
_DIGITS: Final = str.maketrans("2345789", "zeastbg")  # as they are put for letters
_DIGITS_IN_WORD: Final = re.compile(r"[2-9]+(?=[a-z])")  # at the end of a word they are a number
_POINT: Final = re.compile(r"(?<![0-9])\.|\.(?![0-9])")  # any but that of a number: 1.5 is not 15
_SIGNS: Final = "\u2122\u2120\u00ae\u00a9"  # trade mark, service mark, registered, copyright
# Characters that are one Latin letter in another form: circled, squared, small capitals, with a stroke or a hook.
_LETTER_NAME: Final = re.compile(
    r"(?:.* )?(?:LATIN (?:CAPITAL |SMALL )?LETTER(?: SMALL CAPITAL)?|REGIONAL INDICATOR SYMBOL LETTER) ([A-Z])"
    r"(?: WITH .*)?"
)
# Fields of a card and how many columns of a terminal they may take, wide characters counted twice.
_WIDTHS: Final = {
    "system_name": 80,
    "system_version": 40,
    "organisation": 100,
    "contact": 200,
    "base_model": 100,
    "parameters": 60,
    "postprocessing": 200,
    "url": 500,
}
_FREE: Final = "training_data.description"
LONGEST_WORD: Final = 40  # columns without a place to break
_PLACES_TO_BREAK: Final = re.compile(r"[\s/_\-.,:;+|()\[\]@#]+")
_MARKS_TOGETHER: Final = 2  # on one letter, after composition (NFC); more are drawn over the lines above and below
_REFUSED: Final = ("Cc", "Cf", "Cs", "Co", "Cn", "Me", "Zl", "Zp")
# Drawn as nothing although no category says so: fillers, invisible letters, variation selectors, an empty Braille cell.
_BLANKS: Final = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180F, 0x2800, 0x3164, 0xFFA0, 0x16FE4, 0x1D159),
            *range(0x180B, 0x180E),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)
# Single characters that are drawn several letters wide.
_BROAD: Final = {"\ufdfd": 12, "\u2e3a": 2, "\u2e3b": 3, "\ua9c1": 3, "\ua9c2": 3}
_BROAD_SCRIPTS: Final = (range(0x12000, 0x12550), range(0x13000, 0x14680))  # cuneiform, hieroglyphs


def forbidden(text: str, *, lines: bool) -> str | None:
    """The first character of `text` that no name may hold, escaped; None when there is none.

    Control characters, marks that turn the direction of text or enclose letters, invisible and blank characters,
    spaces other than the ordinary one, unassigned characters and surrogates. With `lines`, line breaks and tabs are
    allowed.
    """
    for char in text:
        if lines and char in "\n\t\r":
            continue
        category = unicodedata.category(char)
        if category in _REFUSED or char in _BLANKS or (category == "Zs" and char != " "):
            return printable(char) if printable(char) != char else f"U+{ord(char):04X}"
    return None


def unfit_text(text: str, width: int) -> str | None:
    """Why a line of text may not stand in a table, as the end of a sentence; None when it may."""
    found = forbidden(text, lines=False)
    if found is not None:
        return f"contains the invisible or control character {found}"
    if not text.strip():
        return "is blank"
    if _is_stacked(text):
        return f"has more than {_MARKS_TOGETHER} marks on one letter, or a mark without a letter"
    if columns(text) > width:
        return f"is {columns(text)} columns wide; at most {width} are taken"
    longest = max(_PLACES_TO_BREAK.split(_wide_apart(text)), key=columns)
    if width < _WIDTHS["url"] and columns(longest) > LONGEST_WORD:
        return f"has a word of {columns(longest)} columns; at most {LONGEST_WORD} are taken"
    return None


def unfit(card: Card) -> Iterator[str]:
    """What is wrong with the texts of a card, in words."""
    for field, width in _WIDTHS.items():
        text = getattr(card, field)
        reason = None if text is None else unfit_text(text, width)
        if reason is not None:
            yield f"{field}: {reason}"
    description = card.training_data.description
    found = forbidden(description, lines=True)
    if found is not None:
        yield f"{_FREE}: contains the invisible or control character {found}"
    elif _is_stacked(description):
        yield f"{_FREE}: has more than {_MARKS_TOGETHER} marks on one letter, or a mark without a letter"


def columns(text: str) -> int:
    """How wide `text` is drawn, in columns of a terminal."""
    return sum(_columns(char) for char in unicodedata.normalize("NFC", text))


def _columns(char: str) -> int:
    if char in _BROAD:
        return _BROAD[char]
    if any(ord(char) in block for block in _BROAD_SCRIPTS):
        return 4
    return 0 if unicodedata.combining(char) else max(cell_len(char), len(unicodedata.normalize("NFKC", char)))


def _wide_apart(text: str) -> str:
    """Lines break between the wide characters of East Asian writing."""
    return "".join(" " if unicodedata.east_asian_width(char) in "WF" and char.isalpha() else char for char in text)


def _is_stacked(text: str) -> bool:
    marks = _MARKS_TOGETHER  # at the beginning there is no letter to carry one
    for char in unicodedata.normalize("NFC", text):
        marks = marks + 1 if unicodedata.category(char) == "Mn" else _MARKS_TOGETHER if char.isspace() else 0
        if marks > _MARKS_TOGETHER:
            return True
    return False


def mixed_scripts(text: str) -> bool:
    """True when one word of `text` mixes letters of several scripts, as look-alike names do."""
    return any(len(_scripts(word)) > 1 for word in re.split(r"[\W_]+", text))


def skeleton(text: str) -> str:
    """What `text` looks like: equal for names that a reader cannot tell apart."""
    drawn = "".join(map(_plain_letter, unicodedata.normalize("NFC", text)))
    folded = _resembled(unicodedata.normalize("NFKD", drawn)).casefold()
    bare = "".join(char for char in folded if not unicodedata.combining(char))
    bare = _resembled(_POINT.sub("", bare).translate(_LOOKS)).casefold().translate(_LOOKS)
    bare = "".join(char for char in bare if char.isalnum() or char == ".")
    bare = bare.replace("rn", "m").replace("vv", "w").replace("cl", "d").replace("i", "l")
    bare = _DIGITS_IN_WORD.sub(lambda digits: digits[0].translate(_DIGITS), bare)
    return bare or " ".join(folded.split())  # signs only, such as emoji, are compared as they are


def confusable(name: str, others: Iterable[str]) -> list[str]:
    """Those of `others` that look like `name` or are it."""
    shapes = _shapes(name)
    return sorted({other for other in others if shapes & _shapes(other)})


def _shapes(text: str) -> set[str]:
    """The skeleton, and what UTS 39 alone makes of the text as it is and in lower case."""
    found = {skeleton(text)}
    for form in (text, text.casefold()):
        plain = unicodedata.normalize("NFD", form)
        bare = "".join(
            _confusables().get(char, char) for char in _POINT.sub("", plain) if char.isalnum() or char == "."
        )
        found |= {bare} if bare else set()
    return found


def lookalikes(name: str, others: Iterable[str]) -> list[str]:
    """Those of `others` that look like `name` without being it."""
    return [other for other in confusable(name, others) if other != name]


def _plain_letter(char: str) -> str:
    """The Latin letter of which `char` is a form; nothing for a sign of ownership; else `char`."""
    if char.isascii() or char in _SIGNS:
        return "" if char in _SIGNS else char
    letter = _LETTER_NAME.fullmatch(unicodedata.name(char, ""))
    return letter[1].lower() if letter else char


def _resembled(text: str) -> str:
    """Every character as the one that it is confusable with; not ASCII letters and digits, nor those of _LOOKS."""
    table = _confusables()
    kept = (char if ord(char) in _LOOKS or (char.isascii() and char.isalnum()) else table.get(char) for char in text)
    return "".join(new or old for new, old in zip(kept, text, strict=True))


@cache
def _confusables() -> Mapping[str, str]:
    """Unicode's confusables: a character and what it looks like.

    The package lists both directions: a character that resembles one prototype has one entry, the prototype many.
    """
    from confusable_homoglyphs.confusables import confusables_data

    found = {}
    for char, resembled in confusables_data.items():
        if len(char) == 1 and len(resembled) == 1:
            target = "".join(one for one in resembled[0]["c"] if unicodedata.category(one) != "Cf")
            back = confusables_data.get(resembled[0]["c"], [])
            if len(target) != 1 or len(back) > 1 or target < char:
                found[char] = target
    return found


def _scripts(word: str) -> set[str]:
    found = set()
    for char in word:
        if char.isalpha():
            name = unicodedata.name(char, "UNKNOWN").split()[0]
            # Japanese and Korean writing mix these within a word.
            found.add("EAST ASIAN" if name in ("CJK", "HIRAGANA", "KATAKANA", "HANGUL") else name)
    return found - {"MICRO", "OHM", "ANGSTROM", "MODIFIER", "FEMININE", "MASCULINE", "DOUBLE-STRUCK", "SUPERSCRIPT"}
