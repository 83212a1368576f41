"""Entry point of `bench`. Commands are imported when they are run, so that help and validation stay instant."""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points, version
from typing import NoReturn

import click

from bioreview_bench.cli.lazy import LazyGroup
from bioreview_bench.errors import SHOWN, BenchError, cannot_write

ENTRY_POINT = "bioreview_bench.commands"  # where installed packages, the satellites among them, add commands

_COMMANDS = {
    "evaluate": ("bioreview_bench.cli.evaluate:evaluate", "Score a predictions file."),
    "validate": ("bioreview_bench.cli.validate:validate", "Check a predictions file without scoring it."),
    "report": ("bioreview_bench.cli.results.report:report", "Make an HTML report of a result."),
    "compare": ("bioreview_bench.cli.results.compare:compare", "Compare results: intervals, tests, tied groups."),
    "stability": (
        "bioreview_bench.cli.results.compare:stability",
        "How stable a ranking is over thresholds and contracts.",
    ),
    "diagnose": ("bioreview_bench.cli.results.diagnose:diagnose", "How systems fail, and what nobody finds."),
    "controls": ("bioreview_bench.cli.controls:controls", "Score the control reviewers of a split."),
    "demo": ("bioreview_bench.cli.controls:demo", "Rank reviewers of known quality: which contract to believe."),
    "audit": ("bioreview_bench.cli.data.audit:audit", "Audit data: leaks, repetitions, labels, dates."),
    "calibrate": ("bioreview_bench.cli.calibrate:calibrate", "Choose a threshold under which copying does not pay."),
    "contract": ("bioreview_bench.cli.contract:contract", "List, show and audit contracts."),
    "data": ("bioreview_bench.cli.data.group:data", "Get, check, divide and release articles."),
    "encoder": ("bioreview_bench.cli.setup.encoder:encoder", "List, fetch and check encoders."),
    "encode": ("bioreview_bench.cli.setup.encoder:encode", "Encode a corpus with several devices or machines."),
    "config": ("bioreview_bench.cli.setup.config:config", "Remember data, contract and board for the next commands."),
    "cache": ("bioreview_bench.cli.setup.cache:cache", "Show or clear what is cached."),
    "schema": ("bioreview_bench.cli.validate:schema", "Print the JSON Schema of a file format."),
}


class Bench(LazyGroup):
    """The core's commands, and those that installed packages add."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The core's, then the others by name."""
        return [*super().list_commands(ctx), *sorted(_added())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        point = None if cmd_name in self.table else _added().get(cmd_name)
        return point.load() if point is not None else super().get_command(ctx, cmd_name)

    def summaries(self) -> list[tuple[str, str]]:
        """Added commands are imported for their summary."""
        added = [(name, point.load().get_short_help_str(limit=_SUMMARY)) for name, point in sorted(_added().items())]
        return super().summaries() + added


_SUMMARY = 60  # characters of a command's summary that fit a line of 80


def _added() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT)}


@click.group(cls=Bench, table=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("bioreview-bench"), prog_name="bench")
def bench() -> None:
    """Score machine reviewers of biomedical papers against the concerns that human reviewers raised.

    \b
    Try it without a download:
      bench demo
      bench evaluate demo:careful
    Score your own predictions:
      bench config set data v3=FOLDER
      bench validate predictions.jsonl
      bench evaluate predictions.jsonl --split test -o mine.result.json
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run `bench` and leave with its exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run `bench`; the exit code (see `bioreview_bench.errors`)."""
    said: dict[str, bool] = {}  # what the command's options say of messages
    _escape_what_cannot_be_shown()
    try:
        given = None if arguments is None else list(arguments)
        code = bench.main(args=given, prog_name="bench", standalone_mode=False, obj=said)
        sys.stdout.flush()
    except SystemExit as error:  # how click and rich answer a reader that has gone (`| head`)
        _discard_stdout()
        return 0 if error.code == 1 else int(error.code or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BenchError as error:
        click.secho("Error: ", fg="red", bold=True, nl=False, err=True)
        hint = " (--all lists them)" if "all" in said else ""
        click.echo(error.shown(None if said.get("all") else SHOWN, hint), err=True)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo(
            "Interrupted: nothing is half-written, and what was finished is kept. Run the same command to go on.",
            err=True,
        )
        return 130
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EPIPE):
            raise
        _discard_stdout()
        if error.errno == errno.EPIPE:
            return 0
        failure = cannot_write("the output", error)
        click.echo(f"Error: {failure}", err=True)
        return failure.exit_code
    return code if isinstance(code, int) else 0


def _escape_what_cannot_be_shown() -> None:
    """Print characters that the encoding of the output lacks (Windows, bare containers) as JSON writes them, so that
    JSON keeps its content."""
    codecs.register_error("json_escapes", _json_escapes)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="json_escapes")


def _json_escapes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _discard_stdout() -> None:
    """Let the interpreter's flush at exit go nowhere: what can be said about the failed stream has been said."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
