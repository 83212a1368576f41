"""huey's consumer with one thread, ended by SIGTERM and SIGINT alike: the work at hand is finished or given back."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any, Final

from huey.consumer import Consumer

from .queue import Queue

_POLL_SECONDS: Final = 0.5


class Ending:
    """Whether the worker should end, and the error that made it, if one did."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.error: BaseException | None = None

    def is_set(self) -> bool:
        """True when the worker should end."""
        return self._event.is_set()

    def set(self) -> None:
        """End the worker."""
        self._event.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the worker should end, or for `timeout` seconds; True when it should."""
        return self._event.wait(timeout)

    def guarded(self, work: Callable[[], object]) -> Callable[[], None]:
        """`work`, whose errors end the worker instead of being logged and forgotten."""

        def run() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 (run_worker raises it)
                self.error = self.error or error
                self.set()

        return run


def consumer_of(queue: Queue, ending: Ending) -> _OneThread:
    """The consumer of a queue. `ending` becomes its stop flag."""
    return _OneThread(queue, ending)


class _OneThread(Consumer):  # type: ignore[misc]
    def __init__(self, queue: Queue, ending: Ending) -> None:
        self._ending = ending
        super().__init__(
            queue.huey,
            workers=1,
            periodic=False,
            initial_delay=0.05,
            max_delay=_POLL_SECONDS,
            worker_type="thread",
            graceful_signal="TERM",
        )
        self._signal_actions = {signal.SIGTERM: (False, True), signal.SIGINT: (False, True)}

    def get_environment(self, worker_type: str) -> Any:
        environment = super().get_environment(worker_type)
        environment.get_stop_flag = lambda: self._ending
        return environment
