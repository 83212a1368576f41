"""Judged pairs are read as strictly as predictions: every problem at once, with its line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioreview_bench.errors import InputError
from bioreview_bench.results.schemas import json_schema
from bioreview_bench.validity.judgements import RELATED, SAME, check_row, read_judgements

GOOD = {"article_id": "elife:1", "text": "No control.", "labels": {"ann": {"elife:1:R1C1": "same"}, "bob": {}}}


@pytest.fixture
def articles(make_article: Callable[..., Any]) -> list[Any]:
    return [
        make_article("elife:1", ["There is no control group.", "The sample is small."]),
        make_article("elife:22", ["The statistics are wrong."]),
    ]


def refused(path: Path | list[Path], articles: list[Any], **options: bool) -> list[tuple[int | None, str]]:
    with pytest.raises(InputError) as caught:
        read_judgements([path] if isinstance(path, Path) else path, articles, **options)
    assert "nothing was audited" in caught.value.message
    return [(problem.line, problem.message) for problem in caught.value.problems]


def test_labels_stand_under_labels_or_at_the_top_level(write_jsonl: Callable[..., Path], articles: list[Any]) -> None:
    top = {"article_id": "elife:1", "text": "Small  sample.", "rater_a": {"elife:1:R1C2": "related"}, "rater_b": {}}
    found = read_judgements([write_jsonl([GOOD, {**top, "written_as": "hurried"}], "mine.jsonl")], articles)
    first, second = found.texts
    assert first.labels == {"ann": {"elife:1:R1C1": SAME}, "bob": {}}
    assert first.reviewer == "mine"
    assert second.labels == {"rater_a": {"elife:1:R1C2": RELATED}, "rater_b": {}}
    assert (second.text, second.reviewer) == ("Small sample.", "hurried")
    assert found.raters == ["ann", "bob", "rater_a", "rater_b"]
    assert [(file.name, file.n_texts, len(file.sha256)) for file in found.files] == [("mine.jsonl", 2, 64)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"article_id": 7}, "article_id must be a string, this is a number"),
        ({"text": None}, "text must be a string, this is null"),
        ({"text": "  "}, "text is blank"),
        ({"text": "\ud800"}, "text contains a lone surrogate"),
        ({"labels": None}, "labels must be an object, this is null"),
        ({"labels": {}}, "labels names no rater"),
        ({"labels": {"ann": ["elife:1:R1C1"]}}, "what ann said must be an object, this is an array"),
        ({"labels": {" ": {}}}, "the name of a rater is blank"),
        ({"labels": {"ann": {"elife:1:R1C1": "Same"}}}, 'ann called elife:1:R1C1 "Same"; known labels are same'),
        ({"labels": {"ann": {"elife:1:R1C1": "different"}}}, "a different reference is left out"),
        ({"labels": {"ann": {"elife:1:R1C1": ["same"]}}}, "known labels are same"),
        ({"rater_c": {}}, "has both labels and rater_c"),
        ({"written_as": 3}, "written_as must be a string, this is a number"),
        ({"written_from": ""}, "written_from is blank"),
        ({"judged": []}, "judged must be a list of concern ids"),
        ({"judged": ["elife:1:R1C2"]}, "elife:1:R1C1 has a label and is not in judged"),
        ({"judged": ["elife:1:R1C1", "elife:1:R1C9"]}, 'unknown concern id "elife:1:R1C9"'),
        ({"written_from": "elife:1:R1C9"}, 'unknown concern id "elife:1:R1C9"'),
        ({"labels": {"ann": {"elife:1:R1C3": "same"}}}, 'the nearest known one is "elife:1:R1C'),
        ({"article_id": "elife:2"}, 'unknown article id "elife:2" (the nearest known one is "elife:22")'),
    ],
)
def test_a_wrong_row_is_refused_with_its_reason(
    change: dict[str, Any], said: str, write_jsonl: Callable[..., Path], articles: list[Any]
) -> None:
    problems = refused(write_jsonl([GOOD, {**GOOD, "text": "Another.", **change}]), articles)
    assert [line for line, _ in problems] == [2]
    assert said in problems[0][1]


@pytest.mark.parametrize("absent", ["article_id", "text", "labels"])
def test_a_missing_field_is_named(absent: str, write_jsonl: Callable[..., Path], articles: list[Any]) -> None:
    row = {key: value for key, value in GOOD.items() if key != absent}
    assert f"{absent} is missing" in refused(write_jsonl([row]), articles)[0][1]


def test_all_problems_of_all_files_come_at_once(write_jsonl: Callable[..., Path], articles: list[Any]) -> None:
    a = write_jsonl([GOOD, "{broken", b"\xff", '{"article_id": "elife:1", "article_id": "elife:1"}', "[]"], "a.jsonl")
    b = write_jsonl([{"article_id": 1}, GOOD | {"written_as": "a"}], "b.jsonl")
    problems = refused([a, b], articles)
    assert [line for line, _ in problems] == [2, 3, 4, 5, 1, 1, 1, 2]
    assert all(message.startswith(("a.jsonl: ", "b.jsonl: ")) for _, message in problems)
    assert "a second judgement of this text (the first is on line 1 of a.jsonl)" in problems[-1][1]


def test_a_file_without_rows_or_compressed_is_refused(write_jsonl: Callable[..., Path], articles: list[Any]) -> None:
    with pytest.raises(InputError, match="has no rows"):
        read_judgements([write_jsonl([""])], articles)
    with pytest.raises(InputError, match="decompress first"):
        read_judgements([write_jsonl([b"\x1f\x8b"])], articles)


def test_other_articles_are_left_out_only_when_asked_and_never_unchecked(
    write_jsonl: Callable[..., Path], articles: list[Any]
) -> None:
    other = {**GOOD, "article_id": "elife:3"}
    path = write_jsonl([GOOD, other])
    found = read_judgements([path], articles, allow_extra=True)
    assert (len(found.texts), found.n_extra_ignored, found.files[0].n_texts) == (1, 1, 1)
    assert "text is blank" in refused(write_jsonl([GOOD, {**other, "text": ""}]), articles, allow_extra=True)[0][1]


_names = st.sampled_from(["ann", "bob", " ", "rater_a"])
_labels = st.dictionaries(
    st.sampled_from(["elife:1:R1C1", "elife:1:R1C2"]),
    st.sampled_from(["same", "related", "different", None, 1, ["same"]]),
    max_size=2,
)
_rows = st.fixed_dictionaries(
    {"article_id": st.sampled_from(["elife:1", "", None]), "text": st.sampled_from(["A point.", " ", 3])},
    optional={
        "labels": st.one_of(st.none(), st.dictionaries(_names, st.one_of(_labels, st.none()), max_size=2)),
        "rater_a": st.one_of(_labels, st.none()),
        "written_as": st.sampled_from(["x", "", None, 5]),
        "written_from": st.sampled_from(["elife:1:R1C1", " ", None, []]),
        "note": st.integers(),
    },
)


@given(_rows)
def test_schema_and_reader_agree(row: dict[str, Any]) -> None:
    accepted = not check_row(json.loads(json.dumps(row)), "file")[1]
    assert jsonschema.Draft202012Validator(json_schema("judgements")).is_valid(row) is accepted


@given(st.dictionaries(st.text(min_size=1), st.recursive(st.none() | st.integers() | st.text(), st.lists), max_size=6))
def test_no_object_crashes_the_check(row: dict[str, Any]) -> None:
    found, problems = check_row(row, "file")
    assert (found is None) == bool(problems)
