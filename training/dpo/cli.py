"""`bench train dpo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..runs.cli import Asked, finished, run_options, told

if TYPE_CHECKING:
    from ..runs.running import Talk
    from .config import DpoConfig


@click.command()
@run_options("--data", "data.folder", ": a folder with pairs.jsonl")
def dpo(asked: Asked) -> None:
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
    from .config import load_dpo_config

    asked.carry_out("dpo", load_dpo_config, _train, _dry_run)


def _train(config: DpoConfig, out: Path, again: str, form: str, talk: Talk) -> None:
    from ..runs.folder import ADAPTER
    from .train import check, train

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
    from . import plan as dpo_dry_run

    plan = dpo_dry_run.plan(config, given, talk.progress)
    told(form, lambda: dpo_dry_run.facts(config, plan), lambda: dpo_dry_run.lines(config, plan))
