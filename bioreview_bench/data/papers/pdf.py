"""PDF to a Paper, by pdfminer.six: the text of its pages with places and fonts; figures, and what is scanned, are not
read.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from bioreview_bench.data.papers.layout import PageLines, TextLine, blocks_of
from bioreview_bench.data.papers.outline import assemble
from bioreview_bench.data.papers.paper import Paper
from bioreview_bench.errors import InputError

_MOST_PAGES = 400
_LEAST_LETTERS = 80  # of a page on average; a scan has none, or a stamp
_LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st", "\ufb06": "st"}
    | {"\u00a0": " ", "\u2002": " ", "\u2003": " ", "\u2009": " ", "\u200a": " ", "\u200b": "", "\0": ""}
)
_BOLD = re.compile(r"bold|black|heavy|demi|cmbx|semibd|-b(?![a-z])", re.IGNORECASE)
_UNMAPPED = re.compile(r"\(cid:\d+\)|[\ue000-\uf8ff]")


def parse_pdf(data: bytes) -> Paper:
    """The paper in a PDF. Raises InputError for one that is locked, scanned, or whose letters are only shapes."""
    from pdfminer.high_level import extract_pages
    from pdfminer.layout import LAParams
    from pdfminer.pdfdocument import PDFPasswordIncorrect

    try:
        laid_out = extract_pages(io.BytesIO(data), maxpages=_MOST_PAGES + 1, laparams=LAParams(all_texts=True))
        pages = [PageLines(tuple(_lines(page, number)), float(page.height)) for number, page in enumerate(laid_out)]
    except PDFPasswordIncorrect as error:
        raise InputError("is locked with a password.", remedy="save it without one") from error
    if len(pages) > _MOST_PAGES:
        raise InputError(f"has more than {_MOST_PAGES} pages.", remedy="name one paper")
    text = "".join(line.text for page in pages for line in page.lines)
    unmapped = len(_UNMAPPED.findall(text))
    letters = sum(char.isalpha() for char in _UNMAPPED.sub("", text))
    if unmapped > 0.2 * (letters + unmapped) and unmapped > 50:
        raise InputError("shows letters whose meaning it does not state.", remedy=_OCR)
    if letters < _LEAST_LETTERS * max(1, len(pages)):
        raise InputError(
            f"has hardly any text to read: its pages ({len(pages):,}) are pictures, or empty.", remedy=_OCR
        )
    return assemble(blocks_of(pages), "pdf")


_OCR = "recognise its text first, for example: ocrmypdf --force-ocr IN.pdf OUT.pdf"


def _lines(page: Any, number: int) -> Iterator[TextLine]:
    """The upright lines of a page; those inside forms and figures only where the page has hardly any others."""
    own = list(_texts(page, number, figures=False))
    if sum(len(line.text) for line in own) >= _LEAST_LETTERS:
        return iter(own)
    return _texts(page, number, figures=True)


def _texts(container: Any, number: int, *, figures: bool) -> Iterator[TextLine]:
    from pdfminer.layout import LTFigure, LTTextBox, LTTextLineHorizontal

    for element in container:
        if isinstance(element, LTTextLineHorizontal):
            line = _line(element, number)
            if line is not None:
                yield line
        elif isinstance(element, LTTextBox) or (figures and isinstance(element, LTFigure)):
            yield from _texts(element, number, figures=figures)


def _line(element: Any, number: int) -> TextLine | None:
    from pdfminer.layout import LTChar

    chars = [char for char in element if isinstance(char, LTChar)]
    seen = [char for char in chars if char.get_text().strip()]
    upright = [char for char in seen if char.upright]
    if not seen or 2 * len(upright) < len(seen):
        return None
    sizes = sorted(char.size for char in seen)
    bold = sum(_BOLD.search(char.fontname or "") is not None for char in seen) * 2 > len(seen)
    text = element.get_text().translate(_LIGATURES).rstrip("\n")
    return TextLine(text, element.x0, element.x1, element.y0, sizes[len(sizes) // 2], bold, number)
