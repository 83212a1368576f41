"""`bench train sft`, `dpo` and `grpo`: one run each, by a config."""

from __future__ import annotations

import functools
import os
import shlex
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options

if TYPE_CHECKING:
    from ..runs.run import Method


@dataclass(frozen=True)
class Command:
    """What was typed, but for how it is reported."""

    config_name: str
    folder: str | None
    model: str | None
    settings: tuple[str, ...]
    out: Path | None
    adapters: tuple[str, ...] = ()

    @property
    def all_settings(self) -> tuple[str, ...]:
        """Settings and the options that stand for one."""
        from ..config.load import as_settings

        return as_settings(self.settings, self.folder, self.model, self.adapters)

    def again(self, method: str, out: Path) -> str:
        """The command as it is typed again."""
        launched = "WORLD_SIZE" in os.environ
        start = f"accelerate launch -m bioreview_bench.training.{method}" if launched else f"bench train {method}"
        words = [self.config_name, "-o", str(out)]
        words += [_folder_option(method), self.folder] if self.folder is not None else []
        words += ["--model", self.model] if self.model is not None else []
        for adapter in self.adapters:
            words += ["--adapter", adapter]
        for setting in self.settings:
            words += ["--set", setting]
        return f"{start} {shlex.join(words)}"


def _folder_option(method: str) -> str:
    return "--corpus" if method == "sft" else "--data"


def _runs(method: str, what: str) -> Callable[[Callable[[], None]], click.Command]:
    """A command that trains by a config; the function that it decorates is its help."""
    chain = click.option(
        "--adapter", "adapters", multiple=True, metavar="DIR", help="As --set start.adapters=[DIR, ...]."
    )
    decorators = [
        click.command(method),
        click.argument("config_name", metavar="CONFIG"),
        options.output_option("Folder of the run. Default: runs/NAME.", "RUN"),
        click.option(_folder_option(method), "folder", metavar="DIR", help=f"As --set data.folder=DIR: {what}."),
        click.option("--model", metavar="MODEL", help="As --set model.name=MODEL: a folder, or ORG/MODEL[@REVISION]."),
        *([] if method == "sft" else [chain]),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change a value of the config (trl.NAME for any argument of TRL); may be repeated.",
        ),
        click.option("--dry-run", is_flag=True, help="Lengths, steps, memory; nothing is loaded or written."),
        click.option(
            "--gpu-memory",
            type=click.FloatRange(min=0, min_open=True),
            metavar="GIB",
            help="With --dry-run: check against it.",
        ),
        options.format_option("text", "json"),
        options.quiet_option,
    ]

    def decorate(documented: Callable[[], None]) -> click.Command:
        @functools.wraps(documented)
        def called(dry_run: bool, gpu_memory: float | None, form: str, quiet: bool, **given: Any) -> None:
            if gpu_memory is not None and not dry_run:
                raise click.UsageError("--gpu-memory goes with --dry-run.")
            from ..config.load import method_of

            work = functools.partial(_plan, gpu_memory=gpu_memory) if dry_run else _train
            work(method_of(method), Command(**given), form, quiet)

        decorated: Any = called
        for decorator in reversed(decorators):
            decorated = decorator(decorated)
        made: click.Command = decorated
        return made

    return decorate


@_runs("sft", "a corpus")
def sft() -> None:
    """Train an adapter by CONFIG: a YAML file, or one of the package's (bench train config list).

    The loss lies on the answers alone, which is validated on every example before the first step; nothing is cut. The
    same command resumes a run. Ctrl-C, SIGTERM and SIGUSR1 stop it after a step, with a checkpoint.

    \b
    Examples:
      bench train sft qwen3_8b --corpus corpora/a --dry-run
      bench train sft qwen3_8b --corpus corpora/a -o runs/sft-a
      bench train sft mine.yaml --set trl.learning_rate=1e-4 -o runs/slow
      bench train sft kmp_mistral7b --corpus data/kmp -o runs/kmp-sft
      accelerate launch -m bioreview_bench.training.sft mine.yaml -o runs/mine

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 library, model or GPU unavailable, 4 corpus missing, changed or not
    to be trained on, 6 cannot write, 130 stopped by a signal (the message says how to resume).
    """


@_runs("dpo", "a folder with pairs.jsonl")
def dpo() -> None:
    """Train an adapter on preference pairs (DPO) by CONFIG: a YAML file, or one of the package's (bench train config
    list).

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


@_runs("grpo", "a folder with grpo.jsonl, or a corpus")
def grpo() -> None:
    """Train an adapter by rewards of what it writes itself (GRPO), by CONFIG: a YAML file, or one of the package's
    (bench train config list).

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


def _plan(method: Method, command: Command, form: str, quiet: bool, *, gpu_memory: float | None) -> None:
    from ..config.load import load
    from ..console import Console
    from ..models import memory
    from ..runs.plan import facts
    from ..runs.processes import offline

    stated = None if gpu_memory is None else (int(gpu_memory * memory.GB), f"a GPU of {gpu_memory:g} GiB")
    with closing(Console(quiet)) as console, offline():
        config = load(method.name, command.config_name, command.all_settings)
        made = facts(method, config, stated or memory.device_memory(), console)
    lines = made.pop("lines")
    if form == "json":
        options.show_json(made)
    else:
        click.echo("\n".join(lines))


def _train(method: Method, command: Command, form: str, quiet: bool) -> None:
    from ..config.load import load
    from ..console import Console, is_first_process
    from ..models.summary import read_summary
    from ..runs.folder import ADAPTER
    from ..runs.processes import offline
    from ..runs.run import check
    from ..runs.training import train

    with closing(Console(quiet)) as console, offline():
        config = load(method.name, command.config_name, command.all_settings)
        out = command.out if command.out is not None else Path("runs") / config.name
        run = check(method, config, out, command.again(method.name, out), console)
        if run is None:
            console.say(f"{out} is finished already; nothing was done.")
            summary = read_summary(out / ADAPTER)
        else:
            summary = train(run, console).summary
    if not is_first_process():
        return
    if form == "json":
        options.show_json(summary)
        return
    took = f"{out / ADAPTER}: {summary['n_steps']:,} steps in {summary['seconds']:,.0f} s"
    first, *rest = method.report(summary, out)
    first_next, *more = _next(summary, out)
    click.echo("\n".join([f"{took}, {first}", *rest, f"Next: {first_next}", *(f"  or: {one}" for one in more)]))


def _next(summary: dict[str, Any], out: Path) -> list[str]:
    """Commands after this run: reviewers are probed or generated with, answers to questions evaluated."""
    from ..publish.probe import merged_before

    if summary["prompt"]["id"] != "qa":
        label = (summary["corpus"].get("data") or {}).get("label")
        data = ["--data", label] if label in ("demo", "v4") else []  # v3 is the default
        model = str(summary["config"]["model"]["name"])
        where = ["--model", model] if Path(model).expanduser().is_dir() else []  # records do not say where that is
        chain = [word for one in (*merged_before(summary), str(out)) for word in ("--adapter", one)]
        probe, generate = ["probe", str(out)], ["generate", *where, *chain, "--split", "val"]
        return [f"bench train {shlex.join([*words, *data])}" for words in (probe, generate)]
    config = summary["config"]
    adapters = ",".join([*((config["start"] or {}).get("adapters") or []), str(out)])
    questions = Path(config["data"]["folder"]) / "eval.jsonl"
    words = ["--baseline", config["model"]["name"], "--adapters", adapters, "--questions", str(questions)]
    return [f"bench train evaluate-qa {shlex.join(words)}"]
