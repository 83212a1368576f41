"""Papers from text, Markdown, HTML and Word; what a file is told by its content; what is no paper."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.data.papers.paper import Paper
from bioreview_bench.data.papers.read import as_split, read_paper
from bioreview_bench.errors import InputError

_BODY = [
    ("Introduction", "Terns are birds of ledges."),
    ("Methods", "We counted them from a boat."),
    ("Results", "There were forty terns."),
    ("Discussion", "Boats are the likely cause."),
]
_REFERENCES = ("1. Tern A. Ledges.", "2. Gull B. Boats.")


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _text() -> str:
    head = "Terns on a ledge\n\nA. Author, University\n\nABSTRACT\nTerns were counted.\n\n"
    body = "\n\n".join(f"{number}. {name}\n\n{text}" for number, (name, text) in enumerate(_BODY, 1))
    return f"{head}{body}\n\nREFERENCES\n" + "\n".join(_REFERENCES) + "\n"


def _markdown() -> str:
    body = "".join(f"## {name}\n\n{text}\n\n" for name, text in _BODY)
    references = "\n".join(_REFERENCES)
    head = "# Terns on a *ledge*\n\nA. Author\n\n## Abstract\n\nTerns were **counted**.\n\n"
    return f"{head}{body}## References\n\n{references}"


def _html() -> str:
    body = "".join(f"<h2>{name}</h2><p>{text}</p>" for name, text in _BODY)
    references = "".join(f"<li>{reference}</li>" for reference in _REFERENCES)
    return (
        "<!DOCTYPE html><html><head><title>Journal | Terns</title>"
        '<meta name="citation_doi" content="https://doi.org/10.1234/tern.5"><script>alert("x")</script></head><body>'
        "<nav><a href=/>Home</a></nav><h1>Terns on a <i>ledge</i></h1><p>A. Author</p>"
        f"<h2>Abstract</h2><p>Terns were &#99;ounted.</p>{body}<script>document.write('evil')</script>"
        f"<h2>References</h2><ol>{references}</ol><footer>Cookies</footer></body></html>"
    )


@pytest.mark.parametrize(
    ("form", "name", "make"), [("text", "p.txt", _text), ("markdown", "p.txt", _markdown), ("html", "p", _html)]
)
def test_title_abstract_sections_and_references_are_told_apart(
    tmp_path: Path, form: str, name: str, make: Callable[[], str]
) -> None:
    paper = read_paper(written(tmp_path / name, make()))
    assert paper.form == form
    assert paper.title == "Terns on a ledge"
    assert paper.abstract == "Terns were counted."
    assert list(paper.sections.items()) == _BODY
    assert tuple(reference.removeprefix(f"{n}. ") for n, reference in enumerate(paper.references, 1)) == (
        "Tern A. Ledges.",
        "Gull B. Boats.",
    )
    assert paper.doi == ("10.1234/tern.5" if form == "html" else None)


def test_a_word_document_by_styles_and_without_any(make_docx: Callable[..., Path]) -> None:
    head = [("Title", "Terns on a ledge"), ("", "A. Author"), ("Heading 1", "Abstract"), ("", "Terns were counted.")]
    body = [part for name, text in _BODY for part in (("Heading 1", name), ("", text))]
    tail = [("Heading 1", "References"), *(("", reference) for reference in _REFERENCES)]
    for paragraphs in ([*head, *body, *tail], [("", text) for _, text in [*head, *body, *tail]]):
        paper = read_paper(make_docx(paragraphs))
        assert (paper.form, paper.title, paper.abstract) == ("docx", "Terns on a ledge", "Terns were counted.")
        assert list(paper.sections.items()) == _BODY
        assert paper.references == _REFERENCES


def test_a_word_document_is_read_with_its_revisions_accepted(make_docx: Callable[..., Path]) -> None:
    from docx.oxml import parse_xml

    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'

    def revise(document: Any) -> None:
        paragraph = document.paragraphs[1]._p
        paragraph.append(parse_xml(f"<w:ins {w}><w:r><w:t> Twice a year.</w:t></w:r></w:ins>"))
        paragraph.append(parse_xml(f"<w:del {w}><w:r><w:delText> Never.</w:delText></w:r></w:del>"))
        control = f"<w:sdt {w}><w:sdtContent><w:p><w:r><w:t>In a control.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        paragraph.addnext(parse_xml(control))
        document.add_table(1, 1).cell(0, 0).text = "In a table."

    paper = read_paper(make_docx([("Heading 1", "Methods"), ("", "Counted.")], revise))
    assert paper.sections == {"Methods": "Counted. Twice a year.\n\nIn a control."}


def test_names_of_sections_in_a_structured_abstract_are_no_sections(tmp_path: Path) -> None:
    inside = "## Methods\n\nIn short.\n\n## Results\n\nForty.\n\n"
    text = f"# T\n\n## Abstract\n\n{inside}## Introduction\n\nTerns.\n\n## Methods\n\nAt length.\n"
    paper = read_paper(written(tmp_path / "p.md", text))
    assert paper.sections == {"Introduction": "Terns.", "Methods": "At length."}
    assert paper.abstract == "Methods\n\nIn short.\n\nResults\n\nForty."


def test_inner_headings_stay_in_their_section(tmp_path: Path) -> None:
    text = "# T\n\n## Methods\n\n### Ledges\n\nFour.\n\n### Results\n\nNone.\n\n## Discussion\n\nFew.\n"
    paper = read_paper(written(tmp_path / "p.md", text))
    assert paper.sections == {"Methods": "Ledges\n\nFour.\n\nResults\n\nNone.", "Discussion": "Few."}


def test_a_paper_without_headings_is_one_section_and_says_so(tmp_path: Path) -> None:
    paper = read_paper(written(tmp_path / "p.txt", "A letter on terns\n\n" + "Terns are few. " * 40))
    assert list(paper.sections) == ["Main text"]
    assert any("no headings" in note for note in paper.notes)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_how_a_text_is_encoded(tmp_path: Path, encoding: str) -> None:
    text = "Methods\n\nTernes comptées à l'œil nu, μ = 3.\n"
    assert (
        "comptées à l'œil nu, μ" in read_paper(written(tmp_path / "p.txt", text.encode(encoding))).sections["Methods"]
    )


def test_a_page_may_declare_its_encoding(tmp_path: Path) -> None:
    page = "<html><head><meta charset=windows-1252></head><body><h2>Methods</h2><p>Compt\u00e9es.</p></body></html>"
    assert read_paper(written(tmp_path / "p.html", page.encode("cp1252"))).sections == {"Methods": "Compt\u00e9es."}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        ("Methods\n\nComptées.".encode("latin-1"), "is not UTF-8 text"),
        (b"Methods\n\nCou\0nted.", "null characters"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1" + b"x" * 99, "old Word document"),
        (b"{\\rtf1 Terns}", "RTF"),
        (b"PK\x03\x04" + b"x" * 99, "archive"),
        (b"\\documentclass{article}\n\\begin{document}", "LaTeX"),
        (b'<?xml version="1.0"?><svg/>', "neither JATS nor HTML"),
        (b'{"article_id": "elife:1", "concerns": []}', "not a paper"),
        (b"<html><body><script>x</script></body></html>", "No text was found"),
        (b"Methods\n\n" + b"x" * (5 * 2**20), "MiB of text"),
        ("".join(f"# S{n}\n\nx\n\n" for n in range(600)).encode(), "600 sections"),
    ],
)
def test_what_is_no_paper_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_paper(written(tmp_path / "p.txt", content))
    assert caught.value.remedy


def test_jats_is_read_whatever_its_file_is_called(tmp_path: Path) -> None:
    xml = (
        '<?xml version="1.0"?><!DOCTYPE article PUBLIC "-//NLM//DTD JATS" "x.dtd"><article><front><article-meta>'
        '<article-id pub-id-type="doi">10.7554/eLife.00001</article-id><title-group>'
        "<article-title>Terns</article-title></title-group></article-meta></front><body><sec><title>Methods</title><p>Counted.</p></sec></body></article>"
    )
    paper = read_paper(written(tmp_path / "p.txt", xml))
    assert (paper.form, paper.title, paper.sections) == ("jats", "Terns", {"Methods": "Counted."})


def test_a_reviewer_sees_neither_acknowledgements_nor_doi() -> None:
    paper = Paper("T", "A", {"Methods": "m", "Acknowledgements": "k", "Funding": "f"}, ("r",), "10.1/x")
    split = as_split(paper, Path("my paper?.pdf"))
    manuscript = Manuscript.from_article(split[0])
    assert (split[0].id, split[0].source, split[0].reviewed) == ("own:my-paper", "own", False)
    assert manuscript.sections == {"Methods": "m"}
    assert manuscript.doi is None
    assert json.loads(json.dumps(split.label)) == split.label


def test_marks_that_close_a_heading_are_no_part_of_it_and_comments_no_text(tmp_path: Path) -> None:
    path = tmp_path / "p.md"
    path.write_text(
        "# Terns\n\n## Methods ##\n\nWe <!-- two -->counted.\n\n## Notes on C# <!-- one\ncomment -->\n\nNone.\n"
    )
    assert read_paper(path).sections == {"Methods": "We counted.", "Notes on C#": "None."}
