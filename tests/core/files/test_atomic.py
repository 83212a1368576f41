"""Files are whole or absent: whatever fails on the way, the old content stands and nothing is left lying about."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bioreview_bench.errors import WriteError
from bioreview_bench.files.atomic import check_writable, write_files


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an old result in it."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.json").write_bytes(b"old a")
    return folder


def test_files_are_written_and_replaced(folder: Path) -> None:
    write_files({folder / "a.json": b"new a", folder / "b.parquet": b""})
    assert contents(folder) == {"a.json": b"new a", "b.parquet": b""}


@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
def test_full_disk_leaves_the_old_content_and_no_temporary_file(folder: Path, monkeypatch, call: str) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(WriteError, match="the disk is full") as caught:
        write_files({folder / "a.json": b"new a", folder / "b.parquet": b"new b"})
    assert caught.value.exit_code == 6
    assert contents(folder) == {"a.json": b"old a"}


def test_no_file_is_renamed_before_all_are_complete(folder: Path, monkeypatch) -> None:
    flushed = []

    def fail_second(descriptor: int) -> None:
        flushed.append(descriptor)
        if len(flushed) == 2:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(os, "fsync", fail_second)
    with pytest.raises(WriteError, match=r"b\.parquet: Disk quota exceeded"):
        write_files({folder / "a.json": b"new a", folder / "b.parquet": b"new b"})
    assert contents(folder) == {"a.json": b"old a"}


def test_last_file_appears_only_when_the_others_are_there(folder: Path, monkeypatch) -> None:
    rename = os.replace

    def fail_on_first(source: Path, destination: Path) -> None:
        if Path(destination).name == "b.parquet":
            raise OSError(errno.EIO, "Input/output error")
        rename(source, destination)

    monkeypatch.setattr(os, "replace", fail_on_first)
    with pytest.raises(WriteError, match=r"b\.parquet: Input/output error"):
        write_files({folder / "b.parquet": b"new b", folder / "a.json": b"new a"})
    assert contents(folder) == {"a.json": b"old a"}


def test_interruption_leaves_no_temporary_file(folder: Path, monkeypatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_files({folder / "a.json": b"new a"})
    assert contents(folder) == {"a.json": b"old a"}


def test_content_is_flushed_to_the_disk_before_the_rename(folder: Path, monkeypatch) -> None:
    calls = []
    flush, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (calls.append("fsync"), flush(descriptor)))
    monkeypatch.setattr(os, "replace", lambda *paths: (calls.append("replace"), rename(*paths)))
    write_files({folder / "a.json": b"new a"})
    assert calls == ["fsync", "replace"]


def test_written_files_have_the_permissions_that_the_user_asks_for(folder: Path) -> None:
    # Temporary files are made readable by their owner only; a result must not stay so.
    mask = os.umask(0o027)
    try:
        write_files({folder / "b.json": b"b"})
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(mask)
    assert (folder / "b.json").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("act", [check_writable, lambda path: write_files({path: b"x"})])
def test_device_and_folder_are_never_replaced(folder: Path, act) -> None:
    (folder / "inner").mkdir()
    os.mkfifo(folder / "pipe")
    # Through a link, so that a mistake here replaces the link and not the machine's device.
    (folder / "null").symlink_to("/dev/null")
    for name in ("inner", "pipe", "null"):
        with pytest.raises(WriteError, match="not a regular file"):
            act(folder / name)
    assert (folder / "inner").is_dir()
    assert (folder / "pipe").is_fifo()
    assert (folder / "null").is_symlink()
    assert sorted(path.name for path in folder.iterdir()) == ["a.json", "inner", "null", "pipe"]


def test_missing_folder_is_named_before_any_work(folder: Path) -> None:
    with pytest.raises(WriteError, match="there is no folder") as caught:
        check_writable(folder / "absent" / "a.json")
    assert caught.value.remedy == f"mkdir -p {folder / 'absent'}"


def test_checking_leaves_no_trace(folder: Path) -> None:
    check_writable(folder / "a.json")
    check_writable(folder / "new.json")
    assert contents(folder) == {"a.json": b"old a"}
