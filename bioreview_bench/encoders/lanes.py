"""Batches side by side: each core of a CPU computes one of its own, and none waits for its share of a product."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")

# More might wait for the interpreter's lock. A guess: it was measured on two cores only.
_MOST = 8


class Lanes:
    """Threads that share the cores torch may use, so that a product in one of them has its share of threads."""

    def __init__(self) -> None:
        import torch

        cores = torch.get_num_threads()
        self.n = min(cores, _MOST)
        started = Barrier(self.n)

        def begin() -> None:
            torch.get_num_threads()  # the first question in a thread sets its number, and would undo the next line
            torch.set_num_threads(cores // self.n)
            started.wait()

        self._pool = ThreadPoolExecutor(self.n, "encoding", begin)
        for lane in [self._pool.submit(started.wait) for _ in range(self.n)]:
            lane.result()
        torch.set_num_threads(cores)  # threads to come start with what was set last, in whichever thread

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Do it in the next free lane."""
        return self._pool.submit(work)
