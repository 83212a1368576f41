"""Papers from PDF: reading order, what is no text, divided words, headings; what cannot be read says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.papers.read import read_paper
from bioreview_bench.errors import InputError

pytest.importorskip("pdfminer", reason="pip install 'bioreview-bench[papers]'")

Make = Callable[..., Path]
_FILL = [
    "The terns of this ledge were counted in each",
    "of the three summers by one and the same old",
    "observer, who had been trained by his mother",
    "and his father for many years before that.",
]


def column(x: float, top: float, lines: list[str], size: float = 10) -> list[Any]:
    return [(x, top - 12 * place, size, line) for place, line in enumerate(lines)]


def two_columns(number: int = 1) -> list[Any]:
    """A page with running title, page number, and two columns of sections."""
    left = ["**Introduction**", *_FILL, "We identi\ufb01ed a fluo-", "rescent tern on the well-", "known ledge."]
    right = [
        "**Methods**",
        *_FILL,
        "Their well-known calls were",
        "recorded with MK2-",
        "A1 devices (pre-",
        "and post-",
    ]
    right += ["season)."]
    return [
        (72, 760, 8, f"Author et al. Journal of Terns {number}"),
        (300, 30, 8, str(number)),
        *column(72, 700, left),
        *column(320, 700, right),
    ]


def test_columns_are_read_one_after_the_other(make_pdf: Make) -> None:
    paper = read_paper(make_pdf([two_columns()]))
    assert list(paper.sections) == ["Introduction", "Methods"]
    assert paper.sections["Introduction"].startswith("The terns of this ledge were counted in each of the three")
    assert "recorded" not in paper.sections["Introduction"]
    assert paper.sections["Methods"].startswith("The terns of this ledge")


def test_ligatures_and_divided_words_are_whole_words(make_pdf: Make) -> None:
    paper = read_paper(make_pdf([two_columns()]))
    assert paper.sections["Introduction"].endswith("We identified a fluorescent tern on the well-known ledge.")
    assert paper.sections["Methods"].endswith("recorded with MK2-A1 devices (pre- and postseason).")


def test_running_titles_and_page_numbers_are_no_text(make_pdf: Make) -> None:
    pages = [two_columns(number) for number in (11, 12, 13)]
    paper = read_paper(make_pdf(pages))
    text = " ".join(paper.sections.values())
    assert "Journal" not in text
    assert not any(number in text.split() for number in ("11", "12", "13"))


def test_a_paragraph_goes_on_over_a_page(make_pdf: Make) -> None:
    first = [*column(72, 700, ["**Results**", *_FILL[:3]])]
    second = [
        *column(72, 700, ["which we had not known", "before that summer.", "**Discussion**", "A ledge is a ledge."])
    ]
    second[2] = (72, 640, 10, "**Discussion**")
    second[3] = (72, 620, 10, "A ledge is a ledge.")
    paper = read_paper(make_pdf([first, second]))
    assert "his mother which we had not known before" in paper.sections["Results"]
    assert paper.sections["Discussion"] == "A ledge is a ledge."


def test_title_abstract_and_references_stand_apart(make_pdf: Make) -> None:
    page = [
        (72, 720, 18, "Terns decline on every ledge"),
        (72, 700, 18, "that was looked at"),
        (72, 670, 10, "A. Author, University of Somewhere, doi:10.1234/tern.5"),
        (72, 640, 12, "**Abstract**"),
        *column(72, 622, _FILL),
        (72, 560, 12, "**1. Introduction**"),
        *column(72, 540, _FILL),
        (72, 480, 10, "**1.1 Ledges**"),
        *column(72, 460, _FILL),
        (72, 400, 12, "**References**"),
        *column(72, 380, ["[1] Tern A. A ledge for every", "tern. J Birds 1999.", "[2] Gull B. Boats. J Boats 2000."]),
        (72, 330, 12, "**Acknowledgements**"),
        (72, 310, 10, "We thank the boatman."),
    ]
    paper = read_paper(make_pdf([page]))
    assert paper.title == "Terns decline on every ledge that was looked at"
    assert paper.abstract == " ".join(_FILL)
    assert list(paper.sections) == ["Introduction", "Acknowledgements"]
    assert "1.1 Ledges" in paper.sections["Introduction"].split("\n\n")
    assert paper.references == ("[1] Tern A. A ledge for every tern. J Birds 1999.", "[2] Gull B. Boats. J Boats 2000.")
    assert paper.doi == "10.1234/tern.5"
    assert any("authors" in note for note in paper.notes)


def test_the_numbers_of_numbered_lines_are_no_text(make_pdf: Make) -> None:
    page: list[Any] = [(72, 720, 10, "**Methods**")]
    lines = [*_FILL, "There were 12 ledges in", "each of the years that", "we looked at them."]
    for place, line in enumerate(lines):
        page += [(40, 700 - 24 * place, 8, str(place + 41)), (72, 700 - 24 * place, 10, line)]
    paper = read_paper(make_pdf([page]))
    assert paper.sections["Methods"] == " ".join(lines)


def test_a_scan_says_how_to_get_its_text(make_pdf: Make) -> None:
    with pytest.raises(InputError, match=r"hardly any text to read: its pages \(2\) are pictures") as caught:
        read_paper(make_pdf([[(72, 700, 10, "Scanned by a library")], []]))
    assert "ocrmypdf" in str(caught.value.remedy)


def test_a_pdf_is_known_by_its_content(make_pdf: Make) -> None:
    path = make_pdf([two_columns()]).rename(make_pdf([two_columns()]).with_name("paper.txt"))
    assert read_paper(path).form == "pdf"


def test_what_is_cut_off_is_an_error_in_one_line(make_pdf: Make, tmp_path: Path) -> None:
    whole = make_pdf([two_columns()]).read_bytes()
    for end in (9, 40, len(whole) // 2):
        path = tmp_path / "cut.pdf"
        path.write_bytes(whole[:end])
        with pytest.raises(InputError):
            read_paper(path)
