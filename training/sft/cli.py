"""`bench train sft`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..runs.cli import Asked, finished, run_options, told

if TYPE_CHECKING:
    from ..config.parts import SftConfig
    from ..runs.running import Talk


@click.command()
@run_options("--corpus", "corpus.folder", adapters=False)
def sft(asked: Asked) -> None:
    """Train an adapter by CONFIG: a YAML file, or one of the package's (qwen3_8b, qwen3.5_9b, qwen3.5_9b_fast,
    qwen3.5_9b_hi_conf, qwen2.5_14b, deepseek_r1_14b, gemma2_9b; for answers to questions kmp_mistral7b,
    kmp_qwen2.5_7b, kmp_phi2).

    The loss lies on the answers alone, which is proved on every example before the first step; nothing is cut. The
    same command resumes a run. Ctrl-C, SIGTERM and SIGUSR1 stop it after a step, with a checkpoint.

    \b
    Examples:
      bench train sft qwen3_8b --corpus corpora/a --dry-run
      bench train sft qwen3_8b --corpus corpora/a -o runs/sft-a
      bench train sft mine.yaml --set optimiser.lr=1e-4 -o runs/slow
      bench train sft kmp_mistral7b --corpus data/kmp -o runs/kmp-sft
      accelerate launch -m bioreview_bench.training.sft mine.yaml -o runs/mine

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 library, model or GPU unavailable, 4 corpus missing, changed or not
    to be trained on, 6 cannot write, 130 stopped by a signal (the message says how to resume).
    """
    from ..config.parts import load_config

    asked.carry_out("sft", load_config, _train, _dry_run)


def _train(config: SftConfig, out: Path, again: str, form: str, talk: Talk) -> None:
    from ..runs.folder import ADAPTER
    from .train import check, train

    summary = finished(check, train, config, out, again, form, talk)
    if summary is None:
        return
    metrics = summary["metrics"]
    losses = f"loss {_shown(metrics['first_train_loss'])} at first, {_shown(metrics['train_loss'])} at last"
    if metrics["eval_loss"] is not None:
        losses += f"; on val {_shown(metrics['eval_loss'])}"
    click.echo(f"{out / ADAPTER}: {summary['n_steps']:,} steps in {summary['seconds']:,.0f} s, {losses}")
    click.echo(f"Next: {_next(config, out, summary)}")


def _next(config: SftConfig, out: Path, summary: Mapping[str, Any]) -> str:
    from ..qa.prompt import PROMPT_ID
    from ..runs.folder import ADAPTER

    if summary["prompt"]["id"] != PROMPT_ID:
        return f"bench train probe {out}, or bench train generate --adapter {out / ADAPTER}"
    words = ["--baseline", config.model.name, "--adapters", str(out)]
    questions = Path(config.corpus.folder) / "eval.jsonl"
    return f"bench train evaluate-qa {shlex.join([*words, '--questions', str(questions)])}"


def _dry_run(config: SftConfig, given: tuple[int, str] | None, form: str, talk: Talk) -> None:
    from ..runs.preparing import agreed_corpus, require_packages
    from . import plan as dry_run

    require_packages(config)
    corpus = agreed_corpus(config)
    made = dry_run.plan(config, corpus, given, talk.progress)
    told(form, lambda: dry_run.facts(config, corpus, made), lambda: dry_run.lines(config, corpus, made))


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
