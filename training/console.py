"""How a training run speaks: lines and progress, from its first process alone."""

from __future__ import annotations

import os

from bioreview_bench.cli.options import Messages
from bioreview_bench.cli.progress import ProgressBar


class Console(Messages):
    """A run's lines and progress on stderr; silent when quiet, and in every process but the first."""

    def __init__(self, quiet: bool) -> None:
        super().__init__(quiet or not is_first_process())
        self._bars: dict[str, ProgressBar] = {}

    def progress(self, what: str, done: int, of: int) -> None:
        """`done` of the examples called `what` are validated."""
        if what not in self._bars:
            self._bars[what] = ProgressBar(f"Validating {what}", of, self._quiet)
        self._bars[what].show(done)
        if done == of:
            self._bars[what].stop()

    def close(self) -> None:
        """Remove bars of what was cut off."""
        for bar in self._bars.values():
            bar.stop()


def is_first_process() -> bool:
    """True in the process that writes and reports; others only compute."""
    return os.environ.get("RANK", "0") == "0"
