"""The text of JATS elements, as paragraphs and lines.

Inline markup, citations and formulas become plain text; figures, tables, captions and footnotes are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bioreview_bench.data.papers.xml import local_name

if TYPE_CHECKING:
    from lxml.etree import _Element

_LEFT_OUT = frozenset(
    (
        *("fig", "fig-group", "table-wrap", "table-wrap-group", "supplementary-material", "media", "graphic"),
        *("inline-graphic", "inline-supplementary-material", "fn-group", "fn", "caption", "object-id", "label"),
        *("permissions", "ref-list"),
    )
)
# Within a paragraph these stand on lines of their own: their words are not those beside them.
_APART = frozenset(("break", "p", "list", "list-item", "disp-quote", "boxed-text", "verse-line"))
_RAISED = ("sup", "sub")
_NUMBERED = ("order", "arabic", "number", "numbered")
_MARK = re.compile(r"\(?\w{1,3}[.)]\s|[•·*–-]\s")  # of an item that has one of its own


def paragraphs(element: _Element, *, marked: bool = False) -> Iterator[str]:
    """Headings and paragraphs in order, each on one line; items of lists are paragraphs.

    With `marked`, items have the number or the dot that a reader sees before them.
    """
    for child in element:
        name = local_name(child)
        if name in _LEFT_OUT:
            continue
        if name == "list":
            yield from _items(child, marked)
        elif name in ("p", "title"):
            yield from _paragraph(child, marked)
        else:
            yield from paragraphs(child, marked=marked)


def quotations(element: _Element) -> Iterator[str]:
    """The paragraphs that a response marks as the reviewers' words, as `paragraphs` has them."""
    for quote in element.iterfind(".//disp-quote[@content-type='editor-comment']"):
        yield from paragraphs(quote)


def is_left_out(element: _Element) -> bool:
    """True for what is no part of the running text: figures, tables, footnotes."""
    return local_name(element) in _LEFT_OUT


def line(element: _Element | None) -> str:
    """The text of an element on one line."""
    return "" if element is None else _joined(_inline(element))


def _paragraph(element: _Element, marked: bool) -> Iterator[str]:
    """A paragraph as one text; where it has lists, the text before, between and after them."""
    pieces: list[str] = []
    for part in _content(element):
        if isinstance(part, str):
            pieces.append(part)
        elif local_name(part) != "list":
            pieces.extend(_inline(part))
        else:
            yield from filter(None, [_joined(pieces)])
            pieces = []
            yield from _items(part, marked)
    yield from filter(None, [_joined(pieces)])


def _items(element: _Element, marked: bool) -> Iterator[str]:
    kind = element.get("list-type") or ""
    number = 0
    for item in element:
        texts = list(paragraphs(item, marked=marked)) if local_name(item) == "list-item" else [line(item)]
        if texts and marked and local_name(item) == "list-item":
            number += 1
            mark = "• " if kind == "bullet" else f"{number}. " if kind in _NUMBERED else ""
            texts[0] = texts[0] if _MARK.match(texts[0]) else mark + texts[0]
        yield from filter(None, texts)


def _joined(pieces: Iterable[str]) -> str:
    return " ".join("".join(pieces).split())


def _inline(element: _Element) -> Iterator[str]:
    name = local_name(element)
    if not name or name in _LEFT_OUT:
        return
    if name == "math":
        yield _joined(map(str, element.itertext()))
        return
    text = "".join(part if isinstance(part, str) else "".join(_inline(part)) for part in _content(element))
    if name in _RAISED and "\n" in text:
        yield _joined([text])
    else:
        yield f" {text} " if name in _APART else text


def _content(element: _Element) -> Iterator[str | _Element]:
    """Texts and children in order. A line break with which a file is laid out before a superscript, or between a
    bracket and an element, is no space."""
    text = element.text
    for child in _chosen(element):
        if text:
            kept = text.rstrip()
            laid_out = "\n" in text[len(kept) :] and (local_name(child) in _RAISED or kept[-1:] in ("(", "["))
            yield kept if laid_out else text
        yield child
        text = child.tail
    if text:
        yield text


def _chosen(element: _Element) -> list[_Element]:
    """The children; of `alternatives`, which say the same several times, one that has words."""
    if local_name(element) != "alternatives":
        return list(element)
    ranked = [child for name in ("math", "textual-form", "tex-math") for child in element if local_name(child) == name]
    return ranked[:1]
