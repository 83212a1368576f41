"""`bench submit status`, `mark` and `withdraw`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options

from .submit import plain_http_option, show, to_option, token_option

if TYPE_CHECKING:
    from ..submit.submission import Board


@dataclass(frozen=True)
class _Question:
    to: str | None
    token_file: Path | None
    plain_http: bool
    form: str
    messages: options.Messages


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of all three, gathered into one value."""

    def run(to: str | None, token_file: Path | None, plain_http: bool, form: str, quiet: bool, **others: Any) -> None:
        command(_Question(to, token_file, plain_http, form, options.Messages(quiet)), **others)

    run.__doc__, run.__name__ = command.__doc__, command.__name__
    found: Callable[..., Any] = run
    for add in (
        options.quiet_option,
        options.format_option("text", "json"),
        plain_http_option,
        token_option,
        to_option,
    ):
        found = add(found)
    return click.argument("submission", metavar="ID")(found)


@click.command()
@click.option("--wait", is_flag=True, help="Wait until it is scored; a local board is scored now.")
@_common
def status(asked: _Question, submission: str, wait: bool) -> None:
    """Where the submission ID stands: its states with time and reason, its problems, its figures.

    \b
    Examples:
      bench submit status s_0123456789abcdef --to https://board.example.org --wait
      bench submit status s_0123456789abcdef --format json

    \b
    Exit codes: 0 done, 2 rejected or bad usage, 5 the board refused or could not score.
    """
    from ..submit.submission import follow

    with _opened(asked) as board:
        found = follow(board, submission, asked.messages) if wait else board.status(submission)
    show(found, asked.form, asked.messages)


@click.command()
@_common
def mark(asked: _Question, submission: str) -> None:
    """Make the submission ID the one of its team that ranks. Only before it is scored, and only once.

    \b
    Example:
      bench submit mark s_0123456789abcdef --to https://board.example.org

    \b
    Exit codes: 0 done, 2 bad usage, 5 the board refused.
    """
    with _opened(asked) as board:
        found = board.mark(submission)
    show(found, asked.form, asked.messages)


@click.command()
@_common
def withdraw(asked: _Question, submission: str) -> None:
    """Take the submission ID back. It leaves the table; that it was made still counts.

    \b
    Example:
      bench submit withdraw s_0123456789abcdef --to https://board.example.org

    \b
    Exit codes: 0 done, 2 bad usage, 5 the board refused.
    """
    with _opened(asked) as board:
        found = board.withdraw(submission)
    show(found, asked.form, asked.messages)


@contextmanager
def _opened(asked: _Question) -> Iterator[Board]:
    from bioreview_bench.errors import InputError

    from ..submit.targets import OnHub, RunningBoard, parse_target

    target = parse_target(asked.to)
    if isinstance(target, OnHub):
        raise InputError(
            "What became of a pull request is on its page on the Hub.", remedy="--to the board that syncs from there"
        )
    if isinstance(target, RunningBoard):
        from ..submit.client import BoardClient, read_token

        token = read_token(asked.token_file)
        with BoardClient(target.url, token, plain_http=asked.plain_http, on_retry=asked.messages.say) as client:
            yield client
    else:
        from ..submit.local_target import existing

        with existing(target.where, asked.messages) as board:
            yield board
