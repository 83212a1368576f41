"""`bench train grpo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..runs.cli import Asked, finished, run_options, told

if TYPE_CHECKING:
    from ..runs.running import Talk
    from .config import GrpoConfig


@click.command()
@run_options("--data", "data.folder", ": a folder with grpo.jsonl, or a corpus")
def grpo(asked: Asked) -> None:
    """Train an adapter by rewards of what it writes itself (GRPO), by CONFIG: a YAML file, or one of the package's
    (grpo_mve, grpo_full, grpo_full_v2, grpo_phase4, grpo_review).

    Every sample is kept with its reward and components in samples/ of the run. Impossible settings, prompts that are
    too long, and questions of a held-out tissue are refused before a model is loaded. The same command resumes a run.
    Ctrl-C, SIGTERM and SIGUSR1 stop it, with a checkpoint, when the completions at hand are used up.

    \b
    Examples:
      bench train grpo grpo_full --data data/kmp --adapter runs/kmp_mistral7b --dry-run
      bench train grpo grpo_full --data data/kmp --adapter runs/kmp_mistral7b -o runs/grpo
      bench train grpo grpo_full --data data/kmp --adapter runs/kmp_mistral7b --adapter runs/dpo -o runs/grpo
      bench train grpo grpo_review --data corpora/a --adapter runs/sft-a --set reward.data=v3=FOLDER -o runs/grpo-a

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 library, model or GPU unavailable, 4 data missing, changed or not to
    be trained on, 6 cannot write, 130 stopped by a signal (the message says how to resume).
    """
    from .config import load_grpo_config

    asked.carry_out("grpo", load_grpo_config, _train, _dry_run)


def _train(config: GrpoConfig, out: Path, again: str, form: str, talk: Talk) -> None:
    from ..runs.folder import ADAPTER
    from .judges import FOLDER
    from .train import check, train

    summary = finished(check, train, config, out, again, form, talk)
    if summary is None:
        return
    metrics = summary["metrics"]
    click.echo(
        f"{out / ADAPTER}: {summary['n_steps']:,} steps in {summary['seconds']:,.0f} s, reward "
        f"{_shown(metrics['first_reward'])} at first, {_shown(metrics['last_reward'])} at last"
    )
    click.echo(
        f"Groups without variance: {_shown(metrics['groups_without_variance'])}; {metrics['n_unrewarded']:,} of "
        f"{metrics['n_samples']:,} samples had no reward; samples are in {out / FOLDER}"
    )


def _dry_run(config: GrpoConfig, given: tuple[int, str] | None, form: str, talk: Talk) -> None:
    from . import plan as grpo_dry_run

    plan = grpo_dry_run.plan(config, given, talk.progress)
    told(form, lambda: grpo_dry_run.facts(config, plan), lambda: grpo_dry_run.lines(config, plan))


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
