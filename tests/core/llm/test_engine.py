"""The call engine: what is retried, how fast, when it stops, and that finished rows stay."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import InputError, RemoteError, WriteError
from bioreview_bench.llm.calls.engine import run
from bioreview_bench.llm.calls.pacing import Backoff
from bioreview_bench.llm.calls.watching import Progress, Summary, Watcher
from bioreview_bench.llm.review import GiveUp, Review, TryAgain, Usage
from bioreview_bench.llm.run.store import RunStore

FAST = Backoff(base=0.001, cap=0.002)
GOOD = Review(concerns=({"text": "No control group."},), usage=Usage(10, 5, 0.10))


def manuscript(number: int) -> Manuscript:
    return Manuscript(f"elife:{number}", "Title", "Abstract.", {}, (), "eLife")


def papers(n: int) -> list[Manuscript]:
    return [manuscript(number) for number in range(n)]


class Scripted:
    """Answers by a function of (article id, how often it was asked for)."""

    name = "scripted"

    def __init__(self, answer: Callable[[str, int], Any], latency: float = 0.0) -> None:
        self.answer, self.latency = answer, latency
        self.asked: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0
        self.closed = False

    def describe(self) -> dict[str, Any]:
        return {"model": self.name}

    async def review(self, manuscript: Manuscript) -> Review:
        self.asked[manuscript.id] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.latency)
            outcome = self.answer(manuscript.id, self.asked[manuscript.id])
            if isinstance(outcome, Exception):
                raise outcome
            assert isinstance(outcome, Review)
            return outcome
        finally:
            self.at_once -= 1

    async def close(self) -> None:
        self.closed = True


class Priced(Scripted):
    cost: float | None = 0.30

    def estimate(self, manuscript: Manuscript) -> Usage:
        return Usage(10, 100, self.cost)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    with RunStore.open(tmp_path / "run", name="s", reviewer={}, split="demo/test", fingerprint="f") as opened:
        yield opened


def go(reviewer: Scripted, what: Any, store: RunStore, **settings: Any) -> Summary:
    return asyncio.run(run(reviewer, what, store, **{"backoff": FAST, **settings}))


def rows(store: RunStore) -> dict[str, dict[str, Any]]:
    path = store.folder / "predictions.jsonl"
    found = [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
    assert len({row["article_id"] for row in found}) == len(found)
    return {row["article_id"]: row for row in found}


def test_every_article_gets_a_row_and_a_second_run_asks_nothing(store: RunStore) -> None:
    seen: list[Progress] = []
    watcher = Watcher()
    watcher.show = seen.append  # type: ignore[method-assign]
    reviewer = Scripted(lambda *_: GOOD, latency=0.02)
    summary = go(reviewer, papers(30), store, concurrency=4, watcher=watcher)
    assert (summary.done, summary.skipped, summary.n_failed, summary.stopped) == (30, 0, 0, None)
    assert len(rows(store)) == 30
    assert reviewer.most_at_once == 4
    assert reviewer.closed
    assert [progress.done for progress in seen] == list(range(31))
    assert seen[-1].cost_usd == pytest.approx(3.0)
    again = Scripted(lambda *_: GOOD)
    assert go(again, papers(31), store).skipped == 30
    assert dict(again.asked) == {"elife:30": 1}
    assert store.manifest["state"] == "finished"


def test_an_article_named_twice_is_asked_for_once(store: RunStore) -> None:
    reviewer = Scripted(lambda *_: GOOD, latency=0.01)
    assert go(reviewer, [*papers(2), *papers(2)], store).skipped == 2
    assert set(reviewer.asked.values()) == {1}


def test_a_lazy_list_of_papers_is_read_no_further_than_needed(store: RunStore) -> None:
    alive = [0, 0]  # now, most

    class Counted(Manuscript):
        def __del__(self) -> None:
            alive[0] -= 1

    def lazily() -> Iterator[Manuscript]:
        for number in range(200):
            alive[0] += 1
            alive[1] = max(alive)
            yield Counted(f"elife:{number}", "", "", {}, (), "eLife")

    go(Scripted(lambda *_: GOOD, latency=0.001), lazily(), store, concurrency=4)
    assert len(store) == 200
    assert alive[1] <= 4 + 3


def test_what_may_pass_is_tried_again_up_to_the_limit_and_its_tokens_count(store: RunStore) -> None:
    def answer(name: str, n: int) -> Any:
        if name == "elife:0":
            return GOOD if n == 3 else TryAgain("500", usage=Usage(10, 0, 0.01))
        return TryAgain("503 again", usage=Usage(10, 0, 0.01)) if name == "elife:1" else GOOD

    reviewer = Scripted(answer)
    summary = go(reviewer, papers(3), store, attempts=4)
    assert dict(reviewer.asked) == {"elife:0": 3, "elife:1": 4, "elife:2": 1}
    found = rows(store)
    assert (found["elife:0"]["status"], found["elife:0"]["attempts"]) == ("ok", 3)
    assert found["elife:0"]["usage"] == {"input_tokens": 30, "output_tokens": 5, "cost_usd": pytest.approx(0.12)}
    assert (found["elife:1"]["status"], found["elife:1"]["concerns"]) == ("error", [])
    assert found["elife:1"]["detail"] == "4 attempts, the last: 503 again"
    assert summary.retries == 5
    with pytest.raises(RemoteError, match=r"1 of 3 articles failed[\s\S]*bench baseline retry") as caught:
        summary.require_answers(store)
    assert caught.value.exit_code == 5


def test_a_fault_of_the_program_ends_the_run_and_keeps_the_rows(store: RunStore) -> None:
    reviewer = Scripted(lambda name, _: KeyError("bug") if name == "elife:5" else GOOD)
    with pytest.raises(KeyError):
        go(reviewer, papers(100), store, concurrency=2)
    assert 4 <= len(rows(store)) < 100
    assert reviewer.closed


def test_an_attempt_that_takes_too_long_is_cut_and_tried_again(store: RunStore) -> None:
    class Slow(Scripted):
        async def review(self, manuscript: Manuscript) -> Review:
            self.asked[manuscript.id] += 1
            await asyncio.sleep(60 if self.asked[manuscript.id] == 1 or manuscript.id == "elife:1" else 0)
            return GOOD

    started = time.monotonic()
    go(Slow(lambda *_: GOOD), papers(2), store, timeout=0.05, attempts=2)
    assert time.monotonic() - started < 50
    assert rows(store)["elife:0"]["status"] == "ok"
    assert "no answer within 0.05 s" in rows(store)["elife:1"]["detail"]


def test_the_wait_that_the_server_names_is_kept_by_everybody(store: RunStore) -> None:
    times: list[float] = []

    def answer(name: str, n: int) -> Any:
        times.append(time.monotonic())
        return TryAgain("429", 0.3, rate_limited=True) if len(times) == 1 else GOOD

    go(Scripted(answer), papers(6), store, concurrency=1)
    assert times[1] - times[0] >= 0.3


def test_a_wait_of_hours_stops_the_run(store: RunStore) -> None:
    reviewer = Scripted(lambda *_: TryAgain("429", 7200.0, rate_limited=True))
    with pytest.raises(RemoteError, match="asks to wait 7200 s"):
        go(reviewer, papers(5), store)
    assert len(store) == 0


def test_a_service_that_bears_four_at_once_is_called_four_at_once(store: RunStore) -> None:
    class Narrow(Scripted):
        async def review(self, manuscript: Manuscript) -> Review:
            if self.at_once >= 4:
                self.asked["refused"] += 1
                raise TryAgain("429", rate_limited=True)
            return await super().review(manuscript)

    reviewer = Narrow(lambda *_: GOOD, latency=0.01)
    go(reviewer, papers(120), store, concurrency=32, attempts=50, backoff=Backoff(0.01, 0.05))
    assert store.totals.by_status == {"ok": 120}
    assert reviewer.asked["refused"] < 120


def test_giving_up_stops_lets_calls_in_flight_finish_and_says_how_many_rows_are_kept(store: RunStore) -> None:
    class Mixed(Scripted):
        async def review(self, manuscript: Manuscript) -> Review:
            self.asked[manuscript.id] += 1
            if manuscript.id == "elife:2":
                raise TryAgain("503")
            if manuscript.id == "elife:3":
                refused.set()
                raise GiveUp("The quota is exhausted.")
            await refused.wait()
            await asyncio.sleep(0.05)
            return GOOD

    refused = asyncio.Event()

    reviewer = Mixed(lambda *_: GOOD)
    with pytest.raises(RemoteError) as caught:
        go(reviewer, papers(100), store, concurrency=4, backoff=Backoff(60, 60), next_command="bench baseline again")
    assert caught.value.exit_code == 5
    assert "The quota is exhausted." in str(caught.value)
    assert "2 of 100 rows" in str(caught.value)
    assert "Next: fix that; then bench baseline again" in str(caught.value)
    assert set(rows(store)) == {"elife:0", "elife:1"}
    assert set(reviewer.asked) == {"elife:0", "elife:1", "elife:2", "elife:3"}
    assert reviewer.closed


def test_a_server_that_never_answers_is_one_message_and_no_row(store: RunStore) -> None:
    reviewer = Scripted(lambda *_: TryAgain("connection refused", unreachable=True))
    with pytest.raises(RemoteError, match="No server answers: connection refused"):
        go(reviewer, papers(50), store, attempts=3)
    assert len(store) == 0


def test_an_outage_stops_the_run_before_it_makes_a_thousand_error_rows(store: RunStore) -> None:
    reviewer = Scripted(lambda name, _: GOOD if int(name[6:]) < 10 else TryAgain("502"))
    with pytest.raises(RemoteError, match="20 articles in a row failed"):
        go(reviewer, papers(1000), store, attempts=2)
    assert store.totals.by_status["ok"] == 10
    assert 20 <= store.totals.by_status["error"] <= 28


def test_the_limit_on_cost_is_never_exceeded_and_the_budget_is_used(store: RunStore) -> None:
    reviewer = Priced(lambda *_: GOOD, latency=0.002)  # costs 0.10, may cost 0.30
    summary = go(reviewer, papers(50), store, concurrency=8, max_cost=1.05)
    assert summary.stopped is not None
    assert summary.done == 8  # 0.80 spent; a ninth might cost 0.30
    assert store.totals.cost_usd == pytest.approx(0.80)
    assert go(Priced(lambda *_: GOOD), papers(50), store, max_cost=1.05).done == 0
    assert go(Priced(lambda *_: GOOD), papers(50), store, max_cost=1.25).done == 2


def test_the_limit_on_cost_counts_what_superseded_rows_cost(store: RunStore) -> None:
    def failing(*_: Any) -> Any:
        return Review(status="parse_failed", usage=Usage(1, 1, 0.10))

    assert go(Priced(failing), papers(4), store, max_cost=10).done == 4
    store.drop()
    assert go(Priced(lambda *_: GOOD), papers(4), store, max_cost=0.75).done == 1


def test_an_answer_that_does_not_state_its_cost_is_counted_at_its_estimate(store: RunStore) -> None:
    unstated = Review(concerns=({"text": "x"},))
    assert go(Priced(lambda *_: unstated), papers(50), store, max_cost=1.0, concurrency=1).done == 3
    assert store.totals.as_dict()["cost_usd"] is None


def test_a_limit_on_cost_without_prices_is_refused_before_anything_is_sent(store: RunStore) -> None:
    for reviewer in (Scripted(lambda *_: GOOD), Priced(lambda *_: GOOD)):
        if isinstance(reviewer, Priced):
            reviewer.cost = None
        with pytest.raises(InputError, match=r"--max-cost[\s\S]*--prices"):
            go(reviewer, papers(3), store, max_cost=5.0)
        assert not reviewer.asked


def test_a_disk_that_is_full_stops_the_calls(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    reviewer = Scripted(lambda *_: GOOD, latency=0.001)
    append = store.append

    def full(*given: Any, **named: Any) -> None:
        if len(store) == 5:
            raise WriteError("Cannot write: the disk is full.")
        append(*given, **named)

    monkeypatch.setattr(store, "append", full)
    with pytest.raises(WriteError):
        go(reviewer, papers(100), store, concurrency=2)
    assert sum(reviewer.asked.values()) <= 8


def test_every_row_is_synced_and_a_disk_that_cannot_stops_the_calls(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(store, "sync", lambda: (time.sleep(0.05), synced.append(len(store))))
    go(Scripted(lambda *_: GOOD, latency=0.001), papers(200), store, concurrency=20)
    assert synced[-1] == 200
    assert 2 <= len(synced) < 100  # those that come during one share the next

    def broken() -> None:
        raise WriteError("Cannot write: broken.")

    monkeypatch.setattr(store, "sync", broken)
    reviewer = Scripted(lambda *_: GOOD, latency=0.01)
    with pytest.raises(WriteError):
        go(reviewer, (manuscript(number) for number in range(200, 10_000)), store)
    assert sum(reviewer.asked.values()) < 1000
