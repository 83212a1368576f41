"""Small files are read whole or refused in the words of whoever reads them; a run is compared field by field."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import DataError, EncoderError, InputError, WriteError
from bioreview_bench.files.atomic import make_folder, write_json
from bioreview_bench.files.lock import LOCK, lock_folder
from bioreview_bench.files.reading import file_sha256, find_json, read_json, read_text, read_toml
from bioreview_bench.files.same_run import differences, require_same_run


@pytest.mark.parametrize(
    ("read", "content", "says"),
    [
        (read_text, b"\xff", "is not UTF-8 (byte 1)"),
        (read_json, b"[]", "must be a JSON object"),
        (read_json, b'{"a": 1, "a": 2}', 'duplicate JSON key "a"'),
        (read_json, b'{"a": NaN}', "NaN is not JSON"),
        (read_toml, b"a = ", "is not TOML"),
        (read_text, None, "There is no file"),
    ],
)
def test_what_cannot_be_read_names_file_reason_and_remedy(tmp_path: Path, read: Any, content: Any, says: str) -> None:
    path = tmp_path / "x.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(path, DataError, "fetch it again")
    assert says in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.remedy == "fetch it again"


def test_a_folder_and_a_name_that_no_file_can_have_are_refused_too(tmp_path: Path) -> None:
    for path, said in ((tmp_path, "is a folder, not a file"), (Path("a\0b"), "Cannot read")):
        with pytest.raises(InputError, match=said):
            read_text(path, InputError, "name a file")


def test_an_absent_file_is_none_only_where_that_is_asked_for(tmp_path: Path) -> None:
    assert find_json(tmp_path / "x.json", DataError, "-") is None
    with pytest.raises(DataError):
        read_json(tmp_path / "x.json", DataError, "-")


def test_json_is_written_as_it_is_read_and_a_lone_surrogate_survives(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.json"
    write_json(path, {"text": "µ\ud800", "n": [1, None]})
    assert find_json(path, DataError, "-") == {"text": "µ\ud800", "n": [1, None]}
    assert path.read_text().endswith("}\n")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"n": float("nan")})
    with pytest.raises(WriteError):
        make_folder(path / "below a file")


def test_a_file_is_hashed_in_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert file_sha256(tmp_path / "x", EncoderError) == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(EncoderError, match="There is no file"):
        file_sha256(tmp_path / "y", EncoderError)


def test_every_field_that_differs_is_named_and_free_ones_may_differ() -> None:
    stored = {"a": {"b": 1, "c": [1, 2]}, "old": 1, "empty": {}}
    asked = {"a": {"b": 2, "c": (1, 2), "d": None}, "empty": {}}
    assert [str(problem) for problem in differences(stored, asked)] == [
        "a.b: 1 in the run, 2 now",
        "a.d: absent in the run, null now",
    ]
    assert [str(problem) for problem in differences(stored, asked, free=["a.b", "a.d"])] == []
    with pytest.raises(InputError, match=r"contains a different run(.|\n)*a\.b: 1 in the run, 2 now(.|\n)*or choose"):
        require_same_run(Path("runs/x"), stored, asked, "choose another --out")


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC])
def test_a_folder_that_nothing_can_be_written_to_is_said_to_be_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("filelock.FileLock.acquire", refused)
    with pytest.raises(WriteError, match="Cannot write"):
        lock_folder(tmp_path / "run", "wait for it")


def test_a_lock_is_let_go_by_release_and_by_the_end_of_its_process(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    lock = lock_folder(folder, "wait for it")
    with pytest.raises(InputError, match="Another process is writing") as caught:
        lock_folder(folder, "wait for it")
    assert caught.value.remedy == "wait for it"
    hold = f"""
from pathlib import Path
from bioreview_bench.errors import InputError
from bioreview_bench.files.lock import lock_folder
try:
    lock_folder(Path({str(folder)!r}), "-")
    import os; os._exit(0)
except InputError:
    os = __import__("os"); os._exit(3)
"""
    assert subprocess.run([sys.executable, "-c", hold], check=False).returncode == 3
    lock.release()
    assert subprocess.run([sys.executable, "-c", hold], check=False).returncode == 0
    lock_folder(folder, "-").release()
    assert os.listdir(folder) == [LOCK]


def test_a_folder_without_permission_cannot_be_locked(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError):
        lock_folder(tmp_path / "file", "-")
