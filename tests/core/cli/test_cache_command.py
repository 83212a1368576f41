"""`bench cache`: every kind of what is kept is listed, and deleted only when it is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.cli.setup.cache import KINDS
from bioreview_bench.files import paths
from bioreview_bench.files.lock import lock_folder


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One file of five bytes of each kind, three folders down."""
    monkeypatch.setenv("BIOREVIEW_CACHE", str(tmp_path))
    for kind in KINDS.values():
        file = kind.folder() / "model-0" / "run-0" / "rows.jsonl"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"12345")
    return tmp_path


def there(folder: Path) -> set[str]:
    return {path.relative_to(folder).parts[0] for path in folder.rglob("*.jsonl")}


def test_every_folder_of_the_cache_is_a_kind() -> None:
    roots = {getattr(paths, name) for name in vars(paths) if name.endswith("_root") and name != "cache_root"}
    assert {kind.folder for kind in KINDS.values()} == roots


def test_all_kinds_are_listed_with_their_sizes(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "info", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kinds"] == {name: {"folder": str(kind.folder()), "n": 1, "bytes": 5} for name, kind in KINDS.items()}
    assert found["controls"] == {"n": 1, "bytes": 5}
    assert run(["cache", "info"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in KINDS)


def test_what_costs_something_is_deleted_only_when_it_is_named(kept: Path) -> None:
    assert run(["cache", "clear", "--yes"]) == 0
    assert there(kept) == KINDS.keys() - {"vectors", "controls"}
    assert run(["cache", "clear", "extractions", "pins", "--yes"]) == 0
    assert there(kept) == KINDS.keys() - {"vectors", "controls", "extractions", "pins"}


def test_answers_that_are_being_written_are_not_deleted(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = lock_folder(kept / "judgements" / "model-0" / "run-0", "-")
    try:
        assert run(["cache", "clear", "judgements", "--yes"]) == 2
        assert "Another process is writing" in capsys.readouterr().err
        assert "judgements" in there(kept)
    finally:
        lock.release()


def test_a_link_is_deleted_and_what_it_points_to_stays(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "mine.jsonl").write_text("{}\n")
    (kept / "data" / "v3").symlink_to(elsewhere)
    assert run(["cache", "clear", "data", "--yes"]) == 0
    assert not (kept / "data" / "v3").exists()
    assert (elsewhere / "mine.jsonl").exists()
