"""`bench train probe`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli import options

from .generate import engine_option, tensor_parallel_option


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--n", type=click.IntRange(min=2), default=50, show_default=True, help="Articles of val to review.")
@options.data_option
@click.option("--seed", type=click.IntRange(min=0), default=42, show_default=True, help="Chooses the articles.")
@click.option(
    "--contract", show_default=options.DEFAULT_CONTRACT, metavar="NAME|FILE", help="v3, reader, demo or a TOML file."
)
@options.encoder_path_option
@click.option("--model", metavar="MODEL", help="Where the base model is now. Default: where it was trained from.")
@click.option("--prompt", metavar="FILE", help="The prompt's file, for a run that was trained with one.")
@click.option("--step", "steps", multiple=True, type=click.IntRange(min=1), metavar="N", help="Only this checkpoint.")
@click.option(
    "--param",
    "parameters",
    multiple=True,
    default=("temperature=0",),
    show_default=True,
    metavar="K=V",
    help="As for bench baseline; may be repeated.",
)
@engine_option
@tensor_parallel_option
@options.allow_unfrozen_option
@options.format_option("text", "json")
@options.quiet_option
def probe(run: Path, form: str, quiet: bool, **given: Any) -> None:
    """Let every checkpoint of RUN review the same N articles of val, and score them.

    The articles are chosen by the seed and recorded. Reviews are made by bench baseline and kept in RUN/probes, so a
    probe that was cut off goes on. Checkpoints of DPO and GRPO are applied to the adapters that they were trained on.
    A sample this small ranks checkpoints roughly; it is no result to quote.

    \b
    Examples:
      bench train probe runs/qwen3_8b
      bench train probe runs/qwen3_8b --n 20 --step 400 --step 800 --data v3=/my/files
      bench train probe runs/qwen3_8b --engine vllm
      bench train probe runs/tiny --data demo --n 4

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 model or encoder unavailable, 4 data missing, 5 articles failed for
    good, 6 cannot write, 130 interrupted.
    """
    from ..publish.probe import ProbeSettings
    from ..publish.probe import probe as work

    messages = options.Messages(quiet)
    report = work(ProbeSettings(run, **given), messages.say)
    if form == "json":
        options.show_json(report)
        return
    _print(report)


def _print(report: Mapping[str, Any]) -> None:
    from bioreview_bench.report.blocks import Facts, Table, figure
    from bioreview_bench.report.terminal import print_blocks

    sample = report["sample"]
    rows = [
        [
            f"{point['step']:,}",
            figure(point["eval_loss"]),
            figure(point["f1"]),
            figure(point["skill"]),
            figure(point["recall"]),
            figure(point["concerns"], 1),
            f"{point['answered']}/{sample['n']}",
        ]
        for point in report["points"]
    ]
    facts = Facts(
        [
            ("run", report["run"]),
            ("articles", f"{sample['n']} of {sample['split'].partition('#')[0]}, chosen by seed {sample['seed']}"),
            ("contract", report["contract"]),
        ]
    )
    header = ["step", "eval loss", "F1", "skill", "recall", "concerns", "answered"]
    print_blocks([facts, Table("Checkpoints", header, rows)], sys.stdout)
