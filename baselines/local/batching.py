"""From calls that arrive one by one to batches of bounded size, inside an event loop.

A reviewer in this process answers many papers at once faster than one after the other; the engine knows nothing of
that and simply has several reviews in flight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Q = TypeVar("Q")
R = TypeVar("R")
_GATHERING = 0.02  # seconds to wait for calls that are begun together


class Batcher(Generic[Q, R]):
    """Collects questions, and answers them by `work`, one batch at a time, in a thread of its own.

    A batch is the oldest question and those nearest to it in length, as many as keep (number x longest) within
    `most`; a question that is longer than `most` by itself goes alone. An error of `work` is everybody's in its batch.
    """

    def __init__(self, work: Callable[[Sequence[Q]], Sequence[R]], length: Callable[[Q], int], most: int) -> None:
        self._work, self._length, self._most = work, length, most
        self._waiting: list[tuple[Q, asyncio.Future[R]]] = []
        self._loop_task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "reviews")

    async def ask(self, question: Q) -> R:
        """The answer to one question."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._loop_task is None or self._loop_task.done():
            self._loop_task = asyncio.create_task(self._run())
        return await answer

    async def close(self) -> None:
        """Stop; a batch at work is waited for."""
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(_GATHERING)
            batch = self._take()
            if not batch:
                continue
            try:
                found = await loop.run_in_executor(self._thread, self._work, [question for question, _ in batch])
            except Exception as error:  # noqa: BLE001 - handed to whoever asked
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_, answer), result in zip(batch, found, strict=True):
                if not answer.done():
                    answer.set_result(result)

    def _take(self) -> list[tuple[Q, asyncio.Future[R]]]:
        self._waiting = [pair for pair in self._waiting if not pair[1].done()]  # those who gave up
        if not self._waiting:
            return []
        size = self._length(self._waiting[0][0])
        nearest = sorted(self._waiting, key=lambda pair: abs(self._length(pair[0]) - size))
        # The oldest is nearest to itself, and sorting keeps the order of arrival among equals.
        batch: list[tuple[Q, asyncio.Future[R]]] = []
        longest = 0
        for pair in nearest:
            longest = max(longest, self._length(pair[0]))
            if batch and (len(batch) + 1) * longest > self._most:
                break
            batch.append(pair)
        taken = {id(answer) for _, answer in batch}
        self._waiting = [pair for pair in self._waiting if id(pair[1]) not in taken]
        return batch
