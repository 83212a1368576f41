"""Files made to exhaust memory or time, or to have something loaded or run: each is one error, within its bounds."""

from __future__ import annotations

import io
import time
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from bioreview_bench.data.papers.child import parse_apart
from bioreview_bench.data.papers.read import read_paper
from bioreview_bench.errors import InputError

pytest.importorskip("pdfminer", reason="pip install 'bioreview-bench[papers]'")
pytest.importorskip("docx", reason="pip install 'bioreview-bench[papers]'")
pytest.importorskip("resource", reason="this system bounds no process")

Make = Callable[..., Path]
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_MEMORY = 400 * 2**20


def page_of(content: int) -> list[bytes]:
    """Catalogue, pages and one page, whose content is the object of this number."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources<</XObject<</X 5 0 R>>>>>>"
    return [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page % content]


def within(form: str, path: Path, seconds: int = 20) -> InputError:
    """The error of a file, which comes in less than the limit of time and a little."""
    started = time.monotonic()
    with pytest.raises(InputError) as caught:
        parse_apart(form, path.read_bytes(), path, seconds=seconds, memory=_MEMORY)  # type: ignore[arg-type]
    assert time.monotonic() - started < seconds + 60
    assert caught.value.remedy
    return caught.value


def test_a_stream_that_unpacks_to_gigabytes(raw_pdf: Make, pdf_stream: Callable[..., bytes]) -> None:
    packer = zlib.compressobj(1)
    once = b"".join(packer.compress(b" " * 2**20) for _ in range(450)) + packer.flush()
    twice = zlib.compress(once, 9)
    assert len(twice) < 100_000
    path = raw_pdf([*page_of(4), pdf_stream(twice, b"/Filter[/FlateDecode/FlateDecode]")])
    within("pdf", path, seconds=4)


def test_objects_nested_a_hundred_thousand_deep(raw_pdf: Make) -> None:
    within("pdf", raw_pdf([*page_of(4), b"[" * 100_000 + b"]" * 100_000]))


def test_pages_that_are_their_own_parents_and_forms_that_show_themselves(
    raw_pdf: Make, pdf_stream: Callable[..., bytes]
) -> None:
    loop = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>"]
    within("pdf", raw_pdf(loop))
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R>>>>"
    within("pdf", raw_pdf([*page_of(4), pdf_stream(b"/X Do"), pdf_stream(b"/X Do /X Do", form)]))


def test_more_pages_than_a_paper_has(raw_pdf: Make) -> None:
    kids = b"3 0 R " * 5_000
    objects = page_of(4)
    objects[1] = b"<</Type/Pages/Kids[%s]/Count 5000>>" % kids
    within("pdf", raw_pdf([*objects, b"<</Length 0>>\nstream\n\nendstream"]))


def archive(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in parts.items():
            out.writestr(name, content)
    return path


def with_document(make_docx: Make, document: bytes) -> Path:
    """A sound Word document with another text."""
    path = make_docx([("", "Terns.")])
    with zipfile.ZipFile(path) as sound:
        parts = {name: sound.read(name) for name in sound.namelist()}
    return archive(path, {**parts, "word/document.xml": document})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_of_a_word_document_are_not_read(make_docx: Make, tmp_path: Path, encoding: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the key")
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>{"<!-- -->" * 1000}'
        f'<!DOCTYPE d [<!ENTITY x SYSTEM "file://{secret}">]>'
        f"<w:document {_W}><w:body><w:p><w:r><w:t>Methods &x;</w:t></w:r></w:p></w:body></w:document>"
    )
    path = with_document(make_docx, text.encode(encoding))
    with pytest.raises(InputError, match="declares XML entities"):
        read_paper(path)


def test_a_word_document_that_unpacks_to_gigabytes(make_docx: Make) -> None:
    body = b"<w:p><w:r><w:t>" + b"a" * (60 * 2**20) + b"</w:t></w:r></w:p>"
    path = with_document(make_docx, f"<w:document {_W}><w:body>".encode() + body + b"</w:body></w:document>")
    assert path.stat().st_size < 2**20
    with pytest.raises(InputError, match="MiB of XML"):
        read_paper(path)
    many = archive(path, {"word/document.xml": b"<a/>", **{f"word/media/{n}": b"" for n in range(6000)}})
    with pytest.raises(InputError, match="6,001 parts"):
        read_paper(many)


def test_a_size_that_the_archive_states_wrongly(make_docx: Make) -> None:
    path = with_document(make_docx, b"<a>" + b"b" * 10_000_000 + b"</a>")
    data = path.read_bytes()
    true, false = (10_000_007).to_bytes(4, "little"), (100).to_bytes(4, "little")
    assert data.count(true) == 2
    path.write_bytes(data.replace(true, false))
    within("docx", path)


def test_word_documents_that_are_nested_broken_or_of_another_kind(make_docx: Make, tmp_path: Path) -> None:
    deep = b"<w:p>" * 50_000 + b"</w:p>" * 50_000
    within("docx", with_document(make_docx, f"<w:document {_W}><w:body>".encode() + deep + b"</w:body></w:document>"))
    within("docx", with_document(make_docx, b"<not xml"))
    cut = tmp_path / "cut.docx"
    cut.write_bytes(make_docx([("", "Terns.")]).read_bytes()[:5000])
    within("docx", cut)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        out.writestr("word/document.xml", "x")
    cut.write_bytes(buffer.getvalue())
    within("docx", cut)


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 200_000 + "<p>Terns.",
        "<svg>" * 100_000 + "</div>" * 100_000,
        "<!--" * 100_000,
        "<a " * 100_000,
        "<p>" + "&#x110000;&#0;&lt;" * 100_000,
        "<h1>" + "<h2>x" * 1000 + "<script>" * 1000,
    ],
    ids=["nested", "skipped", "comments", "attributes", "characters", "headings"],
)
def test_pages_made_to_be_slow_are_read_or_refused_in_time(tmp_path: Path, page: str) -> None:
    started = time.monotonic()
    with suppress(InputError):
        parse_apart("html", f"<html><body>{page}".encode(), tmp_path / "p.html", seconds=2, memory=_MEMORY)
    assert time.monotonic() - started < 60


@pytest.mark.parametrize(
    "text",
    [
        "Aim\n\n" * 100_000,
        "# \n" * 100_000,
        "a-\n" * 100_000,
        "[" * 100_000,
        "1. A\n" * 100_000,
        "**" * 100_000 + "\n# x",
        "x" * 100_000,
        "\n# a" + " " * 100_000 + "x",
        "a" + "\t" * 100_000 + "{",
        "<!--" * 500_000,
    ],
    ids=["headings", "marks", "hyphens", "brackets", "entries", "bold", "word", "heading", "blanks", "comments"],
)
@pytest.mark.parametrize("suffix", [".txt", ".md"])
def test_texts_made_to_be_slow_are_read_or_refused_in_time(tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"p{suffix}"
    path.write_text(f"Abstract\n\n{text}")
    started = time.process_time()
    with suppress(InputError):
        read_paper(path)
    assert time.process_time() - started < 15


def test_half_characters_and_control_characters_do_not_get_into_a_paper(tmp_path: Path) -> None:
    path = tmp_path / "p.html"
    path.write_text("<html><body><h2>Methods</h2><p>Te&#xD800;rns &#27;[2J are&#x202e; few.</p></body></html>")
    text = read_paper(path).sections["Methods"]
    assert "\x1b" not in text
    assert text.encode()
