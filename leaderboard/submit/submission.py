"""What is to be submitted, and following what becomes of it; the same for every kind of target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..intake.validation import check_files
from ..settings import Limits
from ..store.settings import BoardSplit
from ..store.status import SubmissionStatus
from ..store.submissions import Package

if TYPE_CHECKING:
    from bioreview_bench.cli.options import Messages


@dataclass(frozen=True)
class Sending:
    """What is to be submitted; with `dry_run`, only checked."""

    predictions: Path
    card: Path
    run: Path | None
    split: str
    marked: bool
    dry_run: bool
    trial: bool = False

    def checked(self, split: BoardSplit, limits: Limits) -> Package:
        """By the board's rules. Raises InputError with all problems of all files."""
        package, _ = check_files(self.predictions, self.card, self.run, split, limits)
        return package


class Board(Protocol):
    """A board that was submitted to: one that runs elsewhere, or a database of this machine."""

    def states(self, submission: str) -> Iterator[SubmissionStatus]:
        """Every new state, until nothing more will happen."""

    def status(self, submission: str) -> SubmissionStatus:
        """Show the state of a submission."""

    def mark(self, submission: str) -> SubmissionStatus:
        """Name a submission, not yet scored, as the one to rank."""

    def withdraw(self, submission: str) -> SubmissionStatus:
        """Take a submission back."""


def follow(board: Board, submission: str, messages: Messages) -> SubmissionStatus:
    """Say each new state; returns the last."""
    for status in board.states(submission):
        messages.say(f"  {status.state}: {status.meaning}")
    return status
