"""Prefetching: an iterator's next items are made in a thread while the one before is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@contextmanager
def prefetch(items: Iterator[T], depth: int) -> Iterator[Iterator[T]]:
    """`items` in the same order, at most `depth` of them made before they are asked for.

    It pays where making them releases the interpreter's lock (numpy, tokenizers, torch). What making one raises is
    raised where that one is asked for. Leaving the block ends the work after the item at hand.
    """
    end: Any = object()
    with ThreadPoolExecutor(max_workers=1) as worker:
        pending = deque(worker.submit(next, items, end) for _ in range(depth))

        def taken() -> Iterator[T]:
            while (item := pending.popleft().result()) is not end:
                pending.append(worker.submit(next, items, end))
                yield item

        try:
            yield taken()
        finally:
            for future in pending:
                future.cancel()
