"""The static site: complete, linked, byte-identical, never a half."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner

from bioreview_bench.errors import InputError, WriteError
from bioreview_bench.leaderboard.cli.archive import build as command
from bioreview_bench.leaderboard.ranking.build import load_table
from bioreview_bench.leaderboard.ranking.view import BoardTable, SystemView
from bioreview_bench.leaderboard.store.settings import get_settings, put_settings
from bioreview_bench.leaderboard.store.submissions import withdraw
from bioreview_bench.leaderboard.store.users import find_user
from bioreview_bench.leaderboard.web import static_site
from bioreview_bench.leaderboard.web.static_site import build, pages


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_link_of_the_site_leads_to_a_file_of_it(scored_board: Any, tmp_path: Path) -> None:
    build(scored_board, tmp_path / "out")
    files = contents(tmp_path / "out")
    checked = 0
    for name, content in files.items():
        if not name.endswith(".html"):
            continue
        for link in re.findall(r'(?:href|src|action)="([^"]*)"', content.decode()):
            if link.startswith(("#", "?", "https://example.org")):
                continue
            assert not urlsplit(link).scheme
            assert not link.startswith("/"), (name, link)
            target = (tmp_path / "out" / name).parent / unquote(urlsplit(link).path)
            assert target.resolve().relative_to((tmp_path / "out").resolve()).as_posix() in files, (name, link)
            checked += 1
    assert checked > 300


def test_the_site_has_the_pages_of_the_server(scored_board: Any, tmp_path: Path) -> None:
    build(scored_board, tmp_path / "out")
    files = contents(tmp_path / "out")
    table = load_table(scored_board, "test", "jaccard")
    assert BoardTable.model_validate_json(files["tables/test-jaccard.json"]) == table
    for row in table.rows:
        assert SystemView.model_validate_json(files[f"systems/{row.submission}.json"]).submission == row.submission
        assert f"systems/{row.submission}.html" in files
    ranked = [row.submission for row in table.rows if row.band is not None]
    assert len(ranked) == 4
    assert sum(name.startswith("compare/") for name in files) == 6
    assert "board-test-jaccard-category-interpretation.html" in files
    assert b"Submit" not in re.sub(rb"(?i)submitted|submissions?", b"", files["index.html"])


def test_building_again_changes_no_byte_and_touches_no_file(scored_board: Any, tmp_path: Path) -> None:
    assert build(scored_board, tmp_path / "out").changed
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    assert not build(scored_board, tmp_path / "out").changed
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before
    build(scored_board, tmp_path / "other")
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


def test_a_change_replaces_the_whole_folder(
    scored_board: Any, add_submitter: Callable[..., Any], make_package: Callable[..., Any], tmp_path: Path
) -> None:
    from bioreview_bench.leaderboard.worker.run import Work

    build(scored_board, tmp_path / "out")
    (tmp_path / "out" / "index.html").write_text("tampered")
    (tmp_path / "out" / "left over.html").write_text("old")
    add_submitter(scored_board, "late").submit(make_package("Latecomer"))
    Work(scored_board, None, lambda words: None).score_due()
    assert build(scored_board, tmp_path / "out").changed
    files = contents(tmp_path / "out")
    assert b"Latecomer" in files["index.html"]
    assert "left over.html" not in files
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


def test_a_withdrawn_system_has_no_page_any_more(scored_board: Any, tmp_path: Path) -> None:
    from bioreview_bench.leaderboard.worker.tables import rebuild_tables

    row = load_table(scored_board, "test", "jaccard").rows[0]
    user = find_user(scored_board, f"user-{row.system}")
    withdraw(scored_board, row.submission, user)
    rebuild_tables(scored_board)
    files = dict(pages(scored_board))
    assert f"systems/{row.submission}.html" not in files
    table = BoardTable.model_validate_json(files["tables/test-jaccard.json"])
    assert "Alpha again" in {row.system for row in table.rows}
    assert next(row for row in table.rows if row.system == "Alpha again").band is None


def test_a_folder_of_something_else_is_left_alone(board: Any, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match="contains files that do not belong to a board"):
        build(board, tmp_path / "out")
    assert (tmp_path / "out" / "thesis.tex").read_text() == "mine"
    with pytest.raises(InputError, match="is not a folder"):
        build(board, tmp_path / "out" / "thesis.tex")
    with pytest.raises(InputError, match="There is no folder"):
        build(board, tmp_path / "a" / "b")


def test_a_failed_write_leaves_the_old_site(board: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(board, tmp_path / "out")
    before = contents(tmp_path / "out")
    put_settings(board, get_settings(board).model_copy(update={"title": "Another"}))
    moved: list[object] = []

    def broken(source: Any, destination: Any) -> None:
        moved.append(source)
        if len(moved) == 2:
            raise OSError(28, "No space left on device")
        source.rename(destination)

    monkeypatch.setattr(static_site.os, "replace", broken)
    with pytest.raises(WriteError, match="disk is full"):
        build(board, tmp_path / "out")
    assert contents(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


def test_an_empty_board_is_a_site_too(board: Any, tmp_path: Path) -> None:
    build(board, tmp_path / "out")
    assert "No system has been scored yet" in (tmp_path / "out" / "index.html").read_text()
    assert json.loads((tmp_path / "out" / "board.json").read_text())["ranking"] == "jaccard"


def test_the_command_says_what_it_did(board: Any, tmp_path: Path) -> None:
    runner, place = CliRunner(), str(tmp_path / "out")
    first = runner.invoke(command, [place, "--db", str(board.path)], catch_exceptions=False)
    again = runner.invoke(command, [place, "--db", str(board.path)], catch_exceptions=False)
    assert first.output.endswith("files for 0 systems; written.\n")
    assert again.output.endswith("up to date, nothing was touched.\n")
