"""Articles and concerns as typed records: what is required, kept, derived and refused."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from bioreview_bench import Article, Concern
from bioreview_bench.data import article as module
from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, SOURCES

CONCERN = {"concern_id": "elife:1:R1C1", "concern_text": "x" * 10, "category": "other", "severity": "minor"}
ARTICLE: dict[str, Any] = {"id": "elife:1", "source": "elife", "concerns": []}


def test_types_and_vocabulary_name_the_same_labels() -> None:
    assert get_args(module.Category) == CATEGORIES
    assert get_args(module.Severity) == SEVERITIES


@pytest.mark.parametrize("source", [*SOURCES, "arxiv", "my-journal_2", "0", "a" * 40])
def test_any_slug_is_a_source(source: str) -> None:
    assert Article.model_validate({**ARTICLE, "source": source}).source == source


@pytest.mark.parametrize("source", ["", "My Journal", "a.b", "_a", "-a", "a" * 41, "zürich", "a\n", "../a", None, 3])
def test_what_is_no_slug_is_refused(source: Any) -> None:
    with pytest.raises(ValidationError, match="source"):
        Article.model_validate({**ARTICLE, "source": source})


def test_a_preset_in_capitals_is_named_in_the_refusal() -> None:
    with pytest.raises(ValidationError, match="did you mean elife"):
        Article.model_validate({**ARTICLE, "source": "eLife"})


def test_labels_may_be_missing() -> None:
    bare = Concern.model_validate({"concern_id": "a:1:1", "concern_text": "x" * 10})
    assert (bare.category, bare.severity, bare.figure) == (None, None, False)


def test_an_article_without_concerns_is_not_reviewed_and_one_with_none_is() -> None:
    without = {name: value for name, value in ARTICLE.items() if name != "concerns"}
    assert not Article.model_validate(without).reviewed
    assert not Article.model_validate({**without, "concerns": None}).reviewed  # as Parquet writes it
    assert Article.model_validate(ARTICLE).reviewed
    assert Article.model_validate(without).concerns == ()


@pytest.mark.parametrize("field", ["concern_id", "concern_text"])
def test_concern_without_a_required_field_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        Concern.model_validate({name: value for name, value in CONCERN.items() if name != field})


@pytest.mark.parametrize("field", ["id", "source"])
def test_article_without_a_required_field_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        Article.model_validate({name: value for name, value in ARTICLE.items() if name != field})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("concern_id", ""),
        ("concern_text", "x" * 9),
        ("concern_text", "x" * 2001),
        ("concern_text", " \n" * 6),
        ("concern_text", "x" * 10 + "\ud800"),
        ("concern_text", 1234567890),
        ("category", "Other"),
        ("category", ""),
        ("severity", "critical"),
        ("reviewer_num", "1"),
        ("author_stance", "agreed"),
        ("evidence_of_change", "true"),
        ("evidence_of_change", 1),
        ("resolution_confidence", 1.1),
        ("resolution_confidence", float("nan")),
        ("resolution_confidence", "0.5"),
        ("requires_figure_reading", "no"),
        ("requires_figure_reading", 0),
    ],
)
def test_concern_with_a_wrong_value_is_refused_and_nothing_is_coerced(field: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        Concern.model_validate({**CONCERN, field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", 84798),
        ("source", "bioRxiv"),
        ("concerns", ["A concern as a string."]),
        ("title", 7),
        ("subjects", "Neuroscience"),
        ("review_format", "open"),
        ("paper_text_sections", [["Methods"]]),
        ("paper_text_sections", {"Methods": ["We did."]}),
    ],
)
def test_article_with_a_wrong_value_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        Article.model_validate({**ARTICLE, field: value})


def test_text_may_be_10_to_2000_characters_long() -> None:
    for length in (10, 2000):
        assert len(Concern.model_validate({**CONCERN, "concern_text": "x" * length}).text) == length


def test_two_concerns_with_one_id_are_refused() -> None:
    with pytest.raises(ValidationError, match="two concerns with the id elife:1:R1C1"):
        Article.model_validate({**ARTICLE, "concerns": [CONCERN, CONCERN]})


def test_null_reads_as_absent_for_every_optional_field() -> None:
    # Parquet has no absent fields: one article that has a field gives all the others a null.
    for model, required in ((Article, ARTICLE), (Concern, CONCERN)):
        absent = model.model_validate(required)
        for field in set(model.model_fields) - set(required):
            assert model.model_validate({**required, field: None}) == absent, field


def test_unknown_fields_are_kept() -> None:
    article = Article.model_validate({**ARTICLE, "lab": {"x": [1]}, "concerns": [{**CONCERN, "note": "kept"}]})
    dumped = article.model_dump(mode="json")
    assert dumped["lab"] == {"x": [1]}
    assert dumped["concerns"][0]["note"] == "kept"


def test_what_is_derived_is_never_stored() -> None:
    concern = Concern.model_validate({**CONCERN, "author_stance": "partial"})
    assert not {"resolution", "figure", "text"} & set(concern.model_dump())
    assert "family" not in Article.model_validate(ARTICLE).model_dump()


def test_derived_values_win_over_fields_of_the_same_name() -> None:
    row = {**CONCERN, "author_stance": "rebutted", "resolution": "conceded", "text": "other"}
    concern = Concern.model_validate(row)
    assert (concern.resolution, concern.text) == ("rebutted", "x" * 10)


@pytest.mark.parametrize("stance", ["conceded", "partial", "rebutted", "unclear", "no_response", None])
def test_how_the_authors_reacted_is_the_concerns_resolution(stance: str | None) -> None:
    assert Concern.model_validate({**CONCERN, "author_stance": stance}).resolution == stance


@pytest.mark.parametrize(
    ("category", "flag", "figure"),
    [
        ("figure_issue", False, True),
        ("figure_issue", True, True),
        ("other", True, True),
        ("other", False, False),
        ("other", None, False),
    ],
)
def test_concern_is_about_a_figure_by_its_flag_or_its_category(category: str, flag: bool | None, figure: bool) -> None:
    assert Concern.model_validate({**CONCERN, "category": category, "requires_figure_reading": flag}).figure is figure


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("f1000:10.12688/f1000research.5.1", "f1000:10.12688_f1000research.5.1"),
        ("f1000:10.12688_f1000research.5.1", "f1000:10.12688_f1000research.5.1"),
        ("plos:10.1371/journal.pone.3", "plos:10.1371/journal.pone.3"),
        ("f1000/5", "f1000/5"),
    ],
)
def test_only_f1000_ids_lose_their_slash(given: str, canonical: str) -> None:
    assert Article.model_validate({**ARTICLE, "id": given}).id == canonical


def test_text_is_normalised() -> None:
    raw = "  Cafe\u0301\u00a0 with\r\n\ttwo   words "
    assert Concern.model_validate({**CONCERN, "concern_text": raw}).text == "Caf\u00e9 with two words"


def test_records_cannot_be_changed() -> None:
    article = Article.model_validate({**ARTICLE, "concerns": [CONCERN]})
    with pytest.raises(ValidationError, match="frozen"):
        article.id = "elife:2"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        article.concerns[0].category = "other"  # type: ignore[misc]
