"""`bench train sweep`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli import options
from bioreview_bench.cli.lazy import UnnamedCommand

_WRITE = "write"  # the name of the hidden command; users write the config's name instead
_COLUMNS = {
    "variant": "folder",
    "state": "state",
    "steps": "n_steps",
    "train loss": "train_loss",
    "eval loss": "eval_loss",
    "best step": "step",
    "F1": "f1",
    "skill": "skill",
}


class SweepGroup(click.Group):
    """A group in which any word that is no subcommand is the name of a config to vary."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A subcommand, or the hidden command that varies CONFIG."""
        if args and args[0] not in self.commands:
            return _WRITE, write, args
        return super().resolve_command(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """What may follow `bench train sweep`."""
        return ["CONFIG --set KEY=VALUE,VALUE... -o DIR", "| collect DIR"]


@click.group(cls=SweepGroup)
def sweep() -> None:
    """Write CONFIG in variants, one folder each; or collect what came of them.

    \b
    Examples:
      bench train sweep qwen3_8b --set learning_rate=1e-4,3e-4 --set data.folder=corpora/a -o sweeps/lr
      bench train sweep mine.yaml --set r=8,16,32 --set dropout=0.0,0.05 -o sweeps/adapter
      bench train sft sweeps/lr/learning_rate=0.0001/config.yaml -o sweeps/lr/learning_rate=0.0001/run
      bench train probe sweeps/lr/learning_rate=0.0001/run
      bench train sweep collect sweeps/lr
    """


class WriteCommand(UnnamedCommand):
    """A command whose usage shows a config in the place of its own name."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """`bench train sweep CONFIG ...`."""
        formatter.write_usage(ctx.command_path, "CONFIG --set KEY=VALUE,VALUE... -o DIR")


@click.command(_WRITE, cls=WriteCommand, hidden=True)
@click.argument("config_name", metavar="CONFIG")
@click.option(
    "--set", "settings", multiple=True, required=True, metavar="KEY=VALUE,VALUE", help="What varies; may be repeated."
)
@options.output_option("A new folder.", required=True)
def write(config_name: str, settings: tuple[str, ...], out: Path) -> None:
    """Write every combination of the settings to DIR/VARIANT/config.yaml, and print the commands that train them.

    A setting with one value changes it in all variants.

    \b
    Example:
      bench train sweep qwen3_8b --set learning_rate=1e-4,3e-4 -o sweeps/lr
    """
    from ..cluster.sweep import command, variants, write_sweep

    made = variants(config_name, settings)
    write_sweep(config_name, made, out)
    for variant in made:
        click.echo(command(variant, out))
    collecting = f"bench train sweep collect {shlex.quote(str(out))}"
    click.echo(f"{len(made)} configs in {out}. Next: the commands above, then {collecting}", err=True)


@sweep.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@options.format_option("text", "json")
def collect(folder: Path, form: str) -> None:
    """Show the progress, losses and best checkpoint of each variant.

    DIR is the folder of the sweep. The best checkpoint is the one that the last probe ranks first.
    \b
    Example:
      bench train sweep collect sweeps/lr
    """
    from ..cluster.sweep import collect as outcomes_of

    outcomes = outcomes_of(folder)
    if form == "json":
        options.show_json(outcomes)
        return
    _print(folder, outcomes)


def _print(folder: Path, outcomes: Sequence[Mapping[str, Any]]) -> None:
    from bioreview_bench.report.blocks import Table
    from bioreview_bench.report.terminal import print_blocks

    table = [[_cell(row[key]) for key in _COLUMNS.values()] for row in outcomes]
    print_blocks([Table(f"Sweep {folder}", list(_COLUMNS), table, ("train loss",))], sys.stdout)
    probed = {row["probed"] for row in outcomes if row["probed"] is not None}
    if len(probed) > 1:
        click.echo("Probes differ, so their scores are not comparable: " + "; ".join(sorted(probed)))
    elif not probed:
        click.echo(f"No probe yet: bench train probe {shlex.quote(str(folder / 'VARIANT/run'))}")


def _cell(value: str | float | None) -> str:
    from bioreview_bench.report.blocks import figure

    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else figure(value)
