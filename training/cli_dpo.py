"""`bench train dpo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bioreview_bench.cli import options

if TYPE_CHECKING:
    from .dpo_config import DpoConfig
    from .running import Talk


@click.command()
@click.argument("config_name", metavar="CONFIG")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="RUN", help="Folder of the run. Default: runs/NAME."
)
@click.option("--data", metavar="DIR", help="As --set data.folder=DIR: a folder with pairs.jsonl.")
@click.option("--model", metavar="MODEL", help="As --set model.name=MODEL: a folder, or ORG/MODEL[@REVISION].")
@click.option("--adapter", "adapters", multiple=True, metavar="DIR", help="As --set start.adapters=[DIR, ...].")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a value of the config; may be repeated."
)
@click.option("--dry-run", is_flag=True, help="Lengths, steps, memory; nothing is loaded or written.")
@click.option(
    "--gpu-memory", type=click.FloatRange(min=0, min_open=True), metavar="GIB", help="With --dry-run: check against it."
)
@options.format_option("text", "json")
@options.quiet_option
def dpo(
    config_name: str,
    out: Path | None,
    data: str | None,
    model: str | None,
    adapters: tuple[str, ...],
    settings: tuple[str, ...],
    dry_run: bool,
    gpu_memory: float | None,
    form: str,
    quiet: bool,
) -> None:
    """Train an adapter on preference pairs (DPO) by CONFIG: a YAML file, or one of the package's (dpo_kmp,
    dpo_review).

    It starts from an SFT adapter, which is also the reference. How often the chosen answer of held-out pairs is the
    likelier one is printed before and after. The same command resumes a run. Ctrl-C, SIGTERM and SIGUSR1 stop it after
    a step, with a checkpoint.

    \b
    Examples:
      bench train dpo dpo_kmp --data data/kmp --adapter runs/kmp_mistral7b --dry-run
      bench train dpo dpo_kmp --data data/kmp --adapter runs/kmp_mistral7b -o runs/dpo
      bench train dpo dpo_review --data pairs/a --adapter runs/sft-a --set start.last=continued -o runs/dpo-a

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 library, model or GPU unavailable, 4 data missing, changed or not to
    be trained on, 6 cannot write, 130 stopped by a signal (the message says how to resume).
    """
    from .cli_runs import Given, command, gpu, talking
    from .dpo_config import load_dpo_config

    given = Given(config_name, data, model, adapters, settings)
    config = load_dpo_config(config_name, given.all_settings)
    out = out if out is not None else Path("runs") / config.name
    with talking(quiet) as talk:
        if dry_run:
            _dry_run(config, gpu(gpu_memory), form, talk)
        elif gpu_memory is not None:
            raise click.UsageError("--gpu-memory goes with --dry-run.")
        else:
            _train(config, out, command("dpo", given, out), form, talk)


def _train(config: DpoConfig, out: Path, again: str, form: str, talk: Talk) -> None:
    from .cli_runs import finished
    from .dpo import check, train
    from .run_folder import ADAPTER

    summary = finished(check, train, config, out, again, form, talk)
    if summary is None:
        return
    held_out = summary["metrics"]["held_out"]
    click.echo(f"{out / ADAPTER}: {summary['n_steps']:,} steps in {summary['seconds']:,.0f} s")
    click.echo(f"On {held_out['before']['n']:,} held-out pairs                     before     after")
    for key, label in (
        ("accuracy", "chosen likelier, as a whole"),
        ("per_token", "chosen likelier, by token"),
        ("margin", "log p(chosen) - log p(rejected)"),
    ):
        before, after = held_out["before"][key], held_out["after"][key]
        shown = f"{before:>9.1%} {after:>9.1%}" if key != "margin" else f"{before:>9.2f} {after:>9.2f}"
        click.echo(f"  {label:<35}{shown}")


def _dry_run(config: DpoConfig, given: tuple[int, str] | None, form: str, talk: Talk) -> None:
    from . import dpo_dry_run
    from .cli_runs import told

    plan = dpo_dry_run.plan(config, given, talk.progress)
    told(form, lambda: dpo_dry_run.facts(config, plan), lambda: dpo_dry_run.lines(config, plan))
