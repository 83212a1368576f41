"""Prefetching changes nothing but when: order, errors and the end are the iterator's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from bioreview_bench.files.prefetch import prefetch
from bioreview_bench.stats.uncertainty import drawing, family_weights, intervals


@pytest.mark.parametrize("depth", [1, 3, 50])
def test_items_come_in_order_and_all_of_them(depth: int) -> None:
    with prefetch(iter(range(20)), depth) as items:
        assert list(items) == list(range(20))
    with prefetch(iter(()), depth) as nothing:
        assert list(nothing) == []


def test_no_more_than_depth_items_are_made_before_they_are_wanted() -> None:
    made = threading.Semaphore(0)
    count = 0

    def numbers() -> Iterator[int]:
        nonlocal count
        for number in range(100):
            count += 1
            made.release()
            yield number

    with prefetch(numbers(), 3) as items:
        for _ in range(3):
            assert made.acquire(timeout=60)
        assert not made.acquire(timeout=0.2)
        assert next(items) == 0
        assert made.acquire(timeout=60)
    assert count == 4, "leaving ends the work"


def test_an_error_is_raised_where_its_item_is_asked_for() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise KeyError("second")

    with prefetch(failing(), 2) as items:
        assert next(items) == 1
        with pytest.raises(KeyError, match="second"):
            next(items)


def test_weights_drawn_ahead_are_the_same_and_give_the_same_intervals() -> None:
    rng = np.random.default_rng(0)
    ids = [f"elife:{number:03d}" for number in range(60)]
    families = [f"f{number // 2}" for number in range(60)]
    columns = {name: rng.integers(1, 9, 60).astype(float) for name in ("R", "P", "M")}

    def recall(sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"recall": sums["M"] / sums["R"]}

    with drawing(ids, families, 500, 42) as weights:
        drawn = list(weights)
    np.testing.assert_array_equal(np.concatenate(drawn), np.concatenate(list(family_weights(30, 500, 42))))
    with drawing(ids, families, 500, 42) as weights:
        early = intervals(columns, ids, families, recall, 500, 42, weights=weights)  # type: ignore[arg-type]
    assert early == intervals(columns, ids, families, recall, 500, 42)  # type: ignore[arg-type]


@pytest.mark.parametrize(("families", "draws"), [(["a", "a"], 100), (["a", "b"], 0), ([], 100)])
def test_where_there_is_no_interval_nothing_is_drawn(families: list[str], draws: int) -> None:
    with drawing([f"id{number}" for number in range(len(families))], families, draws, 42) as weights:
        assert list(weights) == []
