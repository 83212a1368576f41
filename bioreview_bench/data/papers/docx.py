"""DOCX to a Paper, by python-docx: paragraphs in order, headings by their styles, or else by their words.

The archive is checked before anything is unpacked. Text of deleted revisions, comments, headers and footers, and of
tables, is left out.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from bioreview_bench.data.papers.outline import Block, assemble, heading_level, known_heading
from bioreview_bench.data.papers.paper import Paper
from bioreview_bench.errors import InputError

_MOST_BYTES = 256 * 2**20  # of all parts, unpacked
_MOST_XML = 48 * 2**20  # of one part of XML; the text of a thesis takes 10
_MOST_PARTS = 5000
_STYLE = re.compile(r"heading\s*([1-9])")
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_APART = (f"{_W}tbl", f"{_W}txbxContent")
_LEFT_OUT = (f"{_W}del", f"{_W}moveFrom", f"{_W}txbxContent", f"{_W}instrText", f"{_W}pict", f"{_W}drawing")
_SPACES = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
_REMEDY = "save it again as .docx with Word or LibreOffice, or as PDF"
_DECLARES = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def parse_docx(data: bytes) -> Paper:
    """The paper in a Word document. Raises InputError for an archive that is damaged, too large or not safe to read."""
    _check(data)
    import docx

    document = docx.Document(io.BytesIO(data))
    blocks = list(_blocks(document))
    if not any(block.level for block in blocks):  # bold lines, or plain ones, stand for headings
        blocks = [block if block.level == 0 else Block(block.text, heading_level(block.text)) for block in blocks]
    return assemble(blocks, "docx")


def _check(data: bytes) -> None:
    """Raise InputError for what is no sound archive, unpacks to too much, or declares entities."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            total = sum(part.file_size for part in parts)
            if len(parts) > _MOST_PARTS or total > _MOST_BYTES:
                raise InputError(f"unpacks to {total / 2**20:,.0f} MiB in {len(parts):,} parts.", remedy=_REMEDY)
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    if part.file_size > _MOST_XML:
                        raise InputError(f"has {part.file_size / 2**20:,.0f} MiB of XML in one part.", remedy=_REMEDY)
                    with archive.open(part) as stream:
                        if _declares(stream):
                            raise InputError("declares XML entities, which are not read.", remedy=_REMEDY)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise InputError(f"is not a sound .docx archive: {error}.", remedy=_REMEDY) from error


def _declares(stream: Any) -> bool:
    """True when a part has a document type; UTF-16, in which it could hide, has null bytes."""
    before = b""
    while piece := stream.read(1 << 20):
        piece = piece.replace(b"\0", b"")
        if _DECLARES.search(before + piece):
            return True
        before = piece[-32:]
    return False


def _blocks(document: Any) -> Iterator[Block]:
    """Paragraphs of the body, those of content controls among them (as reference managers write lists)."""
    from docx.text.paragraph import Paragraph

    body = document.element.body
    for element in body.iter(f"{_W}p"):
        text = _text(element)
        if not text or _inside(element, body):
            continue
        name = _style(Paragraph(element, document).style)
        heading = _STYLE.match(name)
        if name == "title":
            yield Block(text, 0)
        elif heading:
            yield Block(text, int(heading[1]))
        elif name == "abstract" and not known_heading(text):
            yield Block(f"Abstract: {text}")
        else:
            yield Block(text)


def _inside(element: Any, body: Any) -> bool:
    """True for a paragraph of a table or a text box."""
    parent = element.getparent()
    while parent is not None and parent is not body:
        if parent.tag in _APART:
            return True
        parent = parent.getparent()
    return False


def _text(paragraph: Any) -> str:
    """The text as it stands with all revisions accepted; that of formulas without their layout."""
    pieces: list[str] = []
    pending = list(paragraph)[::-1]
    while pending:
        element = pending.pop()
        if element.tag in (f"{_W}t", f"{_M}t"):
            pieces.append(element.text or "")
        elif element.tag in _SPACES:
            pieces.append(_SPACES[element.tag])
        elif element.tag not in _LEFT_OUT:
            pending.extend(list(element)[::-1])
    return "".join(pieces).strip()


def _style(style: Any) -> str:
    """The name of a style, in lower case, or of the heading that it is based on."""
    names: list[str] = []
    while style is not None and len(names) < 8:
        names.append((style.name or "").lower())
        style = style.base_style
    return next((name for name in names if _STYLE.match(name) or name in ("title", "abstract")), "")
