"""Whose run is it? A manifest speaks for the file that it names, and for no other."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.results.run_manifest import run_of

_LINE = '{"article_id": "elife:1", "concerns": ["No control."]}\n'
_RUN: dict[str, Any] = {"schema_version": 1, "name": "mine", "reviewer": {}, "postprocessing": "cap20"}
_SHA = hashlib.sha256(_LINE.encode()).hexdigest()


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    path = tmp_path / "predictions.jsonl"
    path.write_text(_LINE)
    return path


def beside(predictions: Path, manifest: Any) -> None:
    text = manifest if isinstance(manifest, str) else json.dumps(manifest)
    predictions.with_name("run.json").write_text(text)


def test_the_manifest_of_the_file_is_used(predictions: Path) -> None:
    assert run_of(predictions).name("predictions") == "predictions"
    beside(predictions, {**_RUN, "predictions": {"file": "predictions.jsonl", "sha256": _SHA}})
    found = run_of(predictions)
    assert (found.name("x"), found.postprocessing, found.ignored) == ("mine", "cap20", None)


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ({"name": "lively-dust-7", "project": "of a tracker"}, "is not a run manifest"),
        ({**_RUN, "schema_version": 2}, "is not a run manifest"),
        ({**_RUN, "name": 5}, "is not a run manifest"),
        ({**_RUN, "predictions": {"file": "other.jsonl", "sha256": _SHA}}, "describes other.jsonl"),
        ({**_RUN, "predictions": {"file": "predictions.jsonl", "sha256": "0" * 64}}, "has been changed"),
        ({**_RUN, "predictions": "predictions.jsonl"}, "describes None"),
        ({**_RUN, "totals": {"articles": 12}}, "counts 12 rows"),
    ],
)
def test_any_other_is_ignored_with_one_line(predictions: Path, manifest: Any, reason: str) -> None:
    beside(predictions, manifest)
    found = run_of(predictions)
    assert found.said == {}
    assert found.ignored is not None
    assert reason in found.ignored
    assert "\n" not in found.ignored


def test_a_manifest_from_before_the_field_speaks_for_predictions_jsonl_only(predictions: Path) -> None:
    beside(predictions, {**_RUN, "totals": {"articles": 1}})
    assert run_of(predictions).name("x") == "mine"
    other = predictions.rename(predictions.with_name("other.jsonl"))
    assert "does not say which file" in str(run_of(other).ignored)


def test_a_run_that_is_going_on_is_known_by_name(predictions: Path) -> None:
    beside(predictions, {**_RUN, "predictions": {"file": "predictions.jsonl", "sha256": None}})
    assert run_of(predictions).name("x") == "mine"
