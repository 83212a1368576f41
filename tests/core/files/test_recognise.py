"""A file that is not what was asked for is named in one line, with what to do; commands that are given work."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pandas
import pytest

from bioreview_bench import load_result, read_predictions
from bioreview_bench.errors import InputError

ROWS: list[dict[str, Any]] = [
    {"article_id": "elife:1", "concerns": ["No control for batch effects."]},
    {"article_id": "elife:2", "concerns": ["The sample is small."]},
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def zipped(name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, LINES)
    return packed.getvalue()


def refused(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        read_predictions(path)
    assert str(caught.value).count("\n") == 1, "one line, and the next command"
    return caught.value


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("mine.zip", zipped("predictions.jsonl"), "a .zip archive"),
        ("log.eval", zipped("header.json"), "an inspect log (.eval)"),
        ("log.json", json.dumps({"version": 2, "status": "success", "eval": {}, "samples": []}), "an inspect log"),
        ("log.json", json.dumps({"status": "success", "eval": {}, "samples": []}, indent=2), "an inspect log"),
        ("r.json", json.dumps({"signature": "bioreview|", "overall": {}}, indent=1), "a result"),
        ("r.json", json.dumps({"tool_name": "x", "f1_micro": 0.1}), "a result"),
        ("run.json", json.dumps({"schema_version": 1, "reviewer": {}}, indent=2), "a run's manifest"),
        ("table.csv", "article_id,text\nelife:1,No control.\n", "a CSV table"),
        ("table.tsv", "id\ttext\nelife:1\tNo control.\n", "a table with tabs"),
        ("table.txt", "article_id,concern\nelife:1,No control.\n", "a CSV table"),
        ("all.json", json.dumps({"elife:1": ["No control."], "plos:2": []}), "one JSON object of concerns by article"),
        ("train.jsonl", json.dumps({"id": "elife:1", "source": "elife", "concerns": []}), "articles with their human"),
        ("pairs.jsonl", json.dumps({"article_id": "elife:1", "text": "x", "labels": {}}), "judged pairs"),
        ("board.sqlite", b"SQLite format 3\x00", "an SQLite database"),
        ("page.html", "<!DOCTYPE html><p>x", "HTML or XML"),
        ("card.yaml", "system_name: mine\n", "a submission's card"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, name: str, content: str | bytes, what: str) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    error = refused(path)
    assert f"{path} is {what}" in error.message
    assert error.remedy


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("mine.jsonl.gz", gzip.compress(LINES.encode(), mtime=0), "a gzip file"),
        ("predictions.jsonl", gzip.compress(LINES.encode(), mtime=0), "a gzip file"),
        ("mine.bz2", bz2.compress(LINES.encode()), "a bzip2 file"),
        ("mine.jsonl.xz", lzma.compress(LINES.encode()), "an xz file"),
        ("mine.jsonl", LINES.encode("utf-16"), "UTF-16 text"),
        ("mine.jsonl", LINES.encode("utf-16-le"), "UTF-16 text"),
        ("predictions.json", json.dumps(ROWS).encode(), "a JSON array"),
        ("predictions.jsonl", json.dumps(ROWS, indent=2).encode(), "a JSON array"),
        ("predictions.jsonl", b"\xef\xbb\xbf" + json.dumps(ROWS, indent=2).encode(), "a JSON array"),
        ("it's mine.json", json.dumps(ROWS[0], indent=2).encode(), "one row over several lines"),
    ],
)
def test_the_command_that_is_given_makes_predictions_of_it(
    tmp_path: Path, name: str, content: bytes, what: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    error = refused(path)
    assert what in error.message
    command = str(error.remedy).removeprefix("write one row a line: ")
    subprocess.run(["bash", "-c", command], check=True, timeout=60)
    assert path.read_bytes() == content
    made = next(other for other in tmp_path.iterdir() if other != path)
    assert "elife:1" in read_predictions(made)


def test_parquet_given_as_predictions_comes_with_the_command_that_converts_it(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    pandas.DataFrame(ROWS).to_parquet(path)
    error = refused(path)
    assert "a Parquet file" in error.message
    command = str(error.remedy).replace("python3", sys.executable, 1)
    subprocess.run(["bash", "-c", command], check=True, timeout=120)
    assert read_predictions(tmp_path / "predictions.jsonl").keys() == {"elife:1", "elife:2"}


def test_rows_on_several_lines_are_told_from_one_broken_line(tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    path.write_text("".join(json.dumps(row, indent=1) + "\n" for row in ROWS))
    assert "jq -c" in str(refused(path))
    path.write_text("{\n" + LINES.partition("\n")[2])  # one line that was cut after its first character
    with pytest.raises(InputError):
        read_predictions(path)
    path.write_text(LINES.replace('"concerns"', '"concerns', 1))
    with pytest.raises(InputError) as caught:
        read_predictions(path)
    assert [problem.line for problem in caught.value.problems] == [1]
    path.write_text("[]\n" + LINES)
    with pytest.raises(InputError, match="line 1: a row must be a JSON object"):
        read_predictions(path)


@pytest.mark.parametrize("content", [LINES, json.dumps(ROWS)])
def test_predictions_where_a_result_was_meant(tmp_path: Path, content: str) -> None:
    path = tmp_path / "predictions.jsonl"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        load_result(path)
    assert "not a result" in caught.value.message
    assert "bench evaluate" in str(caught.value.remedy)
