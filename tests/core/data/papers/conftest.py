"""PDFs and Word documents, made byte by byte or by python-docx."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Text = tuple[float, float, float, str]  # x, y from the foot, size, text; a text in ** is bold


def pdf_bytes(objects: Sequence[bytes], root: int = 1) -> bytes:
    """A PDF of these objects, numbered from 1."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        out += b"%010d 00000 n \n" % place
    out += b"trailer\n<</Size %d /Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, root, start)
    return bytes(out)


def stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<</Length %d %s>>\nstream\n%s\nendstream" % (len(content), more, content)


def _shown(texts: Sequence[Text]) -> bytes:
    parts = []
    for x, y, size, text in texts:
        bold = text.startswith("**")
        raw = text.strip("*").replace("\ufb01", "\x80").encode("latin-1")
        raw = raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        parts.append(b"BT /%s %g Tf 1 0 0 1 %g %g Tm (%s) Tj ET" % (b"B" if bold else b"F", size, x, y, raw))
    return b"\n".join(parts)


@pytest.fixture
def make_pdf(tmp_path: Path) -> Callable[..., Path]:
    """Write a PDF whose pages (612 by 792 points) show texts at places."""

    def make(pages: Sequence[Sequence[Text]], name: str = "paper.pdf") -> Path:
        font = b"<</Type/Font/Subtype/Type1/BaseFont/%s/Encoding<</Type/Encoding/BaseEncoding/WinAnsiEncoding"
        font += b"/Differences[128/fi]>>>>"
        fonts = b"<</Font<</F 3 0 R/B 4 0 R>>>>"
        objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"", font % b"Times-Roman", font % b"Times-Bold"]
        kids = []
        for page in pages:
            objects.append(stream(zlib.compress(_shown(page)), b"/Filter/FlateDecode"))
            body = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources %s>>"
            objects.append(body % (len(objects), fonts))
            kids.append(b"%d 0 R" % len(objects))
        objects[1] = b"<</Type/Pages/Kids[%s]/Count %d>>" % (b" ".join(kids), len(kids))
        path = tmp_path / name
        path.write_bytes(pdf_bytes(objects))
        return path

    return make


@pytest.fixture
def raw_pdf(tmp_path: Path) -> Callable[..., Path]:
    """Write a PDF of given objects; `stream(content, entries)` makes one that is a stream."""

    def make(objects: Sequence[bytes]) -> Path:
        path = tmp_path / "raw.pdf"
        path.write_bytes(pdf_bytes(objects))
        return path

    return make


@pytest.fixture
def pdf_stream() -> Callable[..., bytes]:
    return stream


@pytest.fixture
def make_docx(tmp_path: Path) -> Callable[..., Path]:
    """Write a Word document of (style, text); "" is the style of the text."""
    docx = pytest.importorskip("docx", reason="pip install 'bioreview-bench[papers]'")

    def make(paragraphs: Sequence[tuple[str, str]], change: Callable[[Any], None] | None = None) -> Path:
        document = docx.Document()
        for style, text in paragraphs:
            document.add_paragraph(text, style=style or None)
        if change is not None:
            change(document)
        path = tmp_path / "paper.docx"
        document.save(str(path))
        return path

    return make
