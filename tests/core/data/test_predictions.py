"""Reading predictions: every way in which a file can be wrong, and everything that is accepted."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bioreview_bench.data.predictions import (
    PredictedConcern,
    Predictions,
    as_predictions,
    read_predictions,
    require_answers,
)
from bioreview_bench.data.split import Split
from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, STATUSES_WITH_CONCERNS, STATUSES_WITHOUT_CONCERNS
from bioreview_bench.errors import InputError

F1000 = "f1000:10.12688_f1000research.5.1"


@pytest.fixture
def articles(make_article) -> list[Any]:
    return [make_article(article_id) for article_id in ("elife:84798", "elife:2", "plos:10.1371/journal.pone.3", F1000)]


def complaints(path: Path, articles: Any = None, **options: bool) -> list[tuple[int | None, str]]:
    """(line, message) of everything that is wrong with a file."""
    with pytest.raises(InputError) as caught:
        read_predictions(path, articles, **options)
    assert caught.value.exit_code == 2
    return [(problem.line, problem.message) for problem in caught.value.problems]


def row(**fields: Any) -> str:
    """A row for elife:2, well formed but for the fields given."""
    return json.dumps({"article_id": "elife:2", "concerns": ["A concern."], **fields})


def concern(**fields: Any) -> str:
    """A row whose one concern has these fields."""
    return row(concerns=[fields])


MALFORMED = [
    ('{"article_id": "elife:2", "concerns": [', "broken JSON"),
    ('["elife:2", []]', "a row must be a JSON object, this is an array"),
    ("null", "a row must be a JSON object, this is null"),
    ('{"article_id": "elife:2", "article_id": "elife:2", "concerns": []}', 'duplicate JSON key "article_id"'),
    ('{"article_id": "elife:2", "concerns": [{"text": "a", "text": "b"}]}', 'duplicate JSON key "text"'),
    ('{"concerns": []}', "article_id is missing"),
    (row(article_id=2), "article_id must be a string, this is a number"),
    (row(article_id=None), "article_id must be a string, this is null"),
    (row(article_id="elife:\ud800"), "article_id contains a lone surrogate"),
    ('{"article_id": "elife:2"}', "concerns is missing"),
    ('{"article_id": "elife:2", "status": "error"}', "concerns is missing"),
    (row(concerns="A concern."), "concerns must be an array, this is a string"),
    (row(concerns={"text": "A concern."}), "concerns must be an array, this is an object"),
    (row(concerns=None), "concerns must be an array, this is null"),
    (row(concerns=None, status="ok"), "concerns must be an array, this is null"),
    (row(concerns=[7]), "concern 1: must be a string or an object, this is a number"),
    (row(concerns=["a", None]), "concern 2: must be a string or an object, this is null"),
    (row(concerns=[["a"]]), "concern 1: must be a string or an object, this is an array"),
    (concern(), "concern 1: has neither text nor concern_text"),
    (concern(comment="a", category="other"), "concern 1: has neither text nor concern_text"),
    (concern(text=None), "concern 1: text must be a string, this is null"),
    (concern(concern_text=["a"]), "concern 1: concern_text must be a string, this is an array"),
    (concern(text="a", concern_text="a"), "concern 1: has both text and concern_text"),
    (concern(text=None, concern_text="a"), "concern 1: has both text and concern_text"),
    (concern(text="a\udfff"), "concern 1: text contains a lone surrogate"),
    (row(concerns=["\ud83d"]), "concern 1: text contains a lone surrogate"),
    (concern(text="a", category=3), "concern 1: category must be a string, this is a number"),
    (concern(text="a", severity=["major"]), "concern 1: severity must be a string, this is an array"),
    (concern(text="a", severity=True), "concern 1: severity must be a string, this is a boolean"),
    (concern(text="a", confidence=-0.01), "confidence must be a number from 0 to 1, this is -0.01"),
    (concern(text="a", confidence=1.01), "confidence must be a number from 0 to 1, this is 1.01"),
    (concern(text="a", confidence=10**400), "confidence must be a number from 0 to 1, this is "),
    (concern(text="a", confidence="0.5"), "confidence must be a number from 0 to 1, this is 0.5"),
    (concern(text="a", confidence=True), "confidence must be a number from 0 to 1, this is True"),
    (concern(text="a", confidence=[0.5]), "confidence must be a number from 0 to 1, this is [0.5]"),
    ('{"article_id": "elife:2", "concerns": [{"text": "a", "confidence": 1e999}]}', "from 0 to 1, this is inf"),
    ('{"article_id": "elife:2", "concerns": [{"text": "a", "confidence": NaN}]}', "NaN is not JSON"),
    (row(status="done"), 'unknown status "done"'),
    (row(status="OK"), 'unknown status "OK"'),
    (row(status=["ok"]), "unknown status \"['ok']\""),
    (row(status=""), 'unknown status ""'),
    *((row(status=name), f'1 concerns under the status "{name}"') for name in STATUSES_WITHOUT_CONCERNS),
    (b'{"article_id": "elife:2", "concerns": ["caf\xe9"]}', "not UTF-8"),
]


@pytest.mark.parametrize(("bad", "reason"), MALFORMED)
def test_malformed_row_is_refused_with_its_line(write_jsonl, articles, bad: str | bytes, reason: str) -> None:
    path = write_jsonl([{"article_id": "elife:84798", "concerns": ["A concern."]}, bad])
    [(line, message)] = complaints(path, articles)
    assert line == 2
    assert reason in message


@pytest.mark.parametrize("depth", [900, 960, 980, 990, 1000, 100_000])
def test_nesting_of_any_depth_is_a_complaint(write_jsonl, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    path = write_jsonl([f'{{"article_id": "elife:2", "concerns": {deep}, "status": {deep}}}'])
    assert {line for line, _ in complaints(path)} == {1}


def test_all_problems_are_listed_at_once_in_file_order(write_jsonl, articles) -> None:
    path = write_jsonl(
        [
            row(article_id="elife:84789"),
            "{",
            "",
            row(),
            row(concerns=[{"text": 1, "confidence": 2}, 5], status="done"),
            b"\xff",
            row(article_id="elife:84798", concerns=[""]),
        ]
    )
    assert complaints(path, articles) == [
        (1, 'unknown article id "elife:84789" (the nearest known one is "elife:84798")'),
        (2, "broken JSON: Expecting property name enclosed in double quotes at column 2"),
        (5, 'unknown status "done"; known are ok, repaired, truncated, empty, parse_failed, refused, error'),
        (5, "concern 1: text must be a string, this is a number"),
        (5, "concern 1: confidence must be a number from 0 to 1, this is 2"),
        (5, "concern 2: must be a string or an object, this is a number"),
        (5, 'a second row for "elife:2" (first on line 4)'),
        (6, "not UTF-8 (byte 1 of the line)"),
    ]


def test_unknown_id_is_listed_also_when_its_row_has_another_problem(write_jsonl, articles) -> None:
    path = write_jsonl([row(article_id="elife:84789", concerns=[7])])
    assert complaints(path, articles) == [
        (1, "concern 1: must be a string or an object, this is a number"),
        (1, 'unknown article id "elife:84789" (the nearest known one is "elife:84798")'),
    ]
    with pytest.raises(InputError, match="unknown article id"):
        as_predictions({"elife:84789": [7]}, articles)


def test_second_row_of_an_article_is_refused_even_when_the_rows_are_equal_or_the_first_is_bad(write_jsonl) -> None:
    assert complaints(write_jsonl([row(), row()])) == [(2, 'a second row for "elife:2" (first on line 1)')]
    assert complaints(write_jsonl([row(status="done"), row()]))[1] == (
        2,
        'a second row for "elife:2" (first on line 1)',
    )


def test_two_spellings_of_an_f1000_id_are_the_same_article(write_jsonl, articles) -> None:
    slash = row(article_id="f1000:10.12688/f1000research.5.1")
    assert list(read_predictions(write_jsonl([slash]), articles)) == [F1000]
    [(line, message)] = complaints(write_jsonl([row(article_id=F1000), slash]), articles)
    assert (line, message) == (2, f'a second row for "{F1000}" (first on line 1)')


def test_slash_of_other_ids_stays(write_jsonl, articles) -> None:
    plos = "plos:10.1371/journal.pone.3"
    assert list(read_predictions(write_jsonl([row(article_id=plos)]), articles)) == [plos]


def test_unknown_id_is_answered_with_the_nearest_known_one(write_jsonl, articles) -> None:
    near = {
        "plos:10.1371/journal.pone.33": "plos:10.1371/journal.pone.3",
        "f1000research.5.1": F1000,
        "84798": "elife:84798",
    }
    path = write_jsonl([row(article_id=given) for given in near])
    assert [message for _, message in complaints(path, articles)] == [
        f'unknown article id "{given}" (the nearest known one is "{known}")' for given, known in near.items()
    ]


def test_every_unknown_id_of_a_wrong_file_is_listed(write_jsonl, articles) -> None:
    path = write_jsonl([row(article_id=f"peerj:{number}") for number in range(300)])
    found = complaints(path, articles)
    assert [line for line, _ in found] == list(range(1, 301))
    assert all(message.startswith(f'unknown article id "peerj:{line - 1}"') for line, message in found)


def test_id_from_a_file_cannot_steer_the_terminal(write_jsonl, articles) -> None:
    [(_, message)] = complaints(write_jsonl([row(article_id="\x1b[2J\u202e")]), articles)
    assert message.startswith(r'unknown article id "\x1b[2J\u202e" (')


@pytest.mark.parametrize("content", [b"", b"\n\r\n  \n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_file_without_rows_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "predictions.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match="has no rows"):
        read_predictions(path)


def test_folder_gzip_and_missing_file_are_refused(tmp_path: Path) -> None:
    packed = tmp_path / "predictions.jsonl"
    packed.write_bytes(gzip.compress(row().encode()))
    with pytest.raises(InputError, match="is a gzip file") as caught:
        read_predictions(packed)
    assert "gunzip -c" in str(caught.value)
    with pytest.raises(InputError, match="is a folder"):
        read_predictions(tmp_path)
    with pytest.raises(InputError, match="There is no file"):
        read_predictions(tmp_path / "absent.jsonl")


def test_byte_order_mark_crlf_and_blank_lines_do_not_shift_line_numbers(tmp_path: Path, articles) -> None:
    path = tmp_path / "predictions.jsonl"
    path.write_bytes(b"\xef\xbb\xbf\r\n" + row().encode() + b"\r\n\r\n" + row(article_id=F1000).encode())
    found = read_predictions(path, articles)
    assert found.lines == {"elife:2": 2, F1000: 4}
    assert found["elife:2"].concerns == (PredictedConcern("A concern."),)


def test_line_of_five_megabytes_and_five_thousand_concerns_are_accepted(write_jsonl) -> None:
    long = "x" * 5_000_000
    many = [f"Concern {number}." for number in range(5000)]
    found = read_predictions(write_jsonl([row(concerns=[long]), row(article_id="elife:3", concerns=many)]))
    assert found["elife:2"].concerns == (PredictedConcern(long),)
    assert [one.text for one in found["elife:3"].concerns] == many


def test_forms_may_be_mixed_and_other_keys_are_ignored(write_jsonl) -> None:
    given = [
        "  Two\n words ",
        {"text": "Cafe\u0301", "category": "other", "severity": None, "confidence": 1, "note": [1]},
        {"concern_text": "c", "category": None, "severity": "minor", "confidence": 0.25},
    ]
    path = write_jsonl([row(concerns=given, status="ok", raw_output="\ud800", usage={"cost_usd": 0.1})])
    assert read_predictions(path)["elife:2"].concerns == (
        PredictedConcern("Two words"),
        PredictedConcern("Caf\u00e9", "other", None, 1.0),
        PredictedConcern("c", None, "minor", 0.25),
    )


def test_blank_concerns_are_dropped_and_counted(write_jsonl) -> None:
    found = read_predictions(write_jsonl([row(concerns=["", " \n\t", {"text": "\u00a0\u2003"}, "x"])]))["elife:2"]
    assert (found.n_blank, found.concerns) == (3, (PredictedConcern("x"),))


def test_labels_outside_the_vocabulary_become_null_and_are_counted(write_jsonl) -> None:
    given = [
        {"text": "a", "category": "Other", "severity": "MAJOR"},
        {"text": "b", "category": "design flaw", "severity": "minor"},
        {"text": "c", "category": "", "severity": " major"},
    ]
    found = read_predictions(write_jsonl([row(concerns=given)]))["elife:2"]
    assert found.n_unknown_labels == 5
    assert [(one.category, one.severity) for one in found.concerns] == [(None, None), (None, "minor"), (None, None)]


@pytest.mark.parametrize(
    ("status", "concerns", "outcome"),
    [
        *((status, ["x"], "scored") for status in (None, *STATUSES_WITH_CONCERNS)),
        *((status, [], "empty") for status in (None, *STATUSES_WITH_CONCERNS)),
        *((status, [" "], "empty") for status in (None, *STATUSES_WITH_CONCERNS)),
        *((status, [], status) for status in STATUSES_WITHOUT_CONCERNS),
        *((status, None, status) for status in STATUSES_WITHOUT_CONCERNS),
    ],
)
def test_outcome_follows_from_status_and_usable_concerns(write_jsonl, status, concerns, outcome: str) -> None:
    assert read_predictions(write_jsonl([row(status=status, concerns=concerns)]))["elife:2"].outcome == outcome


def test_extra_rows_are_ignored_only_when_allowed_and_their_form_is_still_checked(write_jsonl, articles) -> None:
    path = write_jsonl([row(), row(article_id="elife:77"), row(article_id="elife:78")])
    found = read_predictions(path, articles, allow_extra=True)
    assert (list(found), found.n_extra_ignored) == (["elife:2"], 2)
    path = write_jsonl([row(), row(article_id="elife:77", concerns=[7]), row(article_id="x"), row(article_id="x")])
    assert complaints(path, articles, allow_extra=True) == [
        (2, "concern 1: must be a string or an object, this is a number"),
        (4, 'a second row for "x" (first on line 3)'),
    ]


def test_ids_are_not_checked_without_articles(write_jsonl) -> None:
    assert list(read_predictions(write_jsonl([row(article_id="anything")]))) == ["anything"]


def test_articles_beyond_a_limit_stay_known(write_jsonl, articles) -> None:
    limited = Split.of(articles).first(1)
    assert list(read_predictions(write_jsonl([row(article_id=F1000)]), limited)) == [F1000]


def test_complete_file_is_required_to_answer_every_article(write_jsonl, make_article) -> None:
    rows = [row(), row(article_id="elife:3", concerns=[], status="empty")]
    rows += [
        row(article_id=f"elife:{number}", concerns=[], status=status)
        for number, status in ((4, "error"), (5, "refused"), (6, "parse_failed"))
    ]
    found = read_predictions(write_jsonl(rows))
    require_answers(found, [make_article("elife:2"), make_article("elife:3")])
    with pytest.raises(InputError) as caught:
        require_answers(found, [make_article(f"elife:{number}") for number in range(1, 7)])
    assert [str(problem) for problem in caught.value.problems] == [
        "no row for elife:1",
        "line 3: status error for elife:4",
        "line 4: status refused for elife:5",
        "line 5: status parse_failed for elife:6",
    ]


def test_hash_is_that_of_the_bytes_that_were_read(write_jsonl) -> None:
    path = write_jsonl([row()])
    assert read_predictions(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    # A pipe (`bench evaluate <(...)`) can be read only once.
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as stream:
        stream.write(path.read_bytes())
    try:
        assert read_predictions(f"/dev/fd/{reader}").sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    finally:
        os.close(reader)


def test_mapping_is_checked_like_a_file(articles) -> None:
    found = as_predictions({"elife:2": ["a", {"text": " b ", "confidence": 0.5}], F1000: ("c",)}, articles)
    assert found["elife:2"].concerns == (PredictedConcern("a"), PredictedConcern("b", confidence=0.5))
    assert found[F1000].concerns == (PredictedConcern("c"),)
    assert found.sha256 is None
    with pytest.raises(InputError) as caught:
        as_predictions(
            {"elife:2": "a", F1000: [{"text": "a", "confidence": float("nan")}], "elife:84789": []}, articles
        )
    assert [str(problem) for problem in caught.value.problems] == [
        "elife:2: concerns must be an array, this is a string",
        f"{F1000}: concern 1: confidence must be a number from 0 to 1, this is nan",
        'unknown article id "elife:84789" (the nearest known one is "elife:84798")',
    ]


def test_mapping_with_two_spellings_of_an_id_or_an_id_that_is_no_string_is_refused(articles) -> None:
    with pytest.raises(InputError, match="a second entry for"):
        as_predictions({F1000: ["a"], F1000.replace("_", "/"): ["b"]}, articles)
    with pytest.raises(InputError, match="article_id must be a string, this is a number"):
        as_predictions({2: ["a"]}, articles)  # type: ignore[dict-item]


def test_confidence_too_long_to_print_is_a_complaint(articles) -> None:
    with pytest.raises(InputError, match="confidence must be a number from 0 to 1"):
        as_predictions({"elife:2": [{"text": "a", "confidence": 10**5000}]}, articles)


def test_predictions_read_without_articles_are_checked_against_them_when_scored(write_jsonl, articles) -> None:
    read = read_predictions(write_jsonl([row(), row(article_id="elife:77")]))
    with pytest.raises(InputError) as caught:
        as_predictions(read, articles)
    assert [(problem.line, problem.message) for problem in caught.value.problems] == [
        (2, 'unknown article id "elife:77" (the nearest known one is "elife:2")')
    ]
    kept = as_predictions(read, articles, allow_extra=True)
    assert (list(kept), kept.n_extra_ignored, kept.sha256) == (["elife:2"], 1, read.sha256)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LABELS = {
    "category": st.none() | st.sampled_from(CATEGORIES),
    "severity": st.none() | st.sampled_from(SEVERITIES),
    "confidence": st.none() | st.integers(0, 1) | st.floats(0, 1),
}
CONCERN = TEXT | st.one_of(
    *(st.fixed_dictionaries({key: TEXT}, optional=LABELS) for key in ("text", "concern_text")),
)
# Values that are nearly, or not at all, what the schema asks for.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
WILD_CONCERN = CONCERN | JSON | st.fixed_dictionaries({}, optional={"text": JSON, "concern_text": JSON, **LABELS})
WILD_ROW = st.fixed_dictionaries(
    {},
    optional={
        "article_id": st.sampled_from(["elife:1", "f1000:a/b", "f1000:a_b"]) | JSON,
        "concerns": st.lists(WILD_CONCERN, max_size=3) | JSON,
        "status": st.sampled_from([*STATUSES_WITH_CONCERNS, *STATUSES_WITHOUT_CONCERNS]) | JSON,
    },
).map(lambda value: json.dumps(value).encode())
PROPERTY = settings(
    max_examples=200, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


@PROPERTY
@given(
    lines=st.lists(WILD_ROW | JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=30), max_size=4)
)
def test_bytes_of_any_kind_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_bytes(b"\n".join(lines))
    try:
        found = read_predictions(path)
    except InputError as error:
        said = str(error)
        assert error.problems or "gzip" in said or "not predictions" in said or not b"".join(lines).strip()  # noqa: PT017
    else:
        assert isinstance(found, Predictions)
        assert len(found) >= 1


@PROPERTY
@given(
    rows=st.dictionaries(st.integers(0, 10**6).map("elife:{}".format), st.lists(CONCERN, max_size=4), min_size=1),
    ascii_only=st.booleans(),
)
def test_valid_rows_are_read_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, rows: dict[str, list[Any]], ascii_only: bool
) -> None:
    def expected(given: Any) -> PredictedConcern:
        fields = {"text": given} if isinstance(given, str) else given
        text = fields["text"] if "text" in fields else fields["concern_text"]
        labels = {name: fields.get(name) for name in LABELS}
        return PredictedConcern(" ".join(unicodedata.normalize("NFC", text).split()), **labels)

    path = tmp_path_factory.getbasetemp() / "valid.jsonl"
    path.write_text(
        "".join(
            json.dumps({"article_id": article_id, "concerns": concerns}, ensure_ascii=ascii_only) + "\n"
            for article_id, concerns in rows.items()
        ),
        encoding="utf-8",
        newline="",
    )
    found = read_predictions(path)
    assert list(found) == list(rows)
    for article_id, concerns in rows.items():
        read = list(map(expected, concerns))
        assert found[article_id].concerns == tuple(one for one in read if one.text)
        assert found[article_id].n_blank == sum(not one.text for one in read)
