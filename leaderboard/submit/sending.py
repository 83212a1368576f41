"""Submitting to each kind of target, after the same checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bioreview_bench.errors import InputError, printable

from ..intake.package import CARD, PREDICTIONS, RUN, Package
from ..intake.validation import Validated, check_files
from ..settings import Limits
from .tokens import read_token

if TYPE_CHECKING:
    from bioreview_bench.cli.options import Messages

    from ..store.api import SplitFacts, SubmissionStatus


@dataclass(frozen=True)
class Sending:
    """What is to be submitted; with `dry_run`, only checked."""

    predictions: Path
    card: Path
    run: Path | None
    split: str
    marked: bool
    dry_run: bool

    def checked(self, split: SplitFacts, limits: Limits) -> tuple[Package, Validated]:
        """By the board's rules. Raises InputError with all problems of all files."""
        return check_files(self.predictions, self.card, self.run, split, limits)


def to_running(
    url: str, asked: Sending, token_file: Path | None, messages: Messages, *, wait: bool, plain_http: bool
) -> SubmissionStatus | None:
    """To a running board. Raises InputError (checks, rejection), RemoteError (the board refuses or is away)."""
    from .client import BoardClient

    token = None if asked.dry_run else read_token(token_file)
    with BoardClient(url, token, plain_http=plain_http, on_retry=messages.say) as client:
        board = client.board()
        named = [split.name for split in board.splits]
        split = asked.split
        if split not in named:
            raise InputError(
                f"{client.url} has no split {printable(split)}.", remedy=f"--split {' or '.join(map(printable, named))}"
            )
        asked.checked(client.split(split), board.limits)
        if asked.dry_run:
            return None
        taken = client.submit(asked.predictions, asked.card, asked.run, split, marked=asked.marked)
        messages.say(f"{taken.id} {'is taken in' if taken.created else 'was taken in before; nothing was added'}.")
        ask = f"bench submit status {taken.id} --to {client.url}"
        if not wait:
            messages.say(f"Next: {ask}")
            return client.status(taken.id)
        try:
            return client.wait(taken.id, progress(messages))
        except KeyboardInterrupt:
            messages.say(f"The board goes on without you. Next: {ask}")
            raise


def to_hub(repo: str, asked: Sending, data: str) -> str | None:
    """To a repository on the Hub; the pull request's address. Raises InputError, DataError, RemoteError."""
    from bioreview_bench.data.load import load_split

    from ..boards import facts_of
    from .hub_target import Ticket, propose

    package, _ = asked.checked(facts_of(load_split(data, asked.split)), Limits())
    if asked.dry_run:
        return None
    files = {PREDICTIONS: asked.predictions, CARD: asked.card, **({RUN: asked.run} if asked.run else {})}
    return propose(repo, package, files, Ticket(asked.split, asked.marked))


def to_local(
    where: str, asked: Sending, data: str | None, contracts: tuple[str, ...], messages: Messages
) -> SubmissionStatus | None:
    """To a board's database on this machine, scored here and now. Raises any BenchError."""
    from .local_target import submit

    return submit(where, asked, data, contracts, messages)


def progress(messages: Messages) -> Callable[[SubmissionStatus], None]:
    """Says each new state."""
    return lambda status: messages.say(f"  {status.state}: {status.meaning}")
