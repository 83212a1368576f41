"""Values that were read from a database and are costly to read again, such as parsed tables. For many threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any


class Kept:
    """Of every key the value of its newest generation; beyond `limit` keys the longest unused go first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[int, Any]] = OrderedDict()

    def get(self, key: Hashable, generation: int, read: Callable[[], Any]) -> Any:
        """The value of `key` in a generation, read by one thread while the others wait for it.

        What was read last stays for callers that saw an older generation: they would read the same.
        """
        with self._lock:
            kept = self._values.pop(key, None)
            if kept is None or kept[0] < generation:
                kept = (generation, read())
            self._values[key] = kept
            while len(self._values) > self._limit:
                self._values.popitem(last=False)
            return kept[1]
