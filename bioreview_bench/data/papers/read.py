"""A paper from a file, by what the file contains: its name decides nothing but Markdown without headings.

PDF, DOCX and HTML are parsed in a process of their own, whose memory and time are bounded (`child`). Nothing in a file
is run, and nothing that it refers to is loaded.
"""

from __future__ import annotations

import re
from pathlib import Path

from bioreview_bench.data.article import Article
from bioreview_bench.data.papers.paper import Form, Paper
from bioreview_bench.data.papers.text import is_markdown, parse_markdown, parse_text
from bioreview_bench.data.split import Split
from bioreview_bench.errors import InputError
from bioreview_bench.files.paths import cannot_read
from bioreview_bench.files.recognise import file_kind

MOST_BYTES = 64 * 2**20
MOST_TEXT = 4 * 2**20  # bytes of a text: a book has 1 MB
MOST_SECTIONS = 500
OWN = "own"  # the source of a paper that a user brings
FORMS = "a paper as PDF, DOCX, JATS XML, HTML, Markdown or plain text"
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]{1,40})", re.IGNORECASE)
_HTML = re.compile(r"<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_JATS = re.compile(r"<(?:!DOCTYPE\s+)?(?:\w+:)?article\b")
_SKIPPED_FIRST = re.compile(r"(?:\s|<\?.{0,500}?\?>|<!--.{0,2000}?-->)+", re.DOTALL)
_NOT_PAPERS = (
    (b"\xd0\xcf\x11\xe0", "an old Word document, or a locked one", "save it as .docx or PDF, without a password"),
    (b"{\\rtf", "RTF", "save it as .docx or PDF"),
    (b"%!PS", "PostScript", "make a PDF of it: ps2pdf"),
    (b"\x1f\x8b", "a gzip file", "unpack it: gunzip"),
    (b"\x89PNG", "a picture", "name the paper's text"),
    (b"\xff\xd8\xff", "a picture", "name the paper's text"),
)


def read_paper(path: Path) -> Paper:
    """The paper in a file. Raises InputError when it is none, cannot be read, or is too large; EncoderError where the
    extra `papers` is needed and not installed."""
    data = _content(path)
    form = form_of(data, path)
    if form in ("pdf", "docx"):
        from bioreview_bench.data.papers.child import parse_apart

        return _with_text(parse_apart(form, data, path), path)
    if form == "jats":
        from bioreview_bench.data.papers.jats import parse_jats

        return _with_text(parse_jats(data, str(path)).paper, path)
    text = decoded(data, path)
    if form == "html":
        from bioreview_bench.data.papers.child import parse_apart

        return _with_text(parse_apart(form, text.encode(), path), path)
    return _with_text(parse_markdown(text) if form == "markdown" else parse_text(text), path)


def form_of(data: bytes, path: Path) -> Form:
    """What a file is, by its content. Raises InputError for what is no paper."""
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        # A name stands in the archive as it is, in the header of each member and in the directory at the end.
        if b"word/document.xml" in data:
            return "docx"
        raise _not_a_paper(path, "an archive, and no .docx", "save it as .docx or PDF, or unpack it")
    for magic, what, remedy in _NOT_PAPERS:
        if data.startswith(magic):
            raise _not_a_paper(path, what, remedy)
    start = decoded(data[:65536], path, whole=False)
    skipped = _SKIPPED_FIRST.match(start)
    head = start[skipped.end() :] if skipped else start
    if _HTML.match(head):
        return "html"
    if head.startswith("<"):
        if _JATS.search(head):
            return "jats"
        if _HTML.search(head):
            return "html"
        if start.startswith("<?xml"):
            raise _not_a_paper(path, "XML, and neither JATS nor HTML", "save it as PDF or text")
    if re.search(r"^\s*\\documentclass", head, re.MULTILINE):
        raise _not_a_paper(path, "LaTeX", "name the PDF that it makes")
    if head[:1] in ("{", "["):
        kind = file_kind(path)
        if kind is not None:
            raise _not_a_paper(path, kind.what, "name the paper itself")
    return "markdown" if is_markdown(start) or path.suffix.lower() in (".md", ".markdown") else "text"


def decoded(data: bytes, path: Path, *, whole: bool = True) -> str:
    """The text of a file: UTF-8, UTF-16 with a byte order mark, or what an HTML page declares.

    Raises InputError for other encodings, for bytes that are no text, and for more than 4 MiB.
    """
    if len(data) > MOST_TEXT:
        raise InputError(
            f"{path} has {len(data) / 2**20:,.0f} MiB of text; a paper has less than {MOST_TEXT >> 20}.",
            remedy=f"name {FORMS}",
        )
    declared = _CHARSET.search(data[:4096])
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if declared and encoding != "utf-16":
        encoding = declared[1].decode().lower()
        if encoding.replace("_", "-") not in _CHARSETS:
            encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if not whole and error.start > len(data) - 4:
            return data[: error.start].decode(encoding)
        raise InputError(
            f"{path} is not {encoding.removesuffix('-sig').upper()} text (byte {error.start + 1}).",
            remedy=f"iconv -f WINDOWS-1252 -t UTF-8 {path} > paper.txt, if that is its encoding; or save it as PDF",
        ) from error
    if "\0" in text:
        raise _not_a_paper(path, "no text: it has null characters", f"name {FORMS}")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")


_CHARSETS = frozenset(
    ("utf-8", "iso-8859-1", "iso-8859-15", "windows-1252", "us-ascii", "ascii", "latin1", "cp1252", "gb18030", "gbk")
)


def as_split(paper: Paper, path: Path) -> Split:
    """The paper as a split of one article, whose id is made of the file's name. It has no concerns."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.")[:60] or "paper"
    row = {
        "id": f"{OWN}:{name}",
        "source": OWN,
        "doi": paper.doi,
        "title": paper.title or None,
        "abstract": paper.abstract or None,
        "paper_text_sections": paper.sections,
        "structured_references": list(paper.references),
    }
    return Split.of([Article.model_validate(row)], data=OWN, name=name)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise cannot_read(path, error, remedy=f"name {FORMS}") from error
    if len(data) > MOST_BYTES:
        raise InputError(f"{path} is larger than {MOST_BYTES >> 20} MiB.", remedy=f"name {FORMS}")
    if not data.strip():
        raise InputError(f"{path} is empty.", remedy=f"name {FORMS}")
    return data


def _with_text(paper: Paper, path: Path) -> Paper:
    if paper.n_words < 1:
        raise InputError(f"No text was found in {path}, read as {paper.form}.", remedy=f"name {FORMS}")
    if len(paper.sections) > MOST_SECTIONS:
        raise InputError(f"{path} has {len(paper.sections):,} sections, which no paper has.", remedy=f"name {FORMS}")
    return paper


def _not_a_paper(path: Path, what: str, remedy: str) -> InputError:
    return InputError(f"{path} is {what}, not a paper.", remedy=remedy)
