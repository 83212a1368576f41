"""Export, import and backup: nothing lost, nothing doubled, no token, nothing half-written."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import threading
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bioreview_bench.errors import DataError, InputError, WriteError
from bioreview_bench.leaderboard.archive.export import backup_board, export_board
from bioreview_bench.leaderboard.archive.import_ import import_board
from bioreview_bench.leaderboard.intake.check import validate_received
from bioreview_bench.leaderboard.store.leases import claim as claim_next
from bioreview_bench.leaderboard.store.leases import give_back, release_stale
from bioreview_bench.leaderboard.store.models import Event, ResultRow, Setting, Sketch, StoredTable, Submission, User
from bioreview_bench.leaderboard.store.settings import get_settings
from bioreview_bench.leaderboard.store.status import status
from bioreview_bench.leaderboard.store.submissions import submissions_with, withdraw
from bioreview_bench.leaderboard.store.users import add_user, renew_token, revoke_user, user_of_token
from bioreview_bench.leaderboard.worker.run import score_due
from bioreview_bench.leaderboard.worker.tables import rebuild_tables


@pytest.fixture
def full_board(board: Any, add_submitter: Any, make_package: Any) -> Any:
    """A board with one submission in every state that lasts, and one whose scoring was under way."""
    ann = add_submitter(board, "ann")
    ann.submit(make_package("Scored"), marked=True)
    score_due(board)
    withdraw(board, ann.submit(make_package("Withdrawn")), ann.user)
    validate_received(board, ann.receive(make_package(predictions=b"{")))
    under_way = ann.submit(make_package("Under way"))
    claim = claim_next(board, "w")
    assert claim is not None
    assert claim.id == under_way
    ann.receive(make_package("Received"))
    add_submitter(board, "bob", maintainer=True)
    revoke_user(board, "bob")
    with board.session() as session:
        session.add(Setting(key="session_secret", value={"hex": "5ec2e7" * 10}))
    return board


def counts(board: Any) -> dict[str, int]:
    with board.reading() as session:
        return {
            table.__tablename__: int(session.scalar(select(func.count()).select_from(table)))
            for table in (User, Submission, Event, ResultRow, Sketch)
        }


def test_a_board_goes_from_one_database_to_another_whole(
    full_board: Any, database_url: str, open_database: Callable[..., Any], tmp_path: Path
) -> None:
    (under_way,) = submissions_with(full_board, ("scoring",))
    give_back(full_board, under_way, "w", "the worker was stopped")
    score_due(full_board)
    export_board(full_board, tmp_path / "a.zip")
    other = open_database(database_url)
    taken = import_board(other, tmp_path / "a.zip")
    rebuild_tables(other)
    assert (taken.n_submissions, taken.n_users, taken.n_results, taken.n_known) == (5, 2, 3, 0)
    assert counts(other) == counts(full_board)
    assert get_settings(other) == get_settings(full_board)
    export_board(other, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with full_board.reading() as before, other.reading() as after:
        key = ("test", "jaccard")
        assert before.get(StoredTable, key).content == after.get(StoredTable, key).content


def test_importing_twice_changes_nothing(
    full_board: Any, database_url: str, open_database: Callable[..., Any], tmp_path: Path
) -> None:
    export_board(full_board, tmp_path / "a.zip")
    other = open_database(database_url)
    import_board(other, tmp_path / "a.zip")
    before = counts(other)
    again = import_board(other, tmp_path / "a.zip")
    assert (again.n_submissions, again.n_users, again.n_results, again.n_known) == (0, 0, 0, 5)
    assert counts(other) == before


def test_a_board_can_be_imported_into_itself_and_into_a_fellow(
    full_board: Any, make_board: Callable[..., Any], tmp_path: Path, add_submitter: Any, make_package: Any
) -> None:
    export_board(full_board, tmp_path / "a.zip")
    before = counts(full_board)
    import_board(full_board, tmp_path / "a.zip")
    assert counts(full_board) == before
    fellow = make_board(tmp_path / "fellow.sqlite")
    own = add_submitter(fellow, "cleo").submit(make_package("Own"))
    import_board(fellow, tmp_path / "a.zip")
    assert counts(fellow)["submissions"] == before["submissions"] + 1
    assert status(fellow, own).state == "queued"


def test_what_was_under_way_is_begun_again(full_board: Any, open_database: Callable[..., Any], tmp_path: Path) -> None:
    export_board(full_board, tmp_path / "a.zip")
    other = open_database(tmp_path / "other.sqlite")
    import_board(other, tmp_path / "a.zip")
    assert release_stale(other) == []
    assert score_due(other) == 2
    with other.reading() as session:
        states = sorted(session.scalars(select(Submission.state)))
    assert states == ["rejected", "scored", "scored", "scored", "withdrawn"]


def test_an_archive_holds_no_token_and_no_secret(full_board: Any, tmp_path: Path) -> None:
    export_board(full_board, tmp_path / "a.zip")
    with full_board.reading() as session:
        hashes = [one for one in session.scalars(select(User.token_sha256)) if one]
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert hashes
    for secret in (*hashes, "5ec2e7", "token_sha256", "session_secret"):
        assert secret.encode() not in content
    assert (tmp_path / "a.zip").stat().st_mode & 0o077 == 0


def test_an_imported_user_gets_in_with_a_new_token_only(
    full_board: Any, open_database: Callable[..., Any], tmp_path: Path
) -> None:
    export_board(full_board, tmp_path / "a.zip")
    other = open_database(tmp_path / "other.sqlite")
    import_board(other, tmp_path / "a.zip")
    user = user_of_token(other, renew_token(other, "ann"))
    assert user is not None
    assert user.name == "ann"
    with pytest.raises(InputError, match="revoked"):
        renew_token(other, "bob")


def rewrite(source: Path, destination: Path, change: Callable[[str, bytes], bytes]) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(destination, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return destination


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("board.json", b'"layout": 1', b'"layout": 2', "not a complete exported board"),
        ("board.json", b'"test"', b'"../x"', "not a complete|is about"),
        ("predictions/", b"elife", b"ELIFE", "not those that were submitted"),
        ("submissions.jsonl", b'"state":"scored"', b'"state":"winner"', "not a complete"),
        ("submissions.jsonl", b'"f1":', b'"f1":"high","x":', "not a complete"),
        ("submissions.jsonl", b"}\n", b"", "not a complete"),
    ],
)
def test_an_altered_archive_is_refused(
    name: str, old: bytes, new: bytes, message: str, full_board: Any, open_database: Any, tmp_path: Path
) -> None:
    export_board(full_board, tmp_path / "a.zip")

    def change(member: str, content: bytes) -> bytes:
        return content.replace(old, new) if member.startswith(name) else content

    altered = rewrite(tmp_path / "a.zip", tmp_path / "b.zip", change)
    with pytest.raises(InputError, match=message):
        import_board(open_database(tmp_path / "other.sqlite"), altered)


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + b"\0" * 18, b"words"])
def test_what_is_no_archive_is_refused(content: bytes, open_database: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match="not a complete exported board"):
        import_board(open_database(tmp_path / "b.sqlite"), tmp_path / "a.zip")
    with pytest.raises(InputError, match="There is no file"):
        import_board(open_database(tmp_path / "b.sqlite"), tmp_path / "absent.zip")


def test_boards_about_different_things_are_not_merged(
    full_board: Any, make_board: Callable[..., Any], tmp_path: Path
) -> None:
    from dataclasses import replace

    from bioreview_bench import Contract

    export_board(full_board, tmp_path / "a.zip")
    with pytest.raises(InputError, match="is about demo/test"):
        import_board(make_board(tmp_path / "val.sqlite", splits=("val",)), tmp_path / "a.zip")
    replace(Contract.load("jaccard"), name="mine", threshold=0.3).save(tmp_path / "mine.toml")
    other = make_board(tmp_path / "c.sqlite", contracts=(str(tmp_path / "mine.toml"),))

    def rename(name: str, content: bytes) -> bytes:
        if name != "board.json":
            return content
        manifest = json.loads(content)
        manifest["settings"].update(contracts=["mine"], ranking="mine")
        manifest["contracts"][0]["name"] = "mine"
        return json.dumps(manifest).encode()

    altered = rewrite(tmp_path / "a.zip", tmp_path / "b.zip", rename)
    with pytest.raises(InputError, match="not the board's of that name"):
        import_board(other, altered)


def test_an_export_that_cannot_be_finished_leaves_nothing(full_board: Any, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    destination = tmp_path / "out" / "a.zip"
    destination.write_bytes(b"older")
    with full_board.session() as session:
        session.execute(select(Submission)).all()
        session.connection().exec_driver_sql("UPDATE predictions SET content = x'00'")
    with pytest.raises(zlib.error):
        export_board(full_board, destination)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.zip"]
    assert destination.read_bytes() == b"older"
    with pytest.raises(WriteError, match="no folder"):
        export_board(full_board, tmp_path / "absent" / "a.zip")


def test_a_backup_is_the_board_at_one_moment_though_it_is_in_use(
    full_board: Any, open_database: Callable[..., Any], tmp_path: Path
) -> None:
    stop = threading.Event()

    def use() -> None:
        number = 0
        while not stop.is_set():
            add_user(full_board, f"user{number}", "team")
            number += 1

    writer = threading.Thread(target=use)
    writer.start()
    try:
        sizes = [backup_board(full_board, tmp_path / f"copy{number}.sqlite") for number in range(3)]
    finally:
        stop.set()
        writer.join()
    for number, size in enumerate(sizes):
        path = tmp_path / f"copy{number}.sqlite"
        assert path.stat().st_size == size
        assert path.stat().st_mode & 0o077 == 0
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    copy = open_database(tmp_path / "copy2.sqlite")
    copy.require_current()
    assert counts(copy)["submissions"] == 5
    assert {path.name for path in tmp_path.glob(".copy*")} == set()
    assert score_due(copy) == 1  # the other is still held by the worker that had it


def test_a_damaged_board_is_not_backed_up_as_if_it_were_whole(full_board: Any, tmp_path: Path) -> None:
    full_board.close()
    with sqlite3.connect(full_board.path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("DELETE FROM users WHERE name = 'ann'")
    with pytest.raises(DataError, match="belong to nothing"):
        backup_board(full_board, tmp_path / "copy.sqlite")
    assert not (tmp_path / "copy.sqlite").exists()


def test_a_board_is_not_backed_up_onto_itself(board: Any) -> None:
    with pytest.raises(InputError, match="onto itself"):
        backup_board(board, board.path)


def test_a_backup_overwrites_nothing(board: Any, tmp_path: Path) -> None:
    older, dangling = tmp_path / "older.sqlite", tmp_path / "link.sqlite"
    older.write_bytes(b"older")
    dangling.symlink_to(tmp_path / "absent")
    for destination in (older, dangling):
        with pytest.raises(InputError, match="already"):
            backup_board(board, destination)
    assert older.read_bytes() == b"older"
    assert dangling.is_symlink()
    assert not (tmp_path / "absent").exists()


def test_a_backup_ends_though_somebody_writes_all_the_time_and_every_copy_is_of_one_moment(
    board: Any, open_database: Callable[..., Any], tmp_path: Path
) -> None:
    """Two counters always rise together; a copy in which they differ was made of two moments."""
    stop = threading.Event()
    deadline = time.monotonic() + 300
    with board.session() as session:
        session.connection().exec_driver_sql("CREATE TABLE filler (a TEXT)")
        session.connection().exec_driver_sql(
            "INSERT INTO filler WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 40000)"
            " SELECT hex(randomblob(200)) FROM n"
        )
        session.connection().exec_driver_sql("CREATE TABLE ends (n INTEGER)")
        session.connection().exec_driver_sql("INSERT INTO ends VALUES (0), (0)")

    def use() -> None:
        with sqlite3.connect(board.path, isolation_level=None) as writer:
            while not stop.is_set() and time.monotonic() < deadline:
                writer.execute("UPDATE ends SET n = n + 1")

    writer = threading.Thread(target=use)
    writer.start()
    try:
        for number in range(3):
            backup_board(board, tmp_path / f"{number}.sqlite")
            assert writer.is_alive(), "the backup ended when the writing did"
    finally:
        stop.set()
        writer.join()
    for number in range(3):
        with sqlite3.connect(tmp_path / f"{number}.sqlite") as copy:
            assert len(set(copy.execute("SELECT n FROM ends"))) == 1


def test_an_export_takes_whatever_a_manifest_says(
    board: Any,
    database_url: str,
    open_database: Callable[..., Any],
    add_submitter: Any,
    make_package: Any,
    tmp_path: Path,
) -> None:
    said = {
        "half of a character": "\ud800 \udfff",
        "\udc00": {"nul": "\x00"},
        "number": 10**4000,
        "whole": "\U0001f600",
    }
    package = dataclasses.replace(make_package(), run=said)
    submission = add_submitter(board).submit(package)
    score_due(board)
    assert export_board(board, tmp_path / "a.zip") == 1
    other = open_database(database_url)
    assert import_board(other, tmp_path / "a.zip").n_submissions == 1
    with other.reading() as session:
        assert session.get_one(Submission, submission).run == said
    export_board(other, tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as one, zipfile.ZipFile(tmp_path / "b.zip") as two:
        assert one.read("submissions.jsonl") == two.read("submissions.jsonl")


def test_postgresql_is_backed_up_by_its_own_tools(open_database: Callable[..., Any], tmp_path: Path) -> None:
    database = open_database("postgresql://ann:geheim@db.example.org/board")
    with pytest.raises(InputError) as caught:
        backup_board(database, tmp_path / "b")
    assert "pg_dump" in str(caught.value.remedy)
    assert "postgresql://ann@db.example.org/board" in str(caught.value.remedy)
    assert "geheim" not in str(caught.value)


def test_every_line_of_an_archive_is_json(full_board: Any, tmp_path: Path) -> None:
    export_board(full_board, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        rows = [json.loads(line) for line in archive.read("submissions.jsonl").splitlines()]
    assert sorted(row["state"] for row in rows) == ["received", "rejected", "scored", "scoring", "withdrawn"]
    assert {row["card"]["system_name"] for row in rows} >= {"Scored", "Withdrawn"}
