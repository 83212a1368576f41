"""Workers share the cores that torch may use, and leave everybody else's threads alone."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Barrier, Thread
from typing import Any

import pytest

from bioreview_bench.encoders import packed_bert
from bioreview_bench.encoders.packed_bert import WorkerPool


@pytest.fixture
def torch() -> Iterator[Any]:
    import torch

    before = torch.get_num_threads()
    yield torch
    torch.set_num_threads(before)


@pytest.mark.parametrize(("cores", "n", "each"), [(1, 1, 1), (2, 2, 1), (4, 4, 1), (5, 4, 1), (8, 4, 2), (13, 4, 3)])
def test_every_worker_has_its_share_of_the_cores(
    torch: Any, cores: int, n: int, each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_bert, "_MOST", 4)
    torch.set_num_threads(cores)
    made = WorkerPool()
    assert made.n == n
    met = Barrier(n)

    def threads() -> int:
        met.wait(60)  # all workers at once, or never
        return int(torch.get_num_threads())

    assert [future.result() for future in [made.submit(threads) for _ in range(n)]] == [each] * n


def test_other_threads_keep_theirs(torch: Any) -> None:
    torch.set_num_threads(3)
    WorkerPool()
    found = [torch.get_num_threads()]
    later = Thread(target=lambda: found.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert found == [3, 3]


def test_what_fails_in_a_lane_is_raised_where_it_is_asked_for(torch: Any) -> None:
    torch.set_num_threads(2)
    future = WorkerPool().submit(lambda: [][1])
    with pytest.raises(IndexError):
        future.result()
