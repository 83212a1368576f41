"""`bench submit`: send predictions and a card to a board, and ask what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bioreview_bench.cli import options
from bioreview_bench.cli.lazy import LazyGroup

from ..extras import require_leaderboard

if TYPE_CHECKING:
    from ..store.api import SubmissionStatus

_HERE = "bioreview_bench.leaderboard.cli."
_COMMANDS = {
    "init": (_HERE + "submit_init:init", "Write a card to fill in, begun from run.json."),
    "status": (_HERE + "submit_status:status", "Where a submission stands."),
    "mark": (_HERE + "submit_status:mark", "Name a submission, not yet scored, as the one to rank."),
    "withdraw": (_HERE + "submit_status:withdraw", "Take a submission back."),
}
_SEND = "send"


class _SubmitGroup(LazyGroup):
    """Without one of the subcommands' names in front, arguments are those of sending."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Sending is not listed: it is what the group itself does."""
        return self.prepared(send) if cmd_name == _SEND else super().get_command(ctx, cmd_name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the hidden command's name in front of what names none."""
        if args and args[0] not in self.table and args[0] not in ("-h", "--help"):
            args = [_SEND, *args]
        return super().parse_args(ctx, args)

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
    short_help="Submit predictions to a board; ask what became of them.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def submit() -> None:
    """Submit predictions."""


to_option = click.option(
    "--to",
    metavar="URL|FILE|hf://...",
    help="A running board, a board's database, or hf://datasets/OWNER/NAME. Default: board.sqlite in this folder, "
    "made when it is not there.",
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


@click.command(_SEND, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("predictions", type=click.Path(path_type=Path))
@click.option("--card", required=True, type=click.Path(path_type=Path), metavar="card.yaml", help="What the system is.")
@click.option(
    "--run",
    "run_file",
    type=click.Path(path_type=Path),
    metavar="run.json",
    help="The run's manifest. Default: run.json beside the predictions, when there is one.",
)
@click.option("--no-run", is_flag=True, help="Leave run.json out.")
@options.split_option
@to_option
@click.option("--mark", "marked", is_flag=True, help="This is the one to rank among the team's submissions.")
@click.option("--wait", is_flag=True, help="Wait until it is scored, and show its figures.")
@click.option("--dry-run", is_flag=True, help="Check everything as the board will, and send nothing.")
@token_option
@plain_http_option
@click.option(
    "--data",
    metavar="DATA",
    help="As for bench evaluate; for a board that is made now, and for hf://. Default: v3.",
)
@click.option(
    "--contract",
    "contracts",
    multiple=True,
    metavar="NAME|FILE",
    help="For a board that is made now; may be repeated. A calibrated one ranks, else the first. Default: v3.",
)
@options.format_option("text", "json")
@options.quiet_option
def send(
    predictions: Path,
    card: Path,
    run_file: Path | None,
    no_run: bool,
    split: str,
    to: str | None,
    marked: bool,
    wait: bool,
    dry_run: bool,
    token_file: Path | None,
    plain_http: bool,
    data: str | None,
    contracts: tuple[str, ...],
    form: str,
    quiet: bool,
) -> None:
    """Check PREDICTIONS and the card by the board's own rules, list everything wrong with them, and submit them.

    A running board scores them itself; its answer is an id to ask with. A local board scores them at once, in this
    process. To the Hub goes a pull request. Sent twice, a submission is taken in once.

    \b
    Examples:
      bench submit init runs/mine -o card.yaml
      bench submit runs/mine/predictions.jsonl --card card.yaml --to https://board.example.org --wait
      bench submit runs/mine/predictions.jsonl --card card.yaml --data demo --contract demo
      bench submit runs/mine/predictions.jsonl --card card.yaml --to hf://datasets/OWNER/NAME
      bench submit status s_0123456789abcdef --to https://board.example.org

    \b
    Exit codes: 0 done, 2 rejected or bad usage, 3 encoder unavailable (local board), 4 data missing, 5 the board
    refused or could not score, 6 cannot write, 130 interrupted.
    """
    from bioreview_bench.data.folder import canonical_split

    from ..submit import client, hub_target, local_target
    from ..submit.submission import Sending
    from ..submit.targets import OnHub, RunningBoard, parse_target

    messages = options.Messages(quiet)
    target = parse_target(to)
    run = _run_file(predictions, run_file, no_run, messages)
    sending = Sending(predictions, card, run, canonical_split(split), marked, dry_run)
    if isinstance(target, RunningBoard):
        sent = client.send(target.url, sending, token_file, messages, wait=wait, plain_http=plain_http)
        show(sent, form, messages)
    elif isinstance(target, OnHub):
        _show_proposal(hub_target.send(target.repo, sending, data or "v3"), form)
    else:
        show(local_target.send(target.where, sending, data, contracts, messages), form, messages)


def show(status: SubmissionStatus | None, form: str, messages: options.Messages) -> None:
    """Print a status; raises when it is a failure. None: it was only checked."""
    import sys

    from ..submit.report import blocks, raise_for

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
    import json

    if address is None:
        click.echo("Everything is in order; nothing was sent.", err=True)
    elif form == "json":
        click.echo(json.dumps({"pull_request": address}))
    else:
        click.echo(f"Pull request: {address}\nIt is scored once the board's maintainers have merged and synced it.")


def _run_file(predictions: Path, given: Path | None, no_run: bool, messages: options.Messages) -> Path | None:
    if no_run:
        if given is not None:
            raise click.UsageError("--run and --no-run contradict each other.")
        return None
    beside = predictions.parent / "run.json"
    if given is None and beside.is_file():
        messages.say(f"{beside} is sent along; --no-run leaves it out.")
        return beside
    return given
