"""A board whose database is locked, or that many processes begin to use at the same moment."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import func, select

from bioreview_bench.errors import InputError, RemoteError, WriteError
from bioreview_bench.leaderboard import boards
from bioreview_bench.leaderboard.http.uploads import Forms
from bioreview_bench.leaderboard.serving import app
from bioreview_bench.leaderboard.store.common import bump, counter
from bioreview_bench.leaderboard.store.database import Database
from bioreview_bench.leaderboard.store.models import Event, ResultRow
from bioreview_bench.leaderboard.store.settings import get_settings, put_board, put_new_board, stale_tables, table_built
from bioreview_bench.leaderboard.store.submissions import submissions_with
from bioreview_bench.leaderboard.store.users import add_user

Make = Callable[..., Any]
_PATIENCE = 0.5  # seconds, in place of the server's


def test_many_servers_begin_one_board_at_the_same_moment(postgres_url: str, start_bench: Make, caller: Make) -> None:
    about = ("--data", "demo", "--contract", "jaccard", "--db", postgres_url)
    servers = [start_bench("leaderboard", "serve", "--port", "0", "--no-worker", *about) for _ in range(4)]
    for server in servers:
        url = server.said(r"The board is at (http://127\.0\.0\.1:\d+)/")[1]
        assert caller(url).get("/").status_code == 200
    assert sum("Made the board" in server.out.read_text() for server in servers) == 1
    for server in servers:
        assert server.end() == 0
        assert "Traceback" not in server.err.read_text()


def test_many_workers_begin_at_the_same_moment_on_a_board_that_nobody_scored_yet(
    postgres_url: str, make_board: Make, start_bench: Make, add_submitter: Make, make_package: Make
) -> None:
    board = make_board(postgres_url)
    for number in range(8):
        add_submitter(board, f"user{number}").submit(make_package(f"System {number}"))
    workers = [start_bench("leaderboard", "worker", "--once", "--db", postgres_url) for _ in range(3)]
    for worker in workers:
        assert worker.process.wait(300) == 0, worker.err.read_text()
    assert len(submissions_with(board, ("scored",))) == 8
    assert stale_tables(board) == []
    with board.reading() as session:
        assert session.scalar(select(func.count()).where(Event.state == "scored")) == 8
        assert session.scalar(select(func.count(ResultRow.id))) == 8


def test_many_set_one_board_up_and_one_of_them_does(database_url: str) -> None:
    def begin(number: int) -> bool:
        with closing(Database(database_url)) as database:
            try:
                boards.set_up(database, "demo", contracts=("jaccard",))
                made = True
            except boards.BoardExists:
                made = False
            app.create_app(database).state.db.close()
            return made

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begin, range(8))) == 1


def test_counters_and_settings_that_are_not_there_yet_are_made_once(database_url: str, open_database: Make) -> None:
    board = open_database(database_url)
    board.create_or_upgrade()

    def count(number: int) -> None:
        with board.session() as session:
            bump(session, split="test")
        table_built(board, "test", "jaccard", 3)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(count, range(32)))
    with board.reading() as session:
        assert counter(session, "changes:test") == 32


def test_of_many_who_add_the_same_user_one_succeeds_and_the_others_are_told(either_board: Any) -> None:
    def add(number: int) -> bool:
        try:
            add_user(either_board, "ann", "A")
        except InputError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(8))) == 1


@contextmanager
def _held(board: Any, tables: str) -> Iterator[None]:
    """While this lasts somebody else holds the database's write lock, or these tables of a PostgreSQL one."""
    if board.path is not None:
        with closing(sqlite3.connect(board.path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
        return
    import psycopg

    address = board.url.render_as_string(hide_password=False).replace("+psycopg", "")
    with psycopg.connect(address) as other:
        other.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_PATIENCE", _PATIENCE)


def test_a_held_write_lock_holds_no_page_up(
    board: Any,
    served: Make,
    caller: Make,
    add_submitter: Make,
    make_package: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arrived: list[int] = []

    class Patient(Forms):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, patience=300.0)

        async def change(self, *given: Any) -> Any:
            arrived.append(1)
            return await super().change(*given)

    monkeypatch.setattr(app, "Forms", Patient)
    monkeypatch.setattr(app, "_PATIENCE", 300.0)
    ann = add_submitter(board)
    waiting = ann.submit(make_package())
    url = served(board)
    path = f"/api/v1/submissions/{waiting}/withdraw"
    with ThreadPoolExecutor(60) as pool:
        with _held(board, ""):
            writing = [pool.submit(caller(url, ann.token).post, path) for _ in range(60)]
            while len(arrived) < 60 and not any(one.done() for one in writing):
                time.sleep(0.01)
            for page in ("/", "/?sort=f1", "/login", "/readyz", "/api/v1/board", "/how-scoring-works"):
                assert caller(url).get(page).status_code == 200, page
            assert not any(one.done() for one in writing)
        codes = Counter(one.result().status_code for one in writing)
    assert codes == {200: 1, 409: 59}


def test_while_the_write_lock_is_held_writing_is_refused_soon(
    hurried: None, board: Any, log: Any, served: Make, caller: Make, add_submitter: Make, make_package: Make
) -> None:
    ann = add_submitter(board)
    waiting = ann.submit(make_package())
    url = served(board)
    path = f"/api/v1/submissions/{waiting}/withdraw"
    with _held(board, ""), ThreadPoolExecutor(8) as pool:
        refused = [one.result() for one in [pool.submit(caller(url, ann.token).post, path) for _ in range(8)]]
        assert {one.status_code for one in refused} == {503}
        assert all(int(one.headers["retry-after"]) > 0 for one in refused)
    assert log.getvalue().count(f"was locked by another process for {_PATIENCE:g} s") == 8
    assert caller(url, ann.token).post(path).json()["state"] == "withdrawn"


@pytest.mark.parametrize("tables", ["settings", "tables", "submissions, users"])
def test_a_table_that_is_locked_in_postgresql_hangs_no_request(
    tables: str, hurried: None, postgres_url: str, make_board: Make, served: Make, caller: Make, add_submitter: Make
) -> None:
    board = make_board(postgres_url)
    ann = add_submitter(board)
    url = served(board)
    with _held(board, tables):
        codes = []
        for path in ("/", "/?sort=f1", "/api/v1/tables/test/jaccard.json", "/api/v1/submissions", "/readyz"):
            answered = caller(url, ann.token).get(path)
            codes.append(answered.status_code)
            assert answered.status_code == 200 or int(answered.headers["retry-after"]) > 0
        assert 503 in codes
    assert caller(url, ann.token).get("/").status_code == 200
    assert caller(url, ann.token).get("/api/v1/submissions").status_code == 200


def test_who_waits_for_a_lock_in_vain_is_told_for_how_long(either_board: Any) -> None:
    hurried = either_board.hurried(0.2)
    with _held(either_board, "settings"), pytest.raises((WriteError, RemoteError)) as refused:
        table_built(hurried, "test", "jaccard", 1)
    hurried.close()
    assert "locked by another process for 0.2 s" in refused.value.message or "lock timeout" in refused.value.message


def test_a_board_that_was_set_up_meanwhile_is_left_as_it_is(either_board: Any) -> None:
    kept = get_settings(either_board)
    assert not put_new_board(either_board, kept.model_copy(update={"title": "other"}), (), ())
    assert get_settings(either_board) == kept
    put_board(either_board, kept.model_copy(update={"title": "other"}), (), ())
    assert get_settings(either_board).title == "other"
    with pytest.raises(boards.BoardExists, match="There is a board"):
        boards.set_up(either_board, "demo", contracts=("jaccard",))
