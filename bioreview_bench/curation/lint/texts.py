"""Rules about any text: wrong encodings, characters that cannot be seen, leftover markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.entities import html5

from bioreview_bench.curation.lint.rules import LintFinding
from bioreview_bench.errors import printable

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Not U+2061 to U+2064, which are operators that mathematics has between two letters.
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
_REPLACED = re.compile("\ufffd")
# The first byte of a character of Latin, Greek, punctuation or ligatures, as Windows-1252 shows it, and those after it.
_MOJIBAKE = re.compile("[ÂÃÎÏâï][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]{1,2}")
_TAGS = (
    "a|abbr|b|big|bold|br|caption|center|citation|code|div|em|ext-link|fig|font|h[1-6]|hr|i|img|inline-formula|italic|"
    "jats:[a-z-]+|label|li|math|mml:[a-z]+|monospace|ol|p|pre|ref|sc|sec|small|span|strike|strong|sub|sup|table|tbody|td|"
    "tex-math|th|thead|title|tr|u|ul|underline|xref"
)
_TAG = re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]{{0,300}})?\s?/?>", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_LATEX = re.compile(
    r"\\(?:begin|end|textit|textbf|textrm|emph|cite[pt]?|ref|label|mathrm|mathbf|mathcal|frac|sqrt|left|right|"
    r"alpha|beta|gamma|delta|lambda|mu|sigma|times|pm|leq|geq|sum|int)\b"
)
_SHOWN = 24  # characters on either side of what was found


def check_text(field: str, text: str) -> Iterator[LintFinding]:
    """One finding of a rule, whatever the number of places; the message shows the first."""
    if text.isascii() and text.isprintable():  # most titles and ids
        yield from _markup(field, text)
        return
    yield from _found("control-character", field, text, _CONTROL.finditer(text))
    yield from _found("invisible-character", field, text, _INVISIBLE.finditer(text))
    yield from _found("replacement-character", field, text, _REPLACED.finditer(text))
    yield from _found("mojibake", field, text, (match for match in _MOJIBAKE.finditer(text) if _decodes(match[0])))
    yield from _markup(field, text)


def _markup(field: str, text: str) -> Iterator[LintFinding]:
    if "<" in text:
        yield from _found("markup", field, text, _TAG.finditer(text))
    if "&" in text:
        references = (match for match in _REFERENCE.finditer(text) if match[0][1] == "#" or match[0][1:] in html5)
        yield from _found("markup", field, text, references)
    if "\\" in text:
        yield from _found("latex", field, text, _LATEX.finditer(text))


def _found(rule: str, field: str, text: str, matches: Iterator[re.Match[str]]) -> Iterator[LintFinding]:
    first = next(matches, None)
    if first is None:
        return
    more = sum(1 for _ in matches)
    around = text[max(0, first.start() - _SHOWN) : first.end() + _SHOWN]
    what = f"{_name(first[0])} in" if len(first[0]) == 1 else f"{printable(first[0])} in"
    places = f", and in {more:,} more places" if more > 1 else ", and in 1 more place" if more else ""
    yield LintFinding(rule, field, f'{what} "{printable(around)}"{places}')


def _name(character: str) -> str:
    return f"U+{ord(character):04X}"


def _decodes(shown: str) -> bool:
    """True when the characters, as bytes of Windows-1252, are one character of UTF-8."""
    raw = bytearray()
    for char in shown:
        try:
            raw += char.encode("cp1252")
        except UnicodeEncodeError:
            raw.append(ord(char))  # five bytes have no character there, and are shown as control characters
    try:
        return bool(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return len(shown) == 3 and _decodes(shown[:2])
