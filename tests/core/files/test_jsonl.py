"""The strict JSON Lines reader: what it accepts, what it refuses, and on which line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from bioreview_bench.errors import DataError, InputError, Problem
from bioreview_bench.files.jsonl import parse_object, read_rows


@pytest.fixture
def rows_of(tmp_path: Path):
    """Read bytes as a file: the list of (line number, row or complaint)."""

    def read(content: bytes) -> list[tuple[int, object]]:
        path = tmp_path / "rows.jsonl"
        path.write_bytes(content)
        return [(number, str(row) if isinstance(row, Problem) else row) for number, row in read_rows(path, InputError)]

    return read


def test_byte_order_mark_crlf_and_blank_lines_are_accepted_and_counted(rows_of) -> None:
    content = b'\xef\xbb\xbf{"a": 1}\r\n\r\n   \t\r\n{"b": 2}\r\n\n{"c": 3}'
    assert rows_of(content) == [(1, {"a": 1}), (4, {"b": 2}), (6, {"c": 3})]


def test_line_separators_inside_a_string_do_not_end_a_line(rows_of) -> None:
    # str.splitlines would break the row at each of these characters.
    assert rows_of('{"a": "x\u2028y\u0085z"}\n{"b": 2}'.encode()) == [(1, {"a": "x\u2028y\u0085z"}), (2, {"b": 2})]


def test_byte_order_mark_counts_only_at_the_start_of_the_file(rows_of) -> None:
    (_, first), (line, second) = rows_of(b'\xef\xbb\xbf{"a": 1}\n\xef\xbb\xbf{"a": 1}\n')
    assert first == {"a": 1}
    assert line == 2
    assert "broken JSON" in second


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"a": 1', "broken JSON"),
        (b'{"a": 1} {"b": 2}', "broken JSON"),
        (b"{'a': 1}", "broken JSON"),
        (b'{"a": "\x00"}', "broken JSON"),
        (b'{"a": 1}'.decode().encode("utf-16"), "not UTF-8"),
        (b'{"a": "caf\xe9"}', "not UTF-8 (byte 11 of the line)"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),  # a surrogate, encoded as no encoder may
        (b"[1]", "a row must be a JSON object, this is an array"),
        (b'"text"', "this is a string"),
        (b"7", "this is a number"),
        (b"true", "this is a boolean"),
        (b"null", "this is null"),
        (b'{"a": 1, "b": 2, "a": 3}', 'duplicate JSON key "a"'),
        (b'{"a": [{"b": {"c": 1, "c": 1}}]}', 'duplicate JSON key "c"'),
        (b'{"a": 1, "\\u0061": 2}', 'duplicate JSON key "a"'),
        (b'{"a\\u001b": 1, "a\\u001b": 2}', 'duplicate JSON key "a\\x1b"'),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": [-Infinity]}', "-Infinity is not JSON"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),  # Python's limit on reading integers
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_malformed_line_is_one_complaint_and_the_next_line_is_still_read(rows_of, raw: bytes, reason: str) -> None:
    (line, complaint), last = rows_of(raw + b'\n{"b": 2}\n')
    assert line == 1
    assert complaint.startswith("line 1: ")
    assert reason in complaint
    assert last == (2, {"b": 2})


def test_same_key_in_two_objects_of_one_row_is_no_duplicate() -> None:
    assert parse_object('{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}') == {"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}


def test_lines_of_megabytes_are_read(rows_of) -> None:
    text = "x" * 5_000_000
    assert rows_of(b'{"a": "' + text.encode() + b'"}\n{"b": 2}') == [(1, {"a": text}), (2, {"b": 2})]


@pytest.mark.parametrize("failure", [InputError, DataError])
def test_file_that_cannot_be_read_at_all_raises_the_error_asked_for(tmp_path: Path, failure) -> None:
    packed = tmp_path / "rows.jsonl"
    packed.write_bytes(gzip.compress(b'{"a": 1}\n'))
    with pytest.raises(failure, match="gzip file: decompress first"):
        list(read_rows(packed, failure))
    with pytest.raises(failure, match="There is no file"):
        list(read_rows(tmp_path / "absent.jsonl", failure))
    with pytest.raises(failure, match="is a folder"):
        list(read_rows(tmp_path, failure))
    with pytest.raises(failure, match="is a file, not a folder"):
        list(read_rows(packed / "below-a-file", failure))
