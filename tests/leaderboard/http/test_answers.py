"""Public answers: made once for every version of the board, few at a time, and compressed where that is safe."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the leaderboard extra is not installed")

from bioreview_bench.leaderboard.http.answers import Body, PageCache, Pages
from bioreview_bench.leaderboard.ranking import build
from bioreview_bench.leaderboard.store.kept import Kept
from bioreview_bench.leaderboard.worker.run import score_due

Make = Callable[..., Any]


def test_a_page_is_made_once_for_each_version_of_the_board() -> None:
    cache, made = PageCache(), []

    def make() -> str:
        made.append(1)
        return "x" * 2000

    first = cache.get(1, "a", make)
    assert cache.get(1, "a", make) is first
    assert cache.get(2, "a", make) is not first
    assert cache.get(1, "a", make).etag == first.etag  # who read the version before the change gets a page, too
    assert len(made) == 2
    assert len(cache) == 1


def test_a_page_that_takes_long_to_be_made_again_is_shown_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastapi import Request

    version, made, go_on = [1], [], threading.Event()
    monkeypatch.setattr(f"{Pages.__module__}.board_version", lambda db: version[0])
    monkeypatch.setattr(f"{Pages.__module__}.PATIENCE", 0.05)

    def make() -> str:
        made.append(1)
        if len(made) > 1:
            assert go_on.wait(60)
        return f"page {len(made)}"

    async def asked() -> list[bytes]:
        pages, request = Pages(None), Request({"type": "http", "headers": []})  # type: ignore[arg-type]
        found = [bytes((await pages.answer(request, "a", make)).body)]
        version[0] = 2
        found += [
            bytes(answer.body)
            for answer in await asyncio.gather(*(pages.answer(request, "a", make) for _ in range(20)))
        ]
        go_on.set()
        await asyncio.gather(*pages._pending.values())
        return [*found, bytes((await pages.answer(request, "a", make)).body)]

    assert asyncio.run(asked()) == [b"page 1"] * 21 + [b"page 2"]
    assert len(made) == 2


def test_a_page_rests_after_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{PageCache.__module__}.REST", 1000.0)
    monkeypatch.setattr(f"{PageCache.__module__}.LONGEST_REST", 10.0)
    now = [50.0]
    monkeypatch.setattr(f"{PageCache.__module__}.monotonic", lambda: now[0])
    cache = PageCache()

    def make() -> str:
        now[0] += 0.25
        return "page"

    first = cache.get(1, "a", make)
    now[0] += 9.9
    assert cache.finished(2, "a") is first
    now[0] += 0.2
    assert cache.finished(2, "a") is None
    assert cache.finished(1, "a") is first


def test_while_a_page_is_made_anew_others_get_the_one_before_and_a_first_one_is_waited_for() -> None:
    cache, made = PageCache(), []
    at_work, go_on = threading.Event(), threading.Event()

    def slowly() -> str:
        made.append(1)
        at_work.set()
        assert go_on.wait(60)
        return f"page {len(made)}"

    with ThreadPoolExecutor(8) as pool:
        first = [pool.submit(cache.get, 1, "a", slowly) for _ in range(8)]
        assert at_work.wait(60)
        go_on.set()
        assert {one.result().content for one in first} == {b"page 1"}
        at_work.clear()
        go_on.clear()
        anew = pool.submit(cache.get, 2, "a", slowly)
        assert at_work.wait(60)
        assert cache.get(2, "a", slowly).content == b"page 1"
        go_on.set()
        assert anew.result().content == b"page 2"
    assert cache.get(2, "a", slowly).content == b"page 2"
    assert len(made) == 2


def test_a_page_that_cannot_be_made_is_tried_again_by_the_next() -> None:
    cache = PageCache()

    def fail() -> str:
        raise ValueError("gone")

    cache.get(1, "a", lambda: "page")
    for _ in range(2):
        with pytest.raises(ValueError, match="gone"):
            cache.get(2, "a", fail)
    assert cache.get(2, "a", lambda: "again").content == b"again"


def test_the_cache_forgets_the_longest_unused_when_it_is_full() -> None:
    cache = PageCache(limit_bytes=10_000)
    for number in range(100):
        cache.get(1, number, lambda number=number: f"{number}" + "-" * 500)  # type: ignore[misc]
    assert len(cache) < 30
    made = []
    cache.get(1, 99, lambda: made.append(1) or "")  # type: ignore[func-returns-value]
    assert not made


def test_of_a_large_answer_only_the_compressed_bytes_are_kept() -> None:
    large, small = Body.of("ü" * 5000), Body.of("ü")
    assert len(large) < 200
    assert large.content == ("ü" * 5000).encode()
    assert (small.packed, small.content) == (False, "ü".encode())


def test_a_value_is_read_once_a_generation_and_older_callers_get_the_newest() -> None:
    kept, read = Kept(limit=2), []

    def value() -> int:
        time.sleep(0.01)
        read.append(1)
        return len(read)

    with ThreadPoolExecutor(8) as pool:
        assert {one.result() for one in [pool.submit(kept.get, "a", 1, value) for _ in range(8)]} == {1}
    assert kept.get("a", 2, value) == 2
    assert kept.get("a", 1, value) == 2
    kept.get("b", 1, value)
    kept.get("c", 1, value)
    assert kept.get("a", 2, value) == 5  # it was the longest unused of three


def test_a_table_is_parsed_once_for_all_views_of_it_and_again_when_it_changed(
    board: Any,
    url: str,
    caller: Make,
    add_submitter: Make,
    make_package: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ann = add_submitter(board)
    ann.submit(make_package("First"))
    score_due(board)
    parsed = []
    parse = build.BoardTable.model_validate
    monkeypatch.setattr(build.BoardTable, "model_validate", lambda *given: parsed.append(1) or parse(*given))
    asked = caller(url)
    for path in ("/", "/?sort=f1", "/?sort=skill", "/?show=ranked", "/api/v1/tables/test/jaccard.json"):
        assert "First" in asked.get(path).text
    assert len(parsed) == 1
    ann.submit(make_package("Second"))
    score_due(board)
    assert "Second" in asked.get("/?show=every").text
    assert "Second" in asked.get("/api/v1/tables/test/jaccard.csv").text
    assert len(parsed) == 2


def test_whoever_asks_for_a_finished_page_waits_for_no_page_that_is_being_made(
    board: Any, url: str, caller: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bioreview_bench.leaderboard.web import router

    asked = caller(url)
    asked.get("/")
    go_on, make, answer = threading.Event(), router.board_page, Pages.answer
    arrived: list[object] = []

    def slowly(*given: Any) -> str:
        assert go_on.wait(60)
        return make(*given)

    async def noted(pages: Pages, request: Any, key: object, *given: Any) -> Any:
        arrived.append(key)
        return await answer(pages, request, key, *given)

    monkeypatch.setattr(router, "board_page", slowly)
    monkeypatch.setattr(Pages, "answer", noted)
    sorts = ("skill", "recall", "precision", "f1", "null_f1", "echo", "concerns", "coverage")
    paths = [
        f"/?sort={sort}&order={order}&weights={w}&q={word}"
        for sort in sorts
        for order in ("up", "down")
        for w in ("any", "open")
        for word in ("a", "b")
    ]  # more than a server has threads
    with ThreadPoolExecutor(len(paths) + 8) as pool:
        views = [pool.submit(caller(url).get, path) for path in [*paths, *paths[:8]]]
        while len(arrived) < len(views) and not any(one.done() for one in views):
            time.sleep(0.01)
        assert asked.get("/").status_code == 200
        assert asked.get("/api/v1/board").status_code == 200
        assert not any(one.done() for one in views)
        go_on.set()
        assert {one.result().status_code for one in views} == {200}


def test_what_programs_read_is_compressed_and_a_page_with_a_token_is_not(url: str, caller: Make) -> None:
    asked = caller(url)
    for path in ("/api/v1/openapi.json", "/api/docs"):
        plain = asked.get(path, headers={"Accept-Encoding": "identity"})
        packed = asked.get(path, headers={"Accept-Encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip", path
        assert "Accept-Encoding" in packed.headers["vary"]
        assert packed.text == plain.text
        assert "content-encoding" not in plain.headers
    assert "content-encoding" not in asked.get("/healthz").headers
    page = asked.get("/login", headers={"Accept-Encoding": "gzip"})
    assert 'name="csrf"' in page.text
    assert "content-encoding" not in page.headers
