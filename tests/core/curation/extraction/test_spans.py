"""Letters cut into reports without loss, and spans that are verbatim or refused, whatever a model returns."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioreview_bench.curation.extraction.model.questions import LabelsQuestion, SegmentsQuestion
from bioreview_bench.curation.extraction.model.spans import ReviewerReport, paragraphs_of, reports_of, verbatim
from bioreview_bench.data.article import Article, Concern
from bioreview_bench.data.vocabulary import normalise

LETTERS = st.text(alphabet=st.sampled_from("ab.? \n\té́ #12") | st.characters(codec="utf-8"), max_size=300)
HEADED = st.lists(st.sampled_from(["Reviewer 1:", "Reviewer #2 (Minor):", "\n\n", "\n", "Why so few animals? ", "é"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def test_reports_begin_at_the_headings_of_reviewers() -> None:
    letter = (
        "Dear all.\n\nReviewer 1:\n\nWhy?\n\nReviewer 2 (Minor): How?\n\nReviewer 2 (Major):\n\nWho?\n\n"
        "Reviewer 1:\n\nWhen?"
    )
    assert [(report.reviewer, report.paragraphs) for report in reports_of(letter)] == [
        (1, ["Dear all.", "Reviewer 1:", "Why?"]),
        (2, ["Reviewer 2 (Minor): How?", "Reviewer 2 (Major):", "Who?"]),
        (1, ["Reviewer 1:", "When?"]),
    ]


@given(LETTERS | HEADED.map("".join))
def test_nothing_of_a_letter_is_left_out(letter: str) -> None:
    reports = reports_of(letter)
    assert "".join("".join(report.text.split()) for report in reports) == "".join(
        unicodedata.normalize("NFC", letter).split()
    )
    for report in reports:
        assert "".join("".join(report.paragraphs).split()) == "".join(report.text.split())


@given(LETTERS.filter(str.strip), st.data())
def test_pieces_of_a_report_are_found_where_they_stand(letter: str, data: st.DataObject) -> None:
    text = unicodedata.normalize("NFC", letter)
    start = data.draw(st.integers(0, len(text)))
    span = text[start : data.draw(st.integers(start, len(text)))]
    whole_words = all(
        not (0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()) for at in (start, start + len(span))
    )
    if not whole_words or normalise(span) not in normalise(text) or not 10 <= len(normalise(span)) <= 2000:
        return  # a combining mark at its beginning is composed with what stands before it
    (piece,) = verbatim(ReviewerReport(1, text), [span])
    assert normalise(piece) == normalise(span)
    assert piece in text


@given(LETTERS.filter(str.strip), st.lists(st.text(st.characters(), max_size=40)))
def test_whatever_is_returned_is_verbatim_or_refused(letter: str, invented: list[str]) -> None:
    report = ReviewerReport(1, unicodedata.normalize("NFC", letter))
    words = report.text.split()
    pieces = [" ".join(words[n : n + 4]) for n in range(0, len(words), 2)]
    for spans in (invented, pieces, [*pieces, *invented]):
        try:
            found = verbatim(report, spans)
        except ValueError:
            continue
        assert len(found) == len(spans)
        end = 0
        for piece in found:
            place = report.text.find(piece, end)  # in order, and apart
            assert place >= end
            end = place + len(piece)
            Concern(concern_id="a", concern_text=piece)


@given(JSON | st.just({"concerns": ["Why so few animals?"]}))
def test_answers_of_any_form_are_read_or_refused(answer: object) -> None:
    report = ReviewerReport(1, "Reviewer 1:\n\nWhy so few animals? The dose is not said.")
    first = SegmentsQuestion(report, "a")
    second = LabelsQuestion(report, ("Why so few animals?",), ("We had no more.",), "a")
    for question in (first, second):
        for raw in (
            json.dumps(answer),
            json.dumps({"concerns": answer}),
            json.dumps({"labels": [answer]}),
            str(answer),
        ):
            try:
                found = question.read(raw)
            except ValueError:
                continue
            assert question is first
            assert set(found) <= {"Why so few animals?"}


def test_white_space_is_the_letters_and_a_repeated_text_is_found_twice() -> None:
    report = ReviewerReport(1, "Why so\n\n few  animals? And: Why so few animals?")
    assert verbatim(report, ["Why so few animals?"]) == ("Why so\n\n few  animals?",)
    assert verbatim(report, ["Why so few animals?"] * 2) == ("Why so\n\n few  animals?", "Why so few animals?")
    with pytest.raises(ValueError, match=r"concern 3.*overlaps"):
        verbatim(report, ["Why so few animals?"] * 3)


def test_composed_and_decomposed_letters_are_the_same() -> None:
    (report,) = reports_of("The cafe\u0301 of the authors is not described.")
    assert verbatim(report, ["The café of the authors"]) == ("The café of the authors",)


def test_problems_are_listed_ten_at_a_time() -> None:
    with pytest.raises(ValueError, match="and 2 more") as error:
        verbatim(ReviewerReport(1, "Why so few animals? " * 9), [f"Invented text {n}" for n in range(12)])
    assert len(str(error.value).splitlines()) == 11
    with pytest.raises(ValueError, match="12 concerns do not fit"):
        verbatim(ReviewerReport(1, "Why so few animals?"), ["Why so few animals?"] * 12)


def test_responses_are_divided_at_blank_lines_else_at_lines() -> None:
    assert paragraphs_of("One\ntwo.\n\n \nThree.\n") == ["One\ntwo.", "Three."]
    assert paragraphs_of("One.\nTwo.\n") == ["One.", "Two."]
    assert paragraphs_of(" \n ") == []


def test_all_concerns_of_the_pilot_are_verbatim(shared: Path) -> None:
    lines = (shared / "data/elife_pilot/articles.jsonl").read_text(encoding="utf-8").splitlines()
    for article in (Article.model_validate_json(line) for line in lines):
        letter = ReviewerReport(1, unicodedata.normalize("NFC", article.decision_letter_raw or ""))
        texts = [concern.text for concern in article.concerns]
        assert sorted(map(normalise, verbatim(letter, texts))) == sorted(texts)
