"""`bench submit`: send predictions and a card to a board, and ask about their state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from bioreview_bench.cli import inputs, options
from bioreview_bench.cli.lazy import LazyGroup, UnnamedCommand
from bioreview_bench.errors import InputError, Needs, Problem, RemoteError, printable
from bioreview_bench.files.settings import value_of
from bioreview_bench.results.run_manifest import MANIFEST, run_of

from .options import require_leaderboard

if TYPE_CHECKING:
    from bioreview_bench.report.blocks import Block

    from ..store.shown import Figure
    from ..store.status import SubmissionStatus
    from ..submit.submission import Board

_HERE = "bioreview_bench.leaderboard.cli."
_COMMANDS = {
    "init": (_HERE + "submit_init:init", "Write a card to fill in, started from run.json."),
    "status": (_HERE + "submit:status", "Show the state of a submission."),
    "mark": (_HERE + "submit:mark", "Name a submission, not yet scored, as the one to rank."),
    "withdraw": (_HERE + "submit:withdraw", "Take a submission back."),
}
_SEND = "send"
_DEFAULT_BOARD = "board.sqlite"


class _SubmitGroup(LazyGroup):
    """Without one of the subcommands' names in front, arguments are those of sending."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Sending is not listed: it is what the group itself does."""
        return send if cmd_name == _SEND else super().get_command(ctx, cmd_name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Also what begins with an option is sent."""
        return super().parse_args(ctx, self._completed(args))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The same for whoever asks what a command is without parsing it here."""
        return super().resolve_command(ctx, self._completed(args))

    def _completed(self, args: list[str]) -> list[str]:
        """The hidden command's name in front of what names none."""
        return [_SEND, *args] if args and args[0] not in (*self.table, _SEND, "-h", "--help") else args

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help of sending, and the other commands."""
        with click.Context(send, info_name=ctx.info_name, parent=ctx.parent) as own:
            send.format_help(own, formatter)
        self.format_commands(ctx, formatter)


@click.group(
    cls=_SubmitGroup,
    table=_COMMANDS,
    before=require_leaderboard,
    no_args_is_help=True,
    short_help="Submit predictions to a board; ask about their state.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def submit() -> None:
    """Submit predictions."""


to_option = click.option(
    "--to",
    metavar="URL|FILE|hf://...",
    help="A running board, a board's database, or hf://datasets/OWNER/NAME. Default: bench config get board, else "
    "board.sqlite in this folder, created if it does not exist.",
)
token_option = click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Holds the token of a running board, mode 600. Default: the variable BIOREVIEW_TOKEN.",
)
plain_http_option = click.option(
    "--plain-http", is_flag=True, help="Send the token unencrypted to another machine, in a network that you trust."
)


@click.command(_SEND, cls=UnnamedCommand, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("predictions")
@click.option(
    "--card",
    type=click.Path(path_type=Path),
    metavar="card.yaml",
    help="What the system is. Default: card.yaml next to the predictions, created if it does not exist.",
)
@click.option(
    "--run",
    "run_file",
    type=click.Path(path_type=Path),
    metavar="run.json",
    help="The run's manifest. Default: run.json next to the predictions, if there is one.",
)
@click.option("--no-run", is_flag=True, help="Leave run.json out.")
@options.split_option
@to_option
@click.option("--mark", "marked", is_flag=True, help="This is the one to rank among the team's submissions.")
@click.option("--trial", is_flag=True, help="Scored for your team only: it is in no table and never ranks.")
@click.option("--wait", is_flag=True, help="Wait until it is scored, and show its figures.")
@click.option("--dry-run", is_flag=True, help="Check everything as the board will, and send nothing.")
@token_option
@plain_http_option
@click.option(
    "--data",
    metavar="DATA",
    help="As for bench evaluate; for a board that is made now, and for hf://. Default: bench config get data, else v3.",
)
@click.option(
    "--contract",
    "contracts",
    multiple=True,
    metavar="NAME|FILE",
    help="For a board that is made now; may be repeated. A calibrated one ranks, else the first. "
    f"Default: {options.DEFAULT_CONTRACT}.",
)
@options.format_option("text", "json")
@options.quiet_option
@options.all_option
def send(
    predictions: str,
    card: Path | None,
    run_file: Path | None,
    no_run: bool,
    split: str,
    to: str | None,
    marked: bool,
    trial: bool,
    wait: bool,
    dry_run: bool,
    token_file: Path | None,
    plain_http: bool,
    data: str | None,
    contracts: tuple[str, ...],
    form: str,
    quiet: bool,
) -> None:
    """Check PREDICTIONS (a file, a run's folder, or demo:NAME) and the card by the board's rules, and submit them.

    Everything that is missing or wrong is listed at once. If there is no card, one is created for you to fill in.

    A running board scores them itself; its answer is an id to ask with. A local board scores them at once, in this
    process. To the Hub goes a pull request. Sent twice, a submission is taken in once.

    \b
    Examples:
      bench submit demo:careful --to demo.sqlite
      bench submit runs/mine
      bench submit runs/mine --card card.yaml --to https://board.example.org --wait
      bench submit runs/mine/predictions.jsonl --card card.yaml --to hf://datasets/OWNER/NAME
      bench submit status s_0123456789abcdef --to https://board.example.org

    \b
    Exit codes: 0 done, 2 rejected or bad usage, 3 encoder unavailable (local board), 4 data missing, 5 the board
    refused or could not score, 6 cannot write, 130 interrupted.
    """
    from bioreview_bench.data.folder import canonical_split

    from .submit_needs import gather_card, gather_data, gather_files

    needs, split = Needs(), canonical_split(split)
    files = gather_files(needs, predictions, card, dry_run)
    data = inputs.implied(predictions, data or "", None)[0] or None
    wanted = data or options.data_setting()
    to = to or value_of("board")
    extra = find_spec("sqlalchemy") is not None
    kind, where = _target(to) if extra else ("local", to or _DEFAULT_BOARD)
    if kind == "running" and not dry_run:
        with needs.gather():
            _require_token(token_file)
    elif kind == "hub" or not ("://" in where or Path(where).exists()):
        gather_data(needs, wanted, contracts)
    if needs.parts and files is not None and extra:
        gather_card(needs, files.card)
    needs.require()
    assert files is not None
    from ..submit import client, hub_target, local_target
    from ..submit.submission import Sending

    messages = options.Messages(quiet)
    run = _run_file(files.predictions, run_file, no_run, messages)
    sending = Sending(files.predictions, files.card, run, split, marked, dry_run, trial)
    if kind == "running":
        sent = client.send(where, sending, token_file, messages, wait=wait, plain_http=plain_http)
        show(sent, form, messages)
    elif kind == "hub":
        _show_proposal(hub_target.send(where, sending, wanted), form)
    else:
        show(local_target.send(where, sending, data, contracts, messages), form, messages)


def _require_token(file: Path | None) -> None:
    from ..submit.client import read_token

    read_token(file)


def _target(to: str | None) -> tuple[Literal["running", "hub", "local"], str]:
    """(its kind, where it is) of what `--to` names; without it `board.sqlite` in this folder. Raises InputError."""
    from ..submit.hub_target import SCHEME, parse_address

    if to is None:
        return "local", _DEFAULT_BOARD
    if to.startswith(("http://", "https://")):
        return "running", to
    if to.startswith("hf:"):
        return "hub", parse_address(to)
    if "://" in to and not to.startswith(("postgresql", "postgres", "sqlite")):
        raise InputError(
            f"{printable(to)} is not a target.", remedy=f"--to https://HOST, a board's file, or {SCHEME}OWNER/NAME"
        )
    if "://" not in to and Path(to).is_dir():
        raise InputError(f"{to} is a folder.", remedy=f"--to {Path(to) / _DEFAULT_BOARD}")
    return "local", to


def show(status: SubmissionStatus | None, form: str, messages: options.Messages) -> None:
    """Print a status; raises when it is a failure. None: it was only checked."""
    import sys

    if status is None:
        messages.say("Everything is in order; nothing was sent.")
        return
    if form == "json":
        click.echo(status.model_dump_json())
    else:
        from bioreview_bench.report.terminal import print_blocks

        print_blocks(blocks(status), sys.stdout)
    raise_for(status)


def _show_proposal(address: str | None, form: str) -> None:

    if address is None:
        click.echo("Everything is in order; nothing was sent.", err=True)
    elif form == "json":
        options.show_json({"pull_request": address})
    else:
        click.echo(f"Pull request: {address}\nIt is scored once the board's maintainers have merged and synced it.")


def _run_file(predictions: Path, given: Path | None, no_run: bool, messages: options.Messages) -> Path | None:
    if no_run:
        if given is not None:
            raise click.UsageError("--run and --no-run contradict each other.")
        return None
    beside = run_of(predictions)
    if given is None and beside.ignored:
        messages.say(beside.ignored)
    if given is not None or not beside.said:
        return given
    path = predictions.with_name(MANIFEST)
    messages.say(f"{path} is sent along; --no-run leaves it out.")
    return path


def blocks(status: SubmissionStatus) -> list[Block]:
    """Identity, states and headline figures."""
    from bioreview_bench.report.blocks import Facts, Table, figure
    from bioreview_bench.report.meaning import SATURATED

    facts = [
        ("Submission", status.id),
        ("System", printable(f"{status.system} {status.version}")),
        ("Team", printable(status.team)),
        (
            "Split",
            status.split + (", marked as the one to rank" if status.marked else ", a trial" if status.trial else ""),
        ),
        ("State", status.state + (f": {printable(status.reason, 300)}" if status.reason else "")),
        ("", status.meaning),
    ]
    found: list[Block] = [Facts(facts)]
    moments = [
        [event.state, event.at.strftime("%Y-%m-%d %H:%M:%S"), printable(event.reason or "", 200)]
        for event in status.events
    ]
    found.append(Table("States", ["state", "since (UTC)", "why"], moments))
    if status.results:
        rows = [
            [
                printable(one.label),
                _with_interval(one.f1),
                SATURATED if one.saturated else _with_interval(one.skill),
                figure(one.null_f1),
                figure(one.echo_match_rate),
                _with_interval(one.recall),
                _with_interval(one.precision),
            ]
            for one in status.results
        ]
        header = ["contract", "F1", "skill", "null F1", "echo match rate", "recall", "precision"]
        found.append(Table("Scored by the board", header, rows))
    return found


def raise_for(status: SubmissionStatus) -> None:
    """Raise what makes a submission a failure of the command: InputError when rejected, RemoteError when failed."""
    if status.state == "rejected":
        listed = [Problem(printable(one.message, 300), one.line) for one in status.problems]
        raise InputError(
            f"Submission {status.id} is rejected: {status.n_problems:,} problems.",
            problems=listed,
            remedy="fix them and submit again",
        )
    if status.state == "failed":
        raise RemoteError(
            f"Submission {status.id} could not be scored: {printable(status.reason or 'no reason given', 300)}",
            remedy="tell the board's maintainers; they can have it scored again",
        )


def _with_interval(shown: Figure) -> str:
    from bioreview_bench.report.blocks import figure

    if shown.bounds is None:
        return figure(shown.value)
    return f"{figure(shown.value)} [{figure(shown.low)}, {figure(shown.high)}]"


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
    """The state of submission ID: its states with time and reason, its problems, its figures.

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
    """Make the submission ID the one of its team that ranks. Only before the team's first score on the split.

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

    kind, where = _target(asked.to or value_of("board"))
    if kind == "hub":
        raise InputError(
            "What became of a pull request is on its page on the Hub.", remedy="--to the board that syncs from there"
        )
    if kind == "running":
        from ..submit.client import BoardClient, read_token

        token = read_token(asked.token_file)
        with BoardClient(where, token, plain_http=asked.plain_http, on_retry=asked.messages.say) as client:
            yield client
    else:
        from ..submit.local_target import existing

        with existing(where, asked.messages) as board:
            yield board
