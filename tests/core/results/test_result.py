"""Result files: what was computed comes back, and nothing half-written is left behind."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas
import pytest

from bioreview_bench import Contract, Result, load_result, read_predictions, score
from bioreview_bench.errors import InputError, WriteError
from bioreview_bench.results.schemas import json_schema

VECTORS = {
    "reference A of the first": [1.0, 0.0, 0.0, 0.0],
    "reference B of the first": [0.0, 1.0, 0.0, 0.0],
    "reference C of the first": [0.0, 0.0, 1.0, 0.0],
    "leans to B, then A": [0.48, 0.64, 0.0, 0.6],
    "leans to B, then C": [0.0, 0.8, 0.36, 0.48],
    "leans nowhere": [0.0, 0.0, 0.0, 1.0],
}


@pytest.fixture
def result(make_article: Callable[..., Any], table_encoder: type) -> Result:
    references = [text for text in VECTORS if text.startswith("reference")]
    labelled = {"concern_text": references[1], "category": "interpretation", "severity": "minor"}
    articles = [
        make_article("elife:1", [references[0], labelled, references[2]]),
        make_article("elife:2", [references[2]]),
        make_article("elife:3"),
    ]
    predictions = {
        "elife:1": [
            {"text": "leans to B, then A", "category": "other", "severity": "minor", "confidence": 0.25},
            "leans nowhere",
            {"text": "leans to B, then C", "confidence": 0.75},
        ],
        "elife:2": ["leans to B, then C"],
        "elife:3": ["leans nowhere"],
    }
    return score(articles, predictions, Contract.load("demo"), table_encoder(VECTORS), draws=50)


def assert_equal(found: Any, expected: Result) -> None:
    assert isinstance(found, Result)
    assert found.to_dict() == expected.to_dict()
    assert found.signature == expected.signature
    pandas.testing.assert_frame_equal(found.articles, expected.articles)
    pandas.testing.assert_frame_equal(found.pairs, expected.pairs)
    assert np.array_equal(found.other_article_histogram, expected.other_article_histogram)
    assert expected.other_article_histogram.sum() > 0


def test_a_saved_result_comes_back_whole(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "mine.result.json")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine.pairs.parquet", "mine.result.json"]
    assert_equal(load_result(path), result)


def test_a_loaded_result_can_be_saved_again(result: Result, tmp_path: Path) -> None:
    loaded = load_result(result.save(tmp_path / "mine.result.json"))
    assert_equal(load_result(loaded.save(tmp_path / "copy.result.json")), result)  # type: ignore[arg-type]


def test_a_result_without_any_concern_comes_back_whole(
    make_article: Callable[..., Any], hash_encoder: Any, tmp_path: Path
) -> None:
    nothing = score([make_article("elife:1")], {}, Contract.load("demo"), hash_encoder, draws=0)
    loaded = load_result(nothing.save(tmp_path / "nothing.result.json"))
    assert isinstance(loaded, Result)
    assert loaded.to_dict() == nothing.to_dict()
    pandas.testing.assert_frame_equal(loaded.pairs, nothing.pairs)


def test_pairs_by_hand(result: Result) -> None:
    def column(name: str, kind: str, article: int) -> list[Any]:
        frame = result.pairs
        rows = frame[(frame["kind"] == kind) & (frame["article_id"] == f"elife:{article}")]
        return [None if pandas.isna(value) else value for value in rows[name].tolist()]

    # Two predictions are nearest to B; pairing the first with A and the last with B has the greatest total.
    assert column("concern_id", "prediction", 1) == ["elife:1:R1C1", None, "elife:1:R1C2"]
    assert column("similarity", "prediction", 1) == [pytest.approx(0.48), None, pytest.approx(0.8)]
    assert column("best_concern_id", "prediction", 1) == ["elife:1:R1C2", "elife:1:R1C1", "elife:1:R1C2"]
    assert column("best_similarity", "prediction", 1) == pytest.approx([0.64, 0, 0.8])
    assert column("second_concern_id", "prediction", 1) == ["elife:1:R1C1", "elife:1:R1C2", "elife:1:R1C3"]
    assert column("second_similarity", "prediction", 1) == pytest.approx([0.48, 0, 0.36])
    assert column("confidence", "prediction", 1) == [0.25, None, 0.75]
    assert column("reference_category", "prediction", 1) == ["design_flaw", None, "interpretation"]
    # With one reference there is no second; 0.36 is under the threshold; without references there is no first.
    assert column("best_concern_id", "prediction", 2) == ["elife:2:R1C1"]
    assert column("best_similarity", "prediction", 2) == pytest.approx([0.36])
    assert column("concern_id", "prediction", 2) == column("second_concern_id", "prediction", 2) == [None]
    assert column("best_concern_id", "prediction", 3) == [None]
    assert column("index", "reference", 1) == [0, 2, None]
    assert column("best_index", "reference", 1) == [0, 2, 2]
    assert column("best_similarity", "reference", 1) == pytest.approx([0.48, 0.8, 0.36])


def test_pairs_that_are_gone_are_named(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "mine.result.json")
    (tmp_path / "mine.pairs.parquet").unlink()
    loaded = load_result(path)
    assert loaded.to_dict() == result.to_dict()
    with pytest.raises(InputError, match=r"mine\.pairs\.parquet"):
        assert loaded.pairs is None  # type: ignore[union-attr]


@pytest.mark.parametrize("content", [b"PAR1 damaged", b""])
def test_damaged_pairs_are_named(content: bytes, result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "mine.result.json")
    (tmp_path / "mine.pairs.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"mine\.pairs\.parquet is not a pairs file"):
        assert load_result(path).pairs is None  # type: ignore[union-attr]


def test_foreign_pairs_are_refused(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "mine.result.json")
    pandas.DataFrame({"column": [1]}).to_parquet(tmp_path / "mine.pairs.parquet")
    with pytest.raises(InputError, match="its columns are column"):
        assert load_result(path).pairs is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"a": 1',
        b'{"schema_version": "1"}',
        b'{"predictions": {"elife:1": []}}',
        b'{"x": NaN}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_result_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.result.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"mine\.result\.json"):
        load_result(path)


def test_an_absent_result_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.result\.json"):
        load_result(tmp_path / "absent.result.json")


@pytest.mark.parametrize(
    "damage",
    [
        {"schema_version": "99"},
        {"surprise": 1},
        {"overall": None},
        {"articles": [{}]},
        {"articles": [{"id": "elife:1"}]},
    ],
)
def test_damaged_fields_are_refused(damage: dict[str, Any], result: Result, tmp_path: Path) -> None:
    path = tmp_path / "mine.result.json"
    path.write_text(json.dumps({**result.to_dict(), **damage}))
    with pytest.raises(InputError, match=r"mine\.result\.json"):
        load_result(path)


def test_a_result_file_is_valid_under_its_schema(result: Result, tmp_path: Path) -> None:
    schema = json_schema("result")
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    written = json.loads(result.save(tmp_path / "mine.result.json").read_text())
    assert list(validator.iter_errors(written)) == []
    assert list(validator.iter_errors({**written, "overall": {**written["overall"], "f1": "high"}})) != []


ROWS = [
    ({"article_id": "elife:1", "concerns": ["text", {"text": "t", "category": "other"}, {"concern_text": "t"}]}, True),
    ({"article_id": "elife:1", "concerns": [], "status": "empty", "tool": {"any": "thing"}}, True),
    ({"article_id": "elife:1", "concerns": None, "status": "error"}, True),
    ({"article_id": "elife:1", "concerns": [{"text": "t", "confidence": 1, "severity": None}], "status": None}, True),
    ({"article_id": "elife:1", "concerns": [{"text": "t", "category": "outside the vocabulary"}]}, True),
    ({"concerns": []}, False),
    ({"article_id": 1, "concerns": []}, False),
    ({"article_id": "elife:1"}, False),
    ({"article_id": "elife:1", "concerns": None}, False),
    ({"article_id": "elife:1", "concerns": None, "status": "ok"}, False),
    ({"article_id": "elife:1", "concerns": ["text"], "status": "refused"}, False),
    ({"article_id": "elife:1", "concerns": [], "status": "fine"}, False),
    ({"article_id": "elife:1", "concerns": [7]}, False),
    ({"article_id": "elife:1", "concerns": [{}]}, False),
    ({"article_id": "elife:1", "concerns": [{"text": "t", "concern_text": "t"}]}, False),
    ({"article_id": "elife:1", "concerns": [{"text": None}]}, False),
    ({"article_id": "elife:1", "concerns": [{"text": "t", "confidence": 1.01}]}, False),
    ({"article_id": "elife:1", "concerns": [{"text": "t", "confidence": True}]}, False),
    ({"article_id": "elife:1", "concerns": [{"text": "t", "severity": 3}]}, False),
]


@pytest.mark.parametrize(("row", "accepted"), ROWS)
def test_schema_and_reader_agree_on_prediction_rows(
    row: dict[str, Any], accepted: bool, write_jsonl: Callable[..., Path]
) -> None:
    assert jsonschema.Draft202012Validator(json_schema("predictions")).is_valid(row) is accepted
    path = write_jsonl([row])
    if accepted:
        assert set(read_predictions(path)) == {"elife:1"}
    else:
        with pytest.raises(InputError):
            read_predictions(path)


def test_a_full_disk_leaves_neither_file(result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match="the disk is full") as caught:
        result.save(tmp_path / "mine.result.json")
    assert caught.value.exit_code == 6
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_earlier_files_alone(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = result.save(tmp_path / "mine.result.json")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError):
        result.save(path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
