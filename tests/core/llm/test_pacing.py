"""The gate of the call engine, and the wait before another attempt."""

from __future__ import annotations

import asyncio
import random

import pytest

from bioreview_bench.llm.calls.pacing import Backoff, Pace


def test_the_pace_halves_once_for_refusals_that_went_in_together_and_grows_back() -> None:
    async def script() -> None:
        pace = Pace(8)
        epochs = [await pace.enter() for _ in range(8)]
        for epoch in epochs:
            pace.rate_limited(epoch, None)
            pace.leave()
        assert pace.limit == 4
        inside = [await pace.enter() for _ in range(4)]
        waiting = asyncio.create_task(pace.enter())
        await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()
        late = asyncio.create_task(pace.enter())
        await asyncio.sleep(0)
        pace.leave()
        assert await late == inside[0] == 1  # a cancelled waiter does not keep the place
        for _ in range(5):
            pace.succeeded()
        assert int(pace.limit) == 5  # about one more place a round
        for _ in range(100):
            pace.succeeded()
        assert pace.limit == 8
        for epoch in range(1, 10):
            pace.rate_limited(epoch, None)
        assert pace.limit == 1

    asyncio.run(script())


def test_the_back_off_is_a_uniform_draw_below_a_doubling_bound() -> None:
    random.seed(1)
    backoff = Backoff(base=1.0, cap=60.0)
    for n_failed, bound in [(1, 1.0), (2, 2.0), (4, 8.0), (20, 60.0), (5000, 60.0)]:
        drawn = [backoff.wait(n_failed, None) for _ in range(2000)]
        assert max(drawn) <= bound
        assert sum(drawn) / 2000 == pytest.approx(bound / 2, rel=0.06)
    assert min(backoff.wait(3, 10.0) for _ in range(200)) >= 10.0
