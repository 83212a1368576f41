"""`bench train generate`: a trained model reviews a split, by the reviewers of `bench baseline`."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Any

import click

from bioreview_bench.cli import options

engine_option = click.option(
    "--engine",
    type=click.Choice(["transformers", "vllm"]),
    default="transformers",
    show_default=True,
    help="vllm takes one adapter; merge the others first.",
)
tensor_parallel_option = click.option(
    "--tensor-parallel", type=click.IntRange(min=1), metavar="N", help="Accelerators for one model (vllm)."
)
_PASSED = ("limit", "ids", "concurrency", "tensor_parallel")  # options of bench baseline, handed on as they are


@click.command()
@click.option("--model", metavar="MODEL", help="The base model. Default: the one that the first adapter records.")
@click.option("--adapter", "adapters", multiple=True, metavar="PATH", help="In order: each but the last is merged.")
@options.data_option
@options.split_option
@options.output_option("Default: runs/ADAPTER-SPLIT.")
@engine_option
@click.option("--seed", type=click.IntRange(min=0), default=42, show_default=True, help="Seed of sampling.")
@click.option("--param", "parameters", multiple=True, metavar="K=V", help="As for bench baseline; may be repeated.")
@click.option("--prompt", metavar="ID|FILE", help="Default: as trained, and another one is an error.")
@click.option("--thinking/--no-thinking", default=None, help="Default: as trained, and otherwise an error.")
@click.option("--budget", type=click.IntRange(min=1), metavar="N", help="Tokens of paper. Default: as trained.")
@click.option("--counter", metavar="NAME", help="How tokens are counted. Default: as trained.")
@click.option("--other-base", is_flag=True, help="Use MODEL though the adapter was trained on another.")
@options.limit_option
@click.option("--ids", type=click.Path(path_type=Path), metavar="FILE", help="Only these articles: one id a line.")
@click.option("--concurrency", type=click.IntRange(min=1), metavar="N", help="Papers under review at once.")
@tensor_parallel_option
@options.allow_unfrozen_option
@click.option("--dry-run", is_flag=True, help="Count articles and tokens; load no weights.")
@options.quiet_option
@click.pass_context
def generate(ctx: click.Context, /, adapters: tuple[str, ...], dry_run: bool, quiet: bool, **given: Any) -> None:
    """Let MODEL under its adapters review a split into DIR: predictions.jsonl and run.json, as bench baseline does.

    Prompt, thinking, budget and counter come from the adapter's training_summary.json. Several adapters are applied
    in order: base, the first added to its weights in their own precision, the next on top. The same command resumes.

    \b
    Examples:
      bench train generate --adapter runs/sft-a
      bench train generate --model ORG/MODEL --adapter runs/sft-a --adapter runs/dpo --split val
      bench train generate --model merged/sft-a --engine vllm --tensor-parallel 2
      bench train generate --adapter runs/sft-a --param bits=4

    \b
    Exit codes: as for bench baseline.
    """
    from ..models.adapters import resolved
    from ..publish import generate as generating

    passed = [
        word for name in _PASSED if (value := given.pop(name)) is not None for word in (_option(name), str(value))
    ]
    flags = {"allow_unfrozen": given.pop("allow_unfrozen"), "dry_run": dry_run, "quiet": quiet}
    passed += [_option(name) for name, on in flags.items() if on]
    request = generating.ReviewRequest(adapters=tuple(map(resolved, adapters)), passed=tuple(passed), **given)
    planned = generating.plan(request)
    planned.write()
    if not quiet:
        click.echo(f"Running: {shlex.join(['bench', *planned.arguments])}", err=True)
    before, started = generating.count_rows(planned.out), time.monotonic()
    try:
        run_bench(ctx, planned.arguments)
    finally:
        if not (dry_run or quiet):
            seconds, done = time.monotonic() - started, generating.count_rows(planned.out) - before
            click.echo(generating.timing(seconds, done))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def run_bench(ctx: click.Context, arguments: list[str]) -> None:
    """Run another command of `bench`, found by its name, in this process."""
    from bioreview_bench.errors import EncoderError
    from bioreview_bench.files.install import install_command

    root = ctx.find_root().command
    found = root.get_command(ctx.find_root(), arguments[0]) if isinstance(root, click.Group) else None
    if found is None:
        raise EncoderError(f"There is no command bench {arguments[0]} here.", remedy=install_command("baselines"))
    found.main(args=arguments[1:], prog_name=f"bench {arguments[0]}", standalone_mode=False)
